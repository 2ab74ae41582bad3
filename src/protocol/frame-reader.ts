import { WaypostError } from "../waypost-error.ts";

const EMPTY = Buffer.alloc(0);

/**
 * Cuts frames from the chunks of a stream without copying. After `next()` returned true, one whole frame lies in
 * `chunk`: its fixed header at `start`, its variable header and payload from `body` to `end`. Slices of `chunk` are
 * valid for this turn; what outlives it has to be copied, or ten bytes keep the whole chunk alive.
 */
export class FrameReader {
  chunk: Buffer = EMPTY;
  start = 0;
  body = 0;
  end = 0;
  /** The largest remaining length that is accepted, in bytes. */
  remainingLengthMax: number;
  #at = 0;
  // A frame that spans chunks: its parts so far, joined once when it is whole (joining at each chunk is quadratic).
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #needed = 0;

  constructor(remainingLengthMax: number) {
    this.remainingLengthMax = remainingLengthMax;
  }

  /** True while a part of a frame waits for the rest of it. */
  get midFrame(): boolean {
    return this.#partsBytes > 0;
  }

  /** Adds a chunk. All frames of the one before must have been read. */
  push(chunk: Buffer): void {
    if (this.#partsBytes === 0) {
      this.chunk = chunk;
      this.#at = 0;
      return;
    }
    this.#parts.push(chunk);
    this.#partsBytes += chunk.length;
    if (this.#partsBytes < this.#needed) return;
    this.chunk = Buffer.concat(this.#parts, this.#partsBytes);
    this.#at = 0;
    this.#parts = [];
    this.#partsBytes = 0;
  }

  /**
   * Finds the next whole frame.
   * @throws ERR_MALFORMED_PACKET for a remaining length of more than four bytes (MQTT 3.1.1, 2.2.3)
   * @throws ERR_PACKET_TOO_LARGE
   */
  next(): boolean {
    const chunk = this.chunk;
    const start = this.#at;
    const available = chunk.length - start;
    if (available < 2) return this.#keep(start, 2);
    let at = start + 1;
    let byte = chunk[at++] as number;
    let length = byte & 127;
    let shift = 7;
    while (byte & 128) {
      if (shift > 21) {
        throw new WaypostError("ERR_MALFORMED_PACKET", "the remaining length has more than four bytes");
      }
      if (at === chunk.length) return this.#keep(start, at - start + 1);
      byte = chunk[at++] as number;
      length += (byte & 127) << shift;
      shift += 7;
    }
    if (length > this.remainingLengthMax) {
      throw new WaypostError(
        "ERR_PACKET_TOO_LARGE",
        `a packet of ${length} bytes is over the limit of ${this.remainingLengthMax}`,
      );
    }
    if (at + length > chunk.length) return this.#keep(start, at + length - start);
    this.start = start;
    this.body = at;
    this.end = at + length;
    this.#at = this.end;
    return true;
  }

  #keep(start: number, needed: number): false {
    const chunk = this.chunk;
    if (start < chunk.length) {
      this.#parts = [start === 0 ? chunk : chunk.subarray(start)];
      this.#partsBytes = chunk.length - start;
      this.#needed = needed;
    }
    this.chunk = EMPTY;
    this.#at = 0;
    return false;
  }
}
