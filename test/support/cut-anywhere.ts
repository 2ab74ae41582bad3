import fc, { type Arbitrary } from "fast-check";

/** Lengths of the pieces into which a stream is cut: single bytes, a few, or many at once. */
export const anyCuts: Arbitrary<number[]> = fc.array(
  fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 70_000 })),
  { minLength: 1, maxLength: 12 },
);

/** The pieces of `bytes` whose lengths are those of `cuts`, again and again. */
export function cutAnywhere(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = at + (cuts[i % cuts.length] as number);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}
