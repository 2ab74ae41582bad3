import { WaypostError } from "../waypost-error.ts";
import { packetType } from "./packet-type.ts";

/**
 * Largest remaining length of packets other than PUBLISH. The largest CONNECT has some 330,000 bytes; a SUBSCRIBE of
 * megabytes has no use but to keep the gateway busy: a million filters take seconds.
 */
const CONTROL_BYTES_MAX = 512 * 1024;
const EMPTY = Buffer.alloc(0);

/**
 * Cuts frames from the bytes of a stream without copying. After `next()` returned true, one whole frame lies in
 * `chunk`: its fixed header at `start`, its variable header and payload from `body` to `end`. What outlives the turn
 * has to be copied, or ten bytes keep the whole chunk alive.
 */
export class FrameReader {
  chunk: Buffer = EMPTY;
  start = 0;
  body = 0;
  end = 0;
  /** The largest remaining length that is accepted, in bytes. */
  remainingLengthMax: number;
  #at = 0;
  #limit = 0;
  // The frame that came only in part, copied into one buffer that grows in steps: joining at each arrival would be
  // quadratic, and a buffer for each arrival costs a hundred bytes where a hostile peer sends single ones.
  #part: Buffer = EMPTY;
  #partBytes = 0;
  #needed = 0;

  constructor(remainingLengthMax: number) {
    this.remainingLengthMax = remainingLengthMax;
  }

  /** Adds the bytes of `chunk` from `start` to `end`. All whole frames of those before must have been read. */
  push(chunk: Buffer, start: number, end: number): void {
    if (this.#partBytes === 0) {
      this.chunk = chunk;
      this.#at = start;
      this.#limit = end;
      return;
    }
    this.#keepPart(chunk, start, end);
    if (this.#partBytes < this.#needed) return;
    this.chunk = this.#part;
    this.#at = 0;
    this.#limit = this.#partBytes;
    this.#part = EMPTY;
    this.#partBytes = 0;
  }

  /**
   * Finds the next whole frame.
   * @throws ERR_MALFORMED_PACKET for a remaining length of more than four bytes (MQTT 3.1.1, 2.2.3)
   * @throws ERR_PACKET_TOO_LARGE
   */
  next(): boolean {
    const chunk = this.chunk;
    const start = this.#at;
    const limit = this.#limit;
    if (limit - start < 2) return this.#keep(start, 2);
    let at = start + 1;
    let byte = chunk[at++] as number;
    let length = byte & 127;
    let shift = 7;
    while (byte & 128) {
      if (shift > 21) {
        throw new WaypostError("ERR_MALFORMED_PACKET", "the remaining length has more than four bytes");
      }
      if (at === limit) return this.#keep(start, at - start + 1);
      byte = chunk[at++] as number;
      length += (byte & 127) << shift;
      shift += 7;
    }
    const isPublish = (chunk[start] as number) >> 4 === packetType.publish;
    if (length > this.remainingLengthMax || (length > CONTROL_BYTES_MAX && !isPublish)) {
      const max = isPublish ? this.remainingLengthMax : Math.min(this.remainingLengthMax, CONTROL_BYTES_MAX);
      throw new WaypostError("ERR_PACKET_TOO_LARGE", `a packet of ${length} bytes is over the limit of ${max}`);
    }
    if (at + length > limit) return this.#keep(start, at + length - start);
    this.start = start;
    this.body = at;
    this.end = at + length;
    this.#at = this.end;
    return true;
  }

  #keep(start: number, needed: number): false {
    if (start < this.#limit) {
      this.#needed = needed;
      this.#keepPart(this.chunk, start, this.#limit);
    }
    this.chunk = EMPTY;
    this.#at = 0;
    this.#limit = 0;
    return false;
  }

  #keepPart(chunk: Buffer, start: number, end: number): void {
    const bytes = this.#partBytes + end - start;
    if (bytes > this.#part.length) {
      const grown = Buffer.allocUnsafe(Math.max(bytes, Math.min(this.#needed, 4 * bytes)));
      this.#part.copy(grown, 0, 0, this.#partBytes);
      this.#part = grown;
    }
    chunk.copy(this.#part, this.#partBytes, start, end);
    this.#partBytes = bytes;
  }
}
