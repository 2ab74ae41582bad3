const SMALLEST_RING = 16;
/** A ring beyond this size is given back when it is empty: a burst must not hold its memory for ever. */
const KEPT_RING_MAX = 1024;

/** The messages of one kind in a mailbox, first in first out. */
export class Lane<T extends { readonly bytes: number }> {
  /** Index of the kind whose messages these are; an empty lane may be given to another kind. */
  kind: number;
  depth = 0;
  bytes = 0;
  // A ring whose length is a power of two.
  #ring = new Array<T | undefined>(SMALLEST_RING);
  #head = 0;

  constructor(kind: number) {
    this.kind = kind;
  }

  /** The oldest message. */
  get head(): T | undefined {
    return this.#ring[this.#head];
  }

  append(message: T): void {
    if (this.depth === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.depth) & (this.#ring.length - 1)] = message;
    this.depth++;
    this.bytes += message.bytes;
  }

  /** Removes and returns the oldest message. */
  take(): T | undefined {
    if (this.depth === 0) return undefined;
    const message = this.#ring[this.#head] as T;
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.depth--;
    this.bytes -= message.bytes;
    if (this.depth === 0 && this.#ring.length > KEPT_RING_MAX) {
      this.#ring = new Array<T | undefined>(SMALLEST_RING);
      this.#head = 0;
    }
    return message;
  }

  #grow(): void {
    const old = this.#ring;
    const ring = new Array<T | undefined>(old.length * 2);
    for (let i = 0; i < this.depth; i++) ring[i] = old[(this.#head + i) & (old.length - 1)];
    this.#ring = ring;
    this.#head = 0;
  }
}
