import fc, { type Arbitrary } from "fast-check";

/** Something that happens to bytes on their way. `at` counts around the end of what there is. */
export type Damage =
  | { kind: "change"; at: number; to: number }
  | { kind: "flip"; at: number; bit: number }
  | { kind: "insert"; at: number; bytes: Buffer }
  | { kind: "remove"; at: number; length: number }
  | { kind: "repeat"; at: number; length: number }
  | { kind: "cut"; at: number };

/** Near the beginning, where the structure of a packet is, or anywhere. */
const anyPlace = fc.oneof(fc.nat({ max: 16 }), fc.nat({ max: 100_000 }));

export const anyDamage: Arbitrary<Damage> = fc.oneof(
  fc.record({
    kind: fc.constant("change" as const),
    at: anyPlace,
    to: fc.oneof(fc.constantFrom(0, 1, 0x26, 0x7f, 0x80, 0xff), fc.nat({ max: 255 })),
  }),
  fc.record({ kind: fc.constant("flip" as const), at: anyPlace, bit: fc.nat({ max: 7 }) }),
  fc.record({
    kind: fc.constant("insert" as const),
    at: anyPlace,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({ kind: fc.constant("remove" as const), at: anyPlace, length: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ kind: fc.constant("repeat" as const), at: anyPlace, length: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant("cut" as const), at: anyPlace }),
);

/** A copy of `whole` to which all this happened, one after another. */
export function damaged(whole: Buffer, damages: readonly Damage[]): Buffer {
  let bytes = Buffer.from(whole);
  for (const damage of damages) {
    if (bytes.length === 0) return bytes;
    const at = damage.at % bytes.length;
    const before = bytes.subarray(0, at);
    const after = bytes.subarray(at);
    switch (damage.kind) {
      case "change":
        bytes[at] = damage.to;
        break;
      case "flip":
        bytes[at] = (bytes[at] as number) ^ (1 << damage.bit);
        break;
      case "insert":
        bytes = Buffer.concat([before, damage.bytes, after]);
        break;
      case "remove":
        bytes = Buffer.concat([before, after.subarray(damage.length)]);
        break;
      case "repeat":
        bytes = Buffer.concat([before, after.subarray(0, damage.length), after]);
        break;
      case "cut":
        bytes = Buffer.from(before);
        break;
    }
  }
  return bytes;
}
