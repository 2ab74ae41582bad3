/** What a message is to a mailbox: messages of one kind have one `index` and one `priority`, the higher the more important. */
export interface Kind {
  readonly index: number;
  readonly priority: number;
}

const SMALLEST_RING = 16;
/** A ring beyond this size is given back when it is empty: a burst must not hold its memory for ever. */
const KEPT_RING_MAX = 1024;

/** The messages of one kind in a mailbox, first in first out. */
export class Lane<T extends { readonly bytes: number; readonly sequence: number }> {
  /** The kind whose messages these are; an empty lane may be given to another kind. */
  kind: Kind;
  depth = 0;
  bytes = 0;
  // A ring whose length is a power of two.
  #ring = new Array<T | undefined>(SMALLEST_RING);
  #head = 0;

  constructor(kind: Kind) {
    this.kind = kind;
  }

  /** The oldest message. */
  get head(): T | undefined {
    return this.#ring[this.#head];
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let place = 0; place < this.depth; place++) yield this.#at(place) as T;
  }

  append(message: T): void {
    if (this.depth === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.depth) & (this.#ring.length - 1)] = message;
    this.depth++;
    this.bytes += message.bytes;
  }

  /** Puts a message where its sequence belongs, in a lane that is in that order. Costs the way to the nearer end. */
  insert(message: T): void {
    const last = this.depth === 0 ? undefined : this.#at(this.depth - 1);
    this.append(message);
    if (last === undefined || last.sequence <= message.sequence) return;
    const { depth } = this;
    const place = this.#placeOf(message.sequence, depth - 1);
    if (place < depth - 1 - place) {
      // Nearer to the head: the last seat, which is that before the head of a full ring, is given up for one there.
      this.#set(depth - 1, undefined);
      this.#head = (this.#head - 1) & (this.#ring.length - 1);
      for (let i = 0; i < place; i++) this.#set(i, this.#at(i + 1));
    } else {
      for (let i = depth - 1; i > place; i--) this.#set(i, this.#at(i - 1));
    }
    this.#set(place, message);
  }

  /** The same for several in their order: costs their number and that of those behind the first of them. */
  insertAll(messages: readonly T[]): void {
    let left = this.depth;
    for (const message of messages) this.append(message);
    let next = messages.length - 1;
    for (let place = this.depth - 1; next >= 0 && left > 0; place--) {
      const waiting = this.#at(left - 1) as T;
      const inserted = messages[next] as T;
      const isBehind = waiting.sequence > inserted.sequence;
      this.#set(place, isBehind ? waiting : inserted);
      if (isBehind) left--;
      else next--;
    }
    for (let place = next; place >= 0; place--) this.#set(place, messages[place]);
  }

  /** Takes a message out of a lane that is in the order of sequences; false where it is not there. */
  remove(message: T): boolean {
    let place = this.#placeOf(message.sequence - 1, this.depth);
    while (this.#at(place) !== message) {
      if (place >= this.depth || (this.#at(place) as T).sequence !== message.sequence) return false;
      place++;
    }
    if (place < this.depth - 1 - place) {
      for (let i = place; i > 0; i--) this.#set(i, this.#at(i - 1));
      this.#set(0, message);
      this.take();
      return true;
    }
    for (let i = place; i < this.depth - 1; i++) this.#set(i, this.#at(i + 1));
    this.#set(--this.depth, undefined);
    this.bytes -= message.bytes;
    return true;
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

  #at(place: number): T | undefined {
    return this.#ring[(this.#head + place) & (this.#ring.length - 1)];
  }

  #set(place: number, message: T | undefined): void {
    this.#ring[(this.#head + place) & (this.#ring.length - 1)] = message;
  }

  /** The first place, of the first `depth`, of a message that comes after this sequence. */
  #placeOf(sequence: number, depth: number): number {
    let from = 0;
    let to = depth;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#at(middle) as T).sequence <= sequence) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #grow(): void {
    const old = this.#ring;
    const ring = new Array<T | undefined>(old.length * 2);
    for (let i = 0; i < this.depth; i++) ring[i] = old[(this.#head + i) & (old.length - 1)];
    this.#ring = ring;
    this.#head = 0;
  }
}
