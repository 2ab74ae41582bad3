import { type Bounded, Mailbox, type MailboxLimits } from "../actor/mailbox.ts";
import type { Line } from "../device/backlog.ts";
import type { Message } from "../store/message.ts";

/** What a line goes by; may change from one message to the next. */
export interface OutagePolicy {
  readonly outage: "live-first" | "oldest-first";
  /** Turns that fresh messages have while older ones wait too, of a hundred. */
  readonly liveSharePercent: number;
  /** A message does not overtake older ones of its own topic. */
  readonly keepTopicOrder: boolean;
  /** Of each topic only the latest message waits. */
  readonly lastValue: boolean;
}

/**
 * The messages that wait under one rule: those that are left from an outage, and the fresh ones, which come while the
 * upstream is there and share the line with them. Both stay in their order.
 */
export class OutageLine implements Line, Bounded<Message> {
  readonly #policy: OutagePolicy;
  readonly #older = new Mailbox<Message>();
  readonly #fresh = new Mailbox<Message>();
  /** How many of the older ones each topic has. */
  readonly #olderOf = new Map<string, number>();
  readonly #latestOf = new Map<string, Message>();
  #isLive = false;
  #isDraining = false;
  /** Turns that the fresh ones have saved up, in hundredths. */
  #saved = 0;
  #chosen: Mailbox<Message> | null = null;

  constructor(policy: OutagePolicy) {
    this.#policy = policy;
  }

  get depth(): number {
    return this.#older.depth + this.#fresh.depth;
  }

  get bytes(): number {
    return this.#older.bytes + this.#fresh.bytes;
  }

  /** The message that has waited longest, left in its place. */
  get oldest(): Message | undefined {
    return this.#olderLane()?.firstOfAll();
  }

  /** Whether what comes is fresh; where it is not, nothing is. */
  set isLive(isLive: boolean) {
    this.#isLive = isLive;
    if (!isLive) this.#mergeFresh();
  }

  /** Whether everything goes in the order in which it came. */
  set isDraining(isDraining: boolean) {
    this.#isDraining = isDraining;
    if (isDraining) this.#mergeFresh();
  }

  /** The message of this topic that a newer one takes the place of; undefined where all are kept. */
  supersededBy({ topic }: Message): Message | undefined {
    return this.#latestOf.get(topic);
  }

  fits(message: Message, { messagesMax, bytesMax }: MailboxLimits): boolean {
    return this.depth < messagesMax && this.bytes + message.bytes <= bytesMax;
  }

  fitsAbove(priority: number, message: Message, limits: MailboxLimits): boolean {
    const older = this.#older.amountAbove(priority);
    const fresh = this.#fresh.amountAbove(priority);
    const bytes = older.bytes + fresh.bytes + message.bytes;
    return older.depth + fresh.depth < limits.messagesMax && bytes <= limits.bytesMax;
  }

  restore(message: Message): void {
    if (this.#isFresh(message)) this.#fresh.restore(message);
    else {
      this.#older.restore(message);
      this.#count(message, 1);
    }
    if (this.#policy.lastValue) this.#latestOf.set(message.topic, message);
  }

  /** Into their old places, among the older ones. */
  insert(messages: readonly Message[]): void {
    this.#mergeFresh(); // which is newer
    this.#older.insert(messages);
    for (const message of messages) {
      this.#count(message, 1);
      if (this.#policy.lastValue && !this.#latestOf.has(message.topic)) this.#latestOf.set(message.topic, message);
    }
  }

  peek(): Message | undefined {
    return this.#next().peek();
  }

  take(): Message | undefined {
    const lane = this.#next();
    this.#chosen = null;
    return this.#left(lane, lane.take());
  }

  /** Takes out one message; false where it does not wait here. */
  remove(message: Message): boolean {
    this.#chosen = null;
    const lane = this.#fresh.remove(message) ? this.#fresh : this.#older.remove(message) ? this.#older : null;
    if (lane !== null) this.#left(lane, message);
    return lane !== null;
  }

  removeOldest(kindIndex?: number): Message | undefined {
    this.#chosen = null;
    const lane = this.#olderLane(kindIndex);
    return this.#left(lane, kindIndex === undefined ? lane?.removeFirstOfAll() : lane?.removeOldest(kindIndex));
  }

  removeLowest(priority: number): Message | undefined {
    this.#chosen = null;
    return (
      this.#left(this.#older, this.#older.removeLowest(priority)) ??
      this.#left(this.#fresh, this.#fresh.removeLowest(priority))
    );
  }

  removeWhile(condition: (message: Message) => boolean): Message[] {
    return this.#removed((lane) => lane.removeWhile(condition));
  }

  removeIf(condition: (message: Message) => boolean): Message[] {
    return this.#removed((lane) => lane.removeIf(condition));
  }

  drain(): Message[] {
    const all = [...this.#older.drain(), ...this.#fresh.drain()];
    this.clear();
    return all.sort((one, other) => one.sequence - other.sequence);
  }

  clear(): void {
    this.#older.clear();
    this.#fresh.clear();
    this.#olderOf.clear();
    this.#latestOf.clear();
    this.#chosen = null;
  }

  #mergeFresh(): void {
    this.#chosen = null;
    const fresh = this.#fresh.drain();
    this.#older.insert(fresh);
    for (const message of fresh) this.#count(message, 1);
  }

  #isFresh(message: Message): boolean {
    if (!this.#isLive || this.#isDraining) return false;
    const { outage, keepTopicOrder } = this.#policy;
    if (this.#older.depth === 0) return true;
    if (outage === "oldest-first") return false;
    return !keepTopicOrder || !this.#olderOf.has(message.topic);
  }

  #removed(remove: (lane: Mailbox<Message>) => Message[]): Message[] {
    this.#chosen = null;
    const removed: Message[] = [];
    for (const lane of [this.#older, this.#fresh]) {
      for (const message of remove(lane)) {
        this.#left(lane, message);
        removed.push(message);
      }
    }
    return removed;
  }

  /** The lane whose turn it is. It stays chosen until something is taken, or changes. */
  #next(): Mailbox<Message> {
    if (this.#fresh.depth === 0) return this.#older;
    if (this.#older.depth === 0) return this.#fresh;
    if (this.#chosen !== null && this.#chosen.depth > 0) return this.#chosen;
    this.#saved += this.#policy.liveSharePercent;
    const isFresh = this.#saved >= 100;
    if (isFresh) this.#saved -= 100;
    this.#chosen = isFresh ? this.#fresh : this.#older;
    return this.#chosen;
  }

  /** Of the lanes that hold something of the kind, the one whose first message is the older one. */
  #olderLane(kindIndex?: number): Mailbox<Message> | undefined {
    const first = (lane: Mailbox<Message>) => (kindIndex === undefined ? lane.firstOfAll() : lane.oldest(kindIndex));
    const older = first(this.#older);
    const fresh = first(this.#fresh);
    if (older === undefined) return fresh && this.#fresh;
    return fresh === undefined || older.sequence < fresh.sequence ? this.#older : this.#fresh;
  }

  #left(lane: Mailbox<Message> | undefined, message: Message | undefined): Message | undefined {
    if (message === undefined) return undefined;
    if (lane === this.#older) this.#count(message, -1);
    if (this.#latestOf.get(message.topic) === message) this.#latestOf.delete(message.topic);
    return message;
  }

  #count({ topic }: Message, by: 1 | -1): void {
    const count = (this.#olderOf.get(topic) ?? 0) + by;
    if (count > 0) this.#olderOf.set(topic, count);
    else this.#olderOf.delete(topic);
  }
}
