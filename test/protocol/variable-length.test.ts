import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lengthBytes, readLength, writeLength } from "../../src/protocol/variable-length.ts";
import { variableByteInteger } from "../support/variable-byte-integer.ts";

const anyValue = fc.oneof(
  fc.nat({ max: 268_435_455 }),
  fc.constantFrom(0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455),
);

describe("a variable byte integer", () => {
  it("is written in its shortest form and read as it was written (1.5.5) [MQTT-1.5.5-1]", () => {
    const check = (value: number) => {
      const buffer = Buffer.alloc(8);
      const end = writeLength(buffer, 2, value);
      expect([...buffer.subarray(2, end)]).toEqual(variableByteInteger(value));
      expect(lengthBytes(value)).toBe(end - 2);
      expect(readLength(buffer, 2, end)).toBe(value);
    };
    fc.assert(fc.property(anyValue, check), { numRuns: 1000 });
  });

  it.each([
    ["cut off", [0x80]],
    ["not there", []],
    ["in two bytes that need be one", [0x80, 0x00]],
    ["in four bytes that need be three", [0xff, 0xff, 0x80, 0x00]],
    ["in five bytes", [0x80, 0x80, 0x80, 0x80, 0x01]],
  ])("is malformed where it is %s", (_what, bytes) => {
    const chunk = Buffer.concat([Buffer.from(bytes), Buffer.from([1])]);
    expect(() => readLength(chunk, 0, bytes.length)).toThrow(expect.objectContaining({ code: "ERR_MALFORMED_PACKET" }));
  });
});
