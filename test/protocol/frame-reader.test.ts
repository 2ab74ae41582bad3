import { describe, expect, it } from "vitest";
import { FrameReader } from "../../src/protocol/frame-reader.ts";

/** A frame with a body of `bytes` bytes whose every byte is `fill`. */
function frame(bytes: number, fill: number, first = 0x30): Buffer {
  const length: number[] = [];
  let rest = bytes;
  do {
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from([first, ...length]), Buffer.alloc(bytes, fill)]);
}

/** Pushes the chunks and returns the bytes of all frames that come out. */
function read(chunks: Buffer[], max = 1 << 22): Buffer[] {
  const reader = new FrameReader(max);
  const frames: Buffer[] = [];
  for (const chunk of chunks) {
    // Between other bytes, as in a slab.
    const slab = Buffer.concat([Buffer.from([0xff, 0xff]), chunk, Buffer.from([0xff])]);
    reader.push(slab, 2, 2 + chunk.length);
    while (reader.next()) {
      expect(reader.body).toBeGreaterThan(reader.start);
      frames.push(Buffer.from(reader.chunk.subarray(reader.start, reader.end)));
    }
    slab.fill(0); // memory of a chunk may be used again once its turn is over
  }
  return frames;
}

/** Compares natively: byte by byte, a matcher takes seconds. */
function expectFrames(actual: Buffer[], expected: Buffer[]): void {
  expect(actual.map((each) => each.length)).toEqual(expected.map((each) => each.length));
  expect(Buffer.concat(actual).equals(Buffer.concat(expected))).toBe(true);
}

const sizes = [0, 1, 2, 126, 127, 128, 129, 16_383, 16_384, 70_000, 3];
const frames = sizes.map((bytes, index) => frame(bytes, index + 1));
const stream = Buffer.concat(frames);

function cut(bytes: Buffer, at: (offset: number) => number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = Math.max(1, at(offset));
    chunks.push(Buffer.from(bytes.subarray(offset, offset + length)));
    offset += length;
  }
  return chunks;
}

describe("FrameReader", () => {
  it("cuts several frames from one chunk", () => {
    expectFrames(read([stream]), frames);
  });

  it("puts frames together from single bytes", () => {
    expectFrames(read(cut(stream, () => 1)), frames);
  });

  it.each([2, 3, 5, 7, 64, 127, 1000, 65_536])("reads the same frames from chunks of %i bytes", (bytes) => {
    expectFrames(read(cut(stream, () => bytes)), frames);
  });

  it("reads the same frames from chunks of any lengths", () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return seed;
    };
    for (let round = 0; round < 50; round++) expectFrames(read(cut(stream, () => random() % 200)), frames);
  });

  it("accepts a remaining length of four bytes, and refuses a fifth", () => {
    expect(read([Buffer.from([0x30, 0x80, 0x80, 0x80, 0x00])])).toHaveLength(1);
    expect(() => read([Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80])])).toThrow(
      expect.objectContaining({ code: "ERR_MALFORMED_PACKET" }),
    );
  });

  it("refuses a remaining length over the limit before its bytes have come", () => {
    expect(() => read([Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])], 1000)).toThrow(
      expect.objectContaining({ code: "ERR_PACKET_TOO_LARGE" }),
    );
    expect(read([frame(1000, 1)], 1000)).toHaveLength(1);
  });

  it("takes large payloads, but no control packets of megabytes", () => {
    expect(read([frame(1 << 20, 1)])).toHaveLength(1);
    expect(() => read([frame(1 << 20, 1, 0x82)])).toThrow(expect.objectContaining({ code: "ERR_PACKET_TOO_LARGE" }));
    expect(read([frame(400_000, 1, 0x82)])).toHaveLength(1);
  });
});
