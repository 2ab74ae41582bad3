/** What a full mailbox does with one message more. */
export type WhenFull = "reject-newest" | "remove-oldest";

export interface MailboxLimits {
  messagesMax: number;
  bytesMax: number;
  whenFull: WhenFull;
}

/** A message knows how many bytes it holds on to. */
export interface Sized {
  readonly bytes: number;
}

const SMALLEST_RING = 16;

/**
 * The bounded line of messages waiting for one receiver, in messages and in bytes, first in first out.
 * `limits` is read at every `put`, so a changed configuration takes effect at once.
 */
export class Mailbox<T extends Sized> {
  readonly #limits: MailboxLimits;
  readonly #dropped: (message: T, hadWaited: boolean) => void;
  // A ring whose length is a power of two; allocated with the first message, since most mailboxes stay empty.
  #ring: (T | undefined)[] = [];
  #head = 0;
  #depth = 0;
  #bytes = 0;

  /** `dropped` is told of every message that the limits cost, before `put` returns, and whether it had waited here. */
  constructor(limits: MailboxLimits, dropped: (message: T, hadWaited: boolean) => void) {
    this.#limits = limits;
    this.#dropped = dropped;
  }

  get depth(): number {
    return this.#depth;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a message at the end. Returns false where the limits refused it (`dropped` was told). */
  put(message: T): boolean {
    const { messagesMax, bytesMax, whenFull } = this.#limits;
    if (this.#depth + 1 > messagesMax || this.#bytes + message.bytes > bytesMax) {
      if (whenFull === "reject-newest" || messagesMax < 1 || message.bytes > bytesMax) {
        this.#dropped(message, false);
        return false;
      }
      while (this.#depth + 1 > messagesMax || this.#bytes + message.bytes > bytesMax) {
        this.#dropped(this.take() as T, true);
      }
    }
    this.#append(message);
    return true;
  }

  /** Adds a message whatever the limits say: for what was accepted before, such as a reloaded session. */
  restore(message: T): void {
    this.#append(message);
  }

  /** The oldest message, left in its place. */
  peek(): T | undefined {
    return this.#ring[this.#head];
  }

  /** Removes and returns the oldest message. */
  take(): T | undefined {
    if (this.#depth === 0) return undefined;
    const message = this.#ring[this.#head] as T;
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#depth--;
    this.#bytes -= message.bytes;
    // A burst must not hold its memory for ever.
    if (this.#depth === 0 && this.#ring.length > 1024) this.clear();
    return message;
  }

  /** Takes all messages out, oldest first. */
  drain(): T[] {
    const messages: T[] = [];
    for (let next = this.take(); next !== undefined; next = this.take()) messages.push(next);
    return messages;
  }

  clear(): void {
    this.#ring = [];
    this.#head = 0;
    this.#depth = 0;
    this.#bytes = 0;
  }

  #append(message: T): void {
    if (this.#depth === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#depth) & (this.#ring.length - 1)] = message;
    this.#depth++;
    this.#bytes += message.bytes;
  }

  #grow(): void {
    const old = this.#ring;
    const ring = new Array<T | undefined>(Math.max(SMALLEST_RING, old.length * 2));
    for (let i = 0; i < this.#depth; i++) ring[i] = old[(this.#head + i) & (old.length - 1)];
    this.#ring = ring;
    this.#head = 0;
  }
}
