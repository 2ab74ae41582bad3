const publishType = 3;

/** Cuts the frames of PUBLISH packets from the chunks of a stream, wherever those end; the others are skipped. */
export class FrameCutter {
  #kept: Buffer[] = [];
  #keptBytes = 0;
  /** Fewer bytes than these are no frame yet, so it is not worth while to join them. */
  #neededBytes = 0;

  /** Gives the flags of the fixed header, and what follows that. The bytes are a slice of the chunk. */
  *read(chunk: Buffer): Generator<{ flags: number; body: Buffer }> {
    this.#kept.push(chunk);
    this.#keptBytes += chunk.length;
    if (this.#keptBytes < this.#neededBytes) return;
    let rest = this.#kept.length === 1 ? chunk : Buffer.concat(this.#kept);
    for (;;) {
      const frame = frameAt(rest);
      if (typeof frame === "number") {
        this.#neededBytes = frame;
        break;
      }
      const first = rest[0]!;
      if (first >> 4 === publishType) yield { flags: first & 15, body: rest.subarray(frame.start, frame.end) };
      rest = rest.subarray(frame.end);
    }
    this.#kept = rest.length === 0 ? [] : [rest];
    this.#keptBytes = rest.length;
  }
}

/** Where the body of the first frame lies; if it is not whole, how many bytes there must be to see further. */
function frameAt(bytes: Buffer): { start: number; end: number } | number {
  let length = 0;
  for (let index = 1; index <= 4; index++) {
    const byte = bytes[index];
    if (byte === undefined) return index + 1;
    length += (byte & 127) << (7 * (index - 1));
    if (byte < 128) {
      const end = index + 1 + length;
      return end > bytes.length ? end : { start: index + 1, end };
    }
  }
  // No MQTT any more; MQTT.js says so.
  return Number.POSITIVE_INFINITY;
}
