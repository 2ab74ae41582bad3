import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../devices/clock.ts";
import { Line } from "../../../devices/uplink/line.ts";
import type { Ended } from "../../../devices/uplink/proxied.ts";
import type { TroubleKind } from "../../../devices/uplink/trouble.ts";

/** Everything that a socket has got, and a wait for a part of it. */
class Ear {
  readonly socket: Socket;
  #text = "";
  #wake: () => void = () => {};
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.#text += text;
      this.#wake();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  async hears(text: string): Promise<void> {
    await this.#until(() => this.#text.includes(text));
  }

  async closes(): Promise<void> {
    await this.#until(() => this.isClosed);
  }

  get text(): string {
    return this.#text;
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

type House = {
  line: Line;
  /** Connects through the line; gives both ends. */
  open(): Promise<{ near: Ear; far: Ear }>;
  dial(): Ear;
  ends: Ended[];
  ended(): Promise<Ended>;
  arrived(): Promise<Ear>;
};

async function house(): Promise<House> {
  const sockets: Socket[] = [];
  const cloud: Server = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await once(cloud, "listening");
  const { port } = cloud.address() as AddressInfo;
  const ends: Ended[] = [];
  let wake: () => void = () => {};
  const line = new Line({
    port: 0,
    cloud: { host: "127.0.0.1", port },
    clock: systemClock,
    opened: () => (ended) => {
      ends.push(ended);
      wake();
    },
  });
  await line.open();
  onTestFinished(async () => {
    await line.close();
    for (const socket of sockets) socket.destroy();
    cloud.close();
  });
  const dial = () => new Ear(connect(line.port, "127.0.0.1"));
  const arrived = async () => {
    const [socket] = (await once(cloud, "connection")) as [Socket];
    return new Ear(socket);
  };
  return {
    line,
    ends,
    dial,
    arrived,
    async ended() {
      while (ends.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return ends[0]!;
    },
    async open() {
      const coming = arrived();
      const near = dial();
      const far = await coming;
      near.socket.write("hello;");
      await far.hears("hello;");
      far.socket.write("welcome;");
      await near.hears("welcome;");
      return { near, far };
    },
  };
}

const spoil = (line: Line, kind: TroubleKind, bytesPerSecond = 1_000) => line.spoil({ kind, bytesPerSecond });

describe("the line to the cloud", () => {
  it("hands on what either end says, and their ends", async () => {
    const { open, ended } = await house();
    const { near, far } = await open();
    far.socket.end("goodbye;");
    await near.hears("goodbye;");
    await near.closes();
    expect(await ended()).toEqual({ spoiledSinceMs: undefined, hasCarried: true, by: "cloud" });
  });

  it("cuts what there is, and lets new connections through", async () => {
    const { line, open, ended } = await house();
    const { near, far } = await open();
    spoil(line, "cut");
    await Promise.all([near.closes(), far.closes()]);
    expect(await ended()).toEqual({ spoiledSinceMs: expect.any(Number), hasCarried: true, by: "line" });
    await open();
  });

  it("refuses connections until it is healed", async () => {
    const { line, open, dial } = await house();
    const { near } = await open();
    spoil(line, "refused");
    await near.closes();
    const refused = dial();
    await refused.closes();
    expect(refused.text).toBe("");
    await line.heal();
    await open();
  });

  it("is slow when it is throttled, loses nothing, and is quick again", async () => {
    const { line, open, ends } = await house();
    const { near, far } = await open();
    spoil(line, "throttled", 4_000);
    near.socket.write(`${"x".repeat(400)}|${"x".repeat(1_000_000)}#`);
    await far.hears("|");
    expect(far.text.length).toBeLessThan(1_000_000);
    await line.heal();
    await far.hears("#");
    expect(far.text.length).toBe("hello;".length + 1_000_402);
    expect(ends).toEqual([]);
  });

  it("is silent both ways, accepts, and goes on where it was when it is healed", async () => {
    const { line, open, dial, arrived } = await house();
    const { near, far } = await open();
    spoil(line, "silent");
    near.socket.write("up;");
    far.socket.write("down;");
    const coming = arrived();
    const other = dial();
    await once(other.socket, "connect");
    other.socket.write("me too;");
    const otherFar = await coming;
    expect([near.text, far.text]).toEqual(["welcome;", "hello;"]);
    await line.heal();
    await Promise.all([far.hears("up;"), near.hears("down;"), otherFar.hears("me too;")]);
  });

  it.each([
    ["devoured", "hello;"],
    ["muted", "hello;up;more;"],
  ] as const)("%s: what the gateway sends is read, no answer comes back, and healing resets", async (kind, heard) => {
    const { line, open, ended } = await house();
    const { near, far } = await open();
    spoil(line, kind);
    near.socket.write("up;");
    far.socket.write("answer;");
    if (kind === "muted") await far.hears("up;");
    // A round through the kernel: with it, what went before is there.
    await new Promise<void>((resolve) => near.socket.write("more;", () => resolve()));
    if (kind === "muted") await far.hears("more;");
    await line.heal();
    await Promise.all([near.closes(), far.closes()]);
    expect([far.text, near.text]).toEqual([heard, "welcome;"]);
    expect(await ended()).toMatchObject({ spoiledSinceMs: expect.any(Number), by: "line" });
    await open();
  });

  it("loses the cloud's end, and the gateway hears nothing of it until it hangs up", async () => {
    const { line, open, ended } = await house();
    const { near, far } = await open();
    spoil(line, "cloud-gone");
    await far.closes();
    near.socket.write("anybody?;");
    await line.heal();
    await open();
    expect(near.isClosed).toBe(false);
    near.socket.end();
    expect(await ended()).toMatchObject({ hasCarried: true, by: "gateway" });
  });

  it("loses the gateway's end, and the cloud hears nothing of it until it hangs up", async () => {
    const { line, open, ended } = await house();
    const { near, far } = await open();
    spoil(line, "gateway-gone");
    await near.closes();
    expect(await ended()).toMatchObject({ spoiledSinceMs: expect.any(Number), by: "line" });
    await line.heal();
    await open();
    expect(far.isClosed).toBe(false);
    far.socket.end();
    await far.closes();
  });

  it("says of a connection that is opened while it is spoiled that it was", async () => {
    const { line, dial, arrived, ended } = await house();
    spoil(line, "muted");
    const coming = arrived();
    const near = dial();
    const far = await coming;
    near.socket.write("hello;");
    await far.hears("hello;");
    near.socket.end();
    near.socket.destroy();
    await line.heal();
    expect(await ended()).toMatchObject({ spoiledSinceMs: expect.any(Number), hasCarried: false });
  });
});
