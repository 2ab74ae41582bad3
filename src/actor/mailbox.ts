import { type Kind, Lane } from "./lane.ts";

export type { Kind } from "./lane.ts";

/** What a mailbox asks of a message. */
export interface Waiting {
  /** Bytes that it holds on to. */
  readonly bytes: number;
  /** Its place in the order of all messages. */
  readonly sequence: number;
  readonly kind: Kind;
}

export interface MailboxLimits {
  messagesMax: number;
  bytesMax: number;
}

/** Beyond that, they are merged with those that wait. */
const INSERTED_ONE_BY_ONE = 64;

/** What decides over room in a line of messages asks of it. */
export interface Bounded<T extends Waiting> {
  readonly depth: number;
  readonly bytes: number;
  /** Whether one more message stays within the limits. */
  fits(message: T, limits: MailboxLimits): boolean;
  /** Whether one more message would stay within the limits if only those above this priority stayed. */
  fitsAbove(priority: number, message: T, limits: MailboxLimits): boolean;
  /** Removes and returns the oldest message of one kind, or of all. */
  removeOldest(kindIndex?: number): T | undefined;
  /** Removes and returns the oldest message of the lowest priority that waits, if that is at most `priority`. */
  removeLowest(priority: number): T | undefined;
}

/**
 * The line of messages waiting for one receiver. It stores them; whether there is room for one more, others decide.
 * Messages of one kind stay in the order in which they came. Of several kinds, the message that goes first is the one
 * of the smallest sequence among the first of each; by priority, the first of the kind of the highest. Every operation
 * costs at most a look at each kind that waits.
 */
export class Mailbox<T extends Waiting> implements Bounded<T> {
  /** Where the order is by priority: the kind that a message is of in this mailbox. */
  readonly #priorityKindOf: ((message: T) => Kind) | null;
  // Most mailboxes stay empty, and most others hold one kind: there is no lane before the first message, and one lane
  // until a second kind comes.
  #first: Lane<T> | null = null;
  #further: Lane<T>[] | null = null;

  constructor(priorityKindOf: ((message: T) => Kind) | null = null) {
    this.#priorityKindOf = priorityKindOf;
  }

