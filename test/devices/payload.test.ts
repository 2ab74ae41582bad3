import { describe, expect, it } from "vitest";
import { decodePayload, encodePayload } from "../../devices/payload.ts";

const stamp = { run: "run-1", sender: "camera-1", topic: "home/camera-1/picture", sequence: 7, sentAtMs: 1234.5 };

describe("the payload of a simulated message", () => {
  it.each([
    ["no body", Buffer.alloc(0)],
    ["a text", Buffer.from('{"celsius":21.5}\n')],
    ["a picture of a megabyte", Buffer.alloc(1_000_000, 0xa5)],
  ])("carries its stamp and %s", (_, body) => {
    const decoded = decodePayload(encodePayload(stamp, body));
    expect(decoded).toHaveProperty("stamp", stamp);
    expect("body" in decoded && decoded.body.equals(body)).toBe(true);
  });

  it("can be read by a person", () => {
    const text = encodePayload(stamp, Buffer.from('{"celsius":21.5}')).toString();
    expect(text).toMatch(/^[0-9a-f]{8} \{"run":"run-1",.*"sequence":7,.*\}\n\{"celsius":21.5\}$/);
  });

  it("is torn when any one byte of it is changed", () => {
    const payload = encodePayload(stamp, Buffer.from("on"));
    for (let index = 0; index < payload.length; index++) {
      const changed = Buffer.from(payload);
      changed[index]! ^= 0x01;
      expect(decodePayload(changed), `byte ${index}`).toHaveProperty("torn");
    }
  });

  it("is torn when it is cut anywhere, or continued", () => {
    const payload = encodePayload(stamp, Buffer.from("on"));
    for (let length = 0; length < payload.length; length++) {
      expect(decodePayload(payload.subarray(0, length)), `${length} bytes`).toHaveProperty("torn");
    }
    expect(decodePayload(Buffer.concat([payload, Buffer.from("!")]))).toHaveProperty("torn");
  });

  it("is torn when it is something else altogether", () => {
    for (const text of ["", "on", "00000000 null\n", "00000000 {}\n", "\n".repeat(20)]) {
      expect(decodePayload(Buffer.from(text))).toHaveProperty("torn");
    }
  });
});
