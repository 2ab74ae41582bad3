/** One control packet with just this first byte and this body; the remaining length is written in the fewest bytes. */
export function frame(firstByte: number, ...body: (Buffer | number[])[]): Buffer {
  const bytes = Buffer.concat(body.map((part) => Buffer.from(part)));
  const header = [firstByte];
  let rest = bytes.length;
  do {
    const digit = rest & 127;
    rest >>>= 7;
    header.push(rest > 0 ? digit | 128 : digit);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), bytes]);
}

/** A length-prefixed field: text, or bytes that need not be text. */
export function field(value: string | number[] | Buffer): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value) : Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}
