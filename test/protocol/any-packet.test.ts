import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { anyClientPacket, anyPacketOf, kindsOf } from "../support/any-client-packet.ts";
import { type ClientPacket, type Version, wirePacket } from "../support/client-packet.ts";
import { anyCuts, cutAnywhere } from "../support/cut-anywhere.ts";
import { ClientPacketReader } from "../support/read-client-packet.ts";
import { saidBy } from "../support/said-by.ts";

/** Beyond this, a packet other than PUBLISH is refused whatever it says. */
const CONTROL_BYTES_MAX = 512 * 1024;
const versions: Version[] = [3, 4, 5];

/** Reads the pieces of a stream as a connection does. The bytes of a piece are gone when the next one comes. */
function readPieces(pieces: readonly Buffer[], version: Version): { kind: string; said: unknown }[] {
  const frames = new FrameReader(1 << 22);
  const reader = new ClientPacketReader(version);
  const all: { kind: string; said: unknown }[] = [];
  for (const piece of pieces) {
    // Between other bytes, as in a slab.
    const slab = Buffer.concat([Buffer.from([0xff]), piece, Buffer.from([0xff, 0xff])]);
    frames.push(slab, 1, 1 + piece.length);
    while (frames.next()) all.push(reader.read(frames));
  }
  return all;
}

describe.each(versions)("a stream of protocol level %i", (version) => {
  it.each(kindsOf(version))("says with any %s just what was written", (kind) => {
    const anyPacket = anyPacketOf(kind, version).filter((packet) => isAccepted(packet, version));
    const check = (packet: ClientPacket) => {
      const [read, ...more] = readPieces([wirePacket(packet, version)], version);
      expect(read).toStrictEqual({ kind, said: saidBy(packet, version) });
      expect(more).toEqual([]);
    };
    fc.assert(fc.property(anyPacket, check), { numRuns: 300 });
  });

  it("says the same wherever it is cut", () => {
    const anyStream = fc.array(
      anyClientPacket(version).filter((each) => isAccepted(each, version)),
      { maxLength: 8 },
    );
    const check = (packets: ClientPacket[], cuts: number[]) => {
      const stream = Buffer.concat(packets.map((packet) => wirePacket(packet, version)));
      const read = readPieces(cutAnywhere(stream, cuts), version);
      const expected = packets.map((packet) => ({ kind: packet.kind, said: saidBy(packet, version) }));
      expect(read).toStrictEqual(expected);
    };
    fc.assert(fc.property(anyStream, anyCuts, check), { numRuns: 200 });
  });
});

function isAccepted(packet: ClientPacket, version: Version): boolean {
  return packet.kind === "publish" || wirePacket(packet, version).length < CONTROL_BYTES_MAX;
}