  get depth(): number {
    let depth = this.#first === null ? 0 : this.#first.depth;
    if (this.#further !== null) for (const lane of this.#further) depth += lane.depth;
    return depth;
  }

  get bytes(): number {
    let bytes = this.#first === null ? 0 : this.#first.bytes;
    if (this.#further !== null) for (const lane of this.#further) bytes += lane.bytes;
    return bytes;
  }

  fits(message: T, { messagesMax, bytesMax }: MailboxLimits): boolean {
    return this.depth < messagesMax && this.bytes + message.bytes <= bytesMax;
  }

  fitsAbove(priority: number, message: T, { messagesMax, bytesMax }: MailboxLimits): boolean {
    const { depth, bytes } = this.amountAbove(priority);
    return depth < messagesMax && bytes + message.bytes <= bytesMax;
  }

  /** What waits above this priority. */
  amountAbove(priority: number): { depth: number; bytes: number } {
    let depth = 0;
    let bytes = 0;
    for (const lane of this.#lanes()) {
      if (lane.depth === 0 || lane.kind.priority <= priority) continue;
      depth += lane.depth;
      bytes += lane.bytes;
    }
    return { depth, bytes };
  }

  /** Adds a message at the end of its kind. */
  restore(message: T): void {
    const kind = this.#kindOf(message);
    const first = this.#first;
    if (first !== null && first.kind.index === kind.index) first.append(message);
    else this.#laneFor(kind).append(message);
  }

  /**
   * Puts messages where their sequence belongs among those of their kind, which have to be in that order: cheap for a few
   * near either end.
   */
  insert(messages: readonly T[]): void {
    if (messages.length <= INSERTED_ONE_BY_ONE) {
      for (const message of messages) this.insertOne(message);
      return;
    }
    const byKind = new Map<number, { kind: Kind; own: T[] }>();
    for (const message of [...messages].sort((one, other) => one.sequence - other.sequence)) {
      const kind = this.#kindOf(message);
      const known = byKind.get(kind.index);
      if (known === undefined) byKind.set(kind.index, { kind, own: [message] });
      else known.own.push(message);
    }
    for (const { kind, own } of byKind.values()) this.#laneFor(kind).insertAll(own);
  }

  insertOne(message: T): void {
    this.#laneFor(this.#kindOf(message)).insert(message);
  }

  /** Takes out one message, where those of its kind are in the order of their sequences; false where it does not wait here. */
  remove(message: T): boolean {
    const lane = this.#laneOf(this.#kindOf(message).index);
    if (!lane?.remove(message)) return false;
    if (this.#further !== null && this.depth === 0) this.#further = null;
    return true;
  }

  /** The oldest message, left in its place. */
  peek(): T | undefined {
    return this.#next()?.head;
  }

  /** Removes and returns the oldest message. */
  take(): T | undefined {
    if (this.#further === null) return this.#first?.take();
    return this.#takeFrom(this.#next());
  }

  /** The oldest message of one kind, or of all, left in its place. */
  oldest(kindIndex?: number): T | undefined {
    return kindIndex === undefined ? this.peek() : this.#laneOf(kindIndex)?.head;
  }

  removeOldest(kindIndex?: number): T | undefined {
    return kindIndex === undefined ? this.take() : this.#takeFrom(this.#laneOf(kindIndex));
  }

  removeLowest(priority: number): T | undefined {
    let lowest: Lane<T> | undefined;
    for (const lane of this.#lanes()) {
      const { head } = lane;
      if (head === undefined || lane.kind.priority > priority) continue;
      if (lowest === undefined || isGivenUpBefore(lane, lowest)) lowest = lane;
    }
    return this.#takeFrom(lowest);
  }

  /** The message of the smallest sequence among the first of each kind, whatever their priority, left in its place. */
  firstOfAll(): T | undefined {
    return this.#oldestLane()?.head;
  }

  /** Removes and returns that. */
  removeFirstOfAll(): T | undefined {
    return this.#takeFrom(this.#oldestLane());
  }

  /**
   * Removes and returns the messages for which `condition` holds, as far as they are the first of their kind: a message
   * behind one that stays is not looked at.
   */
  removeWhile(condition: (message: T) => boolean): T[] {
    const removed: T[] = [];
    for (const lane of this.#lanes()) {
      while (lane.head !== undefined && condition(lane.head)) removed.push(this.#takeFrom(lane) as T);
    }
    return removed;
  }

  /** Removes and returns all messages for which `condition` holds, wherever they stand. */
  removeIf(condition: (message: T) => boolean): T[] {
    const removed: T[] = [];
    for (const message of this.drain()) {
      if (condition(message)) removed.push(message);
      else this.restore(message);
    }
    return removed;
  }

  /** Takes all messages out, oldest first. */
  drain(): T[] {
    const messages: T[] = [];
    for (let next = this.take(); next !== undefined; next = this.take()) messages.push(next);
    return messages;
  }

  /** What waits, kind by kind. */
  *[Symbol.iterator](): Iterator<T> {
    for (const lane of this.#lanes()) yield* lane;
  }

  clear(): void {
    this.#first = null;
    this.#further = null;
  }

  #lanes(): readonly Lane<T>[] {
    if (this.#first === null) return [];
    return this.#further === null ? [this.#first] : [this.#first, ...this.#further];
  }

  /** The lane whose turn it is. */
  #next(): Lane<T> | null {
    let next = this.#first;
    if (this.#further === null) return next;
    for (const lane of this.#further) {
      if (lane.depth > 0 && (next === null || next.depth === 0 || this.#goesBefore(lane, next))) next = lane;
    }
    return next;
  }

  #oldestLane(): Lane<T> | undefined {
    let oldest: Lane<T> | undefined;
    for (const lane of this.#lanes()) {
      if (lane.head !== undefined && (oldest === undefined || lane.head.sequence < (oldest.head as T).sequence))
        oldest = lane;
    }
    return oldest;
  }

  #kindOf(message: T): Kind {
    return this.#priorityKindOf === null ? message.kind : this.#priorityKindOf(message);
  }

  /** Of two lanes that hold something, whether the first has its turn before the other. */
  #goesBefore(lane: Lane<T>, other: Lane<T>): boolean {
    const by = this.#priorityKindOf === null ? 0 : lane.kind.priority - other.kind.priority;
    return by > 0 || (by === 0 && (lane.head as T).sequence < (other.head as T).sequence);
  }

  #laneOf(kindIndex: number): Lane<T> | undefined {
    if (this.#first?.kind.index === kindIndex) return this.#first;
    return this.#further?.find((lane) => lane.kind.index === kindIndex);
  }

  #laneFor(kind: Kind): Lane<T> {
    this.#first ??= new Lane(kind);
    return this.#laneOf(kind.index) ?? this.#emptyLaneFor(kind);
  }

  #emptyLaneFor(kind: Kind): Lane<T> {
    let lane = this.#lanes().find(({ depth }) => depth === 0);
    if (lane === undefined) {
      lane = new Lane(kind);
      this.#further ??= [];
      this.#further.push(lane);
    }
    lane.kind = kind;
    return lane;
  }

  #takeFrom(lane: Lane<T> | null | undefined): T | undefined {
    const message = lane?.take();
    if (this.#further !== null && this.depth === 0) this.#further = null;
    return message;
  }
}

/** Of two lanes that hold something, whether the first of the one is given up before the first of the other. */
function isGivenUpBefore<T extends Waiting>(one: Lane<T>, other: Lane<T>): boolean {
  const by = one.kind.priority - other.kind.priority;
  return by < 0 || (by === 0 && (one.head as T).sequence < (other.head as T).sequence);
}
