import { once } from "node:events";
import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { Flusher, StreamWriter } from "../../src/device/stream-writer.ts";

/** A stream whose writes finish when the test says so. */
class SlowStream extends Duplex {
  readonly writes: string[] = [];
  readonly #finish: (() => void)[] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(chunk.toString());
    this.#finish.push(done);
    this.emit("written");
  }

  /** The peer reads: one write is done. */
  async peerReads(): Promise<void> {
    this.#finish.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function setUp() {
  const stream = new SlowStream();
  let progressed = 0;
  const writer = new StreamWriter(stream, new Flusher(), () => progressed++);
  const send = (text: string) => {
    const bytes = Buffer.from(text);
    writer.send(bytes, 0, bytes.length);
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { stream, writer, send, turn, progress: () => progressed };
}

describe("StreamWriter", () => {
  it("sends what one turn produced in one write, in order", async () => {
    const { stream, send, turn } = setUp();
    for (const text of ["a", "b", "c"]) send(text);
    expect(stream.writes).toEqual([]);
    await turn();
    expect(stream.writes).toEqual(["abc"]);
  });

  it("joins slices that lie side by side without copying them", async () => {
    const { stream, writer, turn } = setUp();
    const memory = Buffer.from("0123456789");
    for (const [start, end] of [
      [0, 3],
      [3, 4],
      [4, 9],
    ] as const)
      writer.send(memory, start, end);
    let written: Buffer | undefined;
    const write = stream._write.bind(stream);
    stream._write = (chunk, encoding, done) => {
      written = chunk;
      write(chunk, encoding, done);
    };
    await turn();
    expect(stream.writes).toEqual(["012345678"]);
    expect(written?.buffer).toBe(memory.buffer);
  });

  it("has one write under way, and copies what waits meanwhile", async () => {
    const { stream, writer, turn } = setUp();
    const memory = Buffer.from("first second third");
    writer.send(memory, 0, 6);
    await turn();
    writer.send(memory, 6, 13);
    await turn();
    writer.send(memory, 13, 18);
    await turn();
    expect(stream.writes).toEqual(["first "]);
    expect(writer.unsentBytes).toBe(18);
    memory.fill("x"); // what waits has been copied
    await stream.peerReads();
    expect(stream.writes).toEqual(["first ", "second third"]);
  });

  it("says when the peer has taken what was being written", async () => {
    const { stream, writer, send, turn, progress } = setUp();
    send("a");
    await turn();
    send("b");
    await turn();
    await stream.peerReads();
    expect([progress(), writer.unsentBytes]).toEqual([1, 1]);
    await stream.peerReads();
    expect(progress()).toBe(2);
    expect(writer.unsentBytes).toBe(0);
  });

  it("counts the answers among what the peer has not taken", async () => {
    const { stream, writer, send, turn } = setUp();
    writer.sendAnswer(Buffer.from("ack"), 0, 3);
    send("message");
    await turn();
    writer.sendAnswer(Buffer.from("ack"), 0, 3);
    expect([writer.unsentBytes, writer.unsentAnswerBytes]).toEqual([13, 6]);
    await turn();
    await stream.peerReads();
    expect([writer.unsentBytes, writer.unsentAnswerBytes]).toEqual([3, 3]);
    await stream.peerReads();
    expect(writer.unsentAnswerBytes).toBe(0);
  });

  it("does not wait for the end of the turn with a large amount", () => {
    const { stream, writer } = setUp();
    const large = Buffer.alloc(200 * 1024, "x");
    writer.send(large, 0, large.length);
    expect(stream.writes).toHaveLength(0);
    writer.send(Buffer.from(large), 0, large.length);
    expect(stream.writes.length).toBeGreaterThan(0);
  });

  it("writes a great many small pieces in blocks", async () => {
    const { stream, send, turn } = setUp();
    send("first");
    await turn();
    for (let i = 0; i < 300_000; i++) send("ab");
    await turn();
    await stream.peerReads();
    while (stream.writableLength > 0) await stream.peerReads();
    expect(stream.writes.length).toBeLessThan(10);
    expect(stream.writes.join("")).toBe(`first${"ab".repeat(300_000)}`);
  });

  it("writes what is pending before it ends the stream, and nothing after", async () => {
    const { stream, writer, send } = setUp();
    const finished = once(stream, "finish");
    send("a");
    send("b");
    writer.end();
    send("c");
    writer.end();
    while (stream.writableLength > 0) await stream.peerReads();
    await finished;
    expect(stream.writes.join("")).toBe("ab");
  });

  it("ends the stream also while a write is under way", async () => {
    const { stream, writer, send, turn } = setUp();
    const finished = once(stream, "finish");
    send("a");
    await turn();
    send("b");
    writer.end();
    while (stream.writableLength > 0) await stream.peerReads();
    await finished;
    expect(stream.writes.join("")).toBe("ab");
  });
});
