/**
 * Memory that outgoing frames are written into, one after another, so that frames for the same connection lie side by
 * side and leave as one slice. A slab that is used up is left to those who still hold slices of it.
 */
export class WireSlab {
  readonly #slabBytes: number;
  buffer: Buffer;
  #at = 0;

  constructor(slabBytes: number) {
    this.#slabBytes = slabBytes;
    this.buffer = Buffer.allocUnsafeSlow(slabBytes);
  }

  /** Reserves `bytes` bytes of `buffer` and returns where they begin. Large frames get a buffer of their own. */
  reserve(bytes: number): number {
    if (this.#at + bytes > this.buffer.length) {
      this.buffer = Buffer.allocUnsafeSlow(Math.max(this.#slabBytes, bytes));
      this.#at = 0;
    }
    const start = this.#at;
    this.#at += bytes;
    return start;
  }
}
