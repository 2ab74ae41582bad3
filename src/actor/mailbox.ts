import { Lane } from "./lane.ts";

/** What a message is to a mailbox: messages of one kind have one `index` and one `priority`, the higher the more important. */
export interface Kind {
  readonly index: number;
  readonly priority: number;
}

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

/**
 * The line of messages waiting for one receiver. It stores them; whether there is room for one more, others decide.
 * Messages of one kind stay in the order in which they came. Of several kinds, the message that goes first is the one
 * of the smallest sequence among the first of each. Every operation costs at most a look at each kind that waits.
 */
export class Mailbox<T extends Waiting> {
  // Most mailboxes stay empty, and most others hold one kind: there is no lane before the first message, and one lane
  // until a second kind comes.
  #first: Lane<T> | null = null;
  #further: Lane<T>[] | null = null;

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

  /** Whether one more message stays within the limits. */
  fits(message: T, { messagesMax, bytesMax }: MailboxLimits): boolean {
    return this.depth < messagesMax && this.bytes + message.bytes <= bytesMax;
  }

  /** Whether one more message would stay within the limits if only those above this priority stayed. */
  fitsAbove(priority: number, message: T, { messagesMax, bytesMax }: MailboxLimits): boolean {
    let depth = 0;
    let bytes = message.bytes;
    for (const lane of this.#lanes()) {
      if (lane.head === undefined || lane.head.kind.priority <= priority) continue;
      depth += lane.depth;
      bytes += lane.bytes;
    }
    return depth < messagesMax && bytes <= bytesMax;
  }

  /** Adds a message at the end of its kind. */
  restore(message: T): void {
    const { index } = message.kind;
    const first = this.#first;
    if (first !== null && first.kind === index) first.append(message);
    else this.#laneFor(index).append(message);
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

  /** Removes and returns the oldest message of one kind, or of all. */
  removeOldest(kindIndex?: number): T | undefined {
    return kindIndex === undefined ? this.take() : this.#takeFrom(this.#laneOf(kindIndex));
  }

  /** Removes and returns the oldest message of the lowest priority that waits, if that is at most `priority`. */
  removeLowest(priority: number): T | undefined {
    let lowest: Lane<T> | undefined;
    for (const lane of this.#lanes()) {
      const { head } = lane;
      if (head === undefined || head.kind.priority > priority) continue;
      if (isLower(head, lowest?.head)) lowest = lane;
    }
    return this.#takeFrom(lowest);
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
      if (lane.depth > 0 && (next?.head === undefined || (lane.head as T).sequence < next.head.sequence)) next = lane;
    }
    return next;
  }

  #laneOf(kindIndex: number): Lane<T> | undefined {
    if (this.#first?.kind === kindIndex) return this.#first;
    return this.#further?.find((lane) => lane.kind === kindIndex);
  }

  #laneFor(kindIndex: number): Lane<T> {
    this.#first ??= new Lane(kindIndex);
    return this.#laneOf(kindIndex) ?? this.#emptyLaneFor(kindIndex);
  }

  #emptyLaneFor(kindIndex: number): Lane<T> {
    let lane = this.#lanes().find(({ depth }) => depth === 0);
    if (lane === undefined) {
      lane = new Lane(kindIndex);
      this.#further ??= [];
      this.#further.push(lane);
    }
    lane.kind = kindIndex;
    return lane;
  }

  #takeFrom(lane: Lane<T> | null | undefined): T | undefined {
    const message = lane?.take();
    if (this.#further !== null && this.depth === 0) this.#further = null;
    return message;
  }
}

/** Whether the one message is given up before the other. */
function isLower(one: Waiting, other: Waiting | undefined): boolean {
  if (other === undefined) return true;
  const by = one.kind.priority - other.kind.priority;
  return by < 0 || (by === 0 && one.sequence < other.sequence);
}
