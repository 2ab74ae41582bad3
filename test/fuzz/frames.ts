/** Cuts what a gateway sends into packets, by their fixed headers and nothing else. */
export class Frames {
  #rest = Buffer.alloc(0);

  /** The whole packets that there are with these bytes; null for a remaining length that is none. */
  push(chunk: Buffer): Buffer[] | null {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const packets: Buffer[] = [];
    for (;;) {
      const size = sizeOf(bytes);
      if (size === null) return null;
      if (size === undefined || size > bytes.length) break;
      packets.push(bytes.subarray(0, size));
      bytes = bytes.subarray(size);
    }
    this.#rest = Buffer.from(bytes);
    return packets;
  }
}

/** Bytes of the first packet; undefined where its header is not whole, null where it is none. */
function sizeOf(bytes: Buffer): number | null | undefined {
  let length = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = bytes[i];
    if (byte === undefined) return undefined;
    length += (byte & 127) * 128 ** (i - 1);
    if (byte < 128) return i + 1 + length;
  }
  return null;
}
