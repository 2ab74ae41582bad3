import type { Kind } from "../actor/lane.ts";
import { Mailbox, type MailboxLimits } from "../actor/mailbox.ts";
import type { Line } from "../device/backlog.ts";
import type { Message } from "../store/message.ts";
import { DueHeap } from "./due-heap.ts";

/** What a queue knows of its messages. */
export interface Ordering {
  /** Its priority, and the index of that. */
  kindOf(message: Message): Kind;
  /** When it may be delivered first, in milliseconds since the Unix epoch; 0 for at once. */
  dueAt(message: Message): number;
  now(): number;
}

const nobody: readonly object[] = [];

/**
 * The messages that wait in one queue: by priority and then by age those that may go; those that may not go yet; and those
 * that wait for one consumer, because it has others of their key.
 */
export class QueueLine implements Line {
  readonly #ordering: Ordering;
  readonly #ready: Mailbox<Message>;
  readonly #delayed = new DueHeap<Message>();
  #delayedBytes = 0;
  readonly #parked = new Map<object, Mailbox<Message>>();

  constructor(ordering: Ordering) {
    this.#ordering = ordering;
    this.#ready = this.#newMailbox();
  }

  get depth(): number {
    let depth = this.#ready.depth + this.#delayed.size;
    if (this.#parked.size === 0) return depth;
    for (const mailbox of this.#parked.values()) depth += mailbox.depth;
    return depth;
  }

  get bytes(): number {
    let bytes = this.#ready.bytes + this.#delayedBytes;
    if (this.#parked.size === 0) return bytes;
    for (const mailbox of this.#parked.values()) bytes += mailbox.bytes;
    return bytes;
  }

  /** Messages that may go to any consumer. */
  get ready(): number {
    return this.#ready.depth;
  }

  get delayed(): number {
    return this.#delayed.size;
  }

  /** When the next of the delayed ones is due; Infinity for none. */
  get nextDueAt(): number {
    return this.#delayed.first?.at ?? Number.POSITIVE_INFINITY;
  }

  /** When the oldest message came, in seconds since the Unix epoch; undefined where none waits. Delayed ones do not count. */
  get oldestAt(): number | undefined {
    const oldest = [this.#ready, ...this.#parked.values()].map((mailbox) => mailbox.firstOfAll());
    const times = oldest.filter((each) => each !== undefined).map(({ publishedAt }) => publishedAt);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Messages whose delay is over may go. */
  release(): void {
    const now = this.#ordering.now();
    if (this.nextDueAt > now) return;
    const due: Message[] = [];
    for (let next = this.#delayed.first; next !== undefined && next.at <= now; next = this.#delayed.first) {
      const message = this.#takeDelayed() as Message;
      due.push(message);
    }
    this.#ready.insert(due);
  }

  /** Keeps a message that was taken out for one consumer, behind those that wait for it already. */
  park(consumer: object, message: Message): void {
    let mailbox = this.#parked.get(consumer);
    if (mailbox === undefined) {
      mailbox = this.#newMailbox();
      this.#parked.set(consumer, mailbox);
    }
    mailbox.insert([message]);
  }

  /** The next message that waits for this consumer alone. */
  takeParked(consumer: object): Message | undefined {
    const mailbox = this.#parked.get(consumer);
    const message = mailbox?.take();
    if (mailbox?.depth === 0) this.#parked.delete(consumer);
    return message;
  }

  /** All that wait for one consumer. */
  *parkedMessages(): Iterable<Message> {
    for (const mailbox of this.#parked.values()) yield* mailbox;
  }

  /** Consumers for whom something waits. */
  get parkedFor(): readonly object[] {
    return this.#parked.size === 0 ? nobody : [...this.#parked.keys()];
  }

  /** What waited for this consumer, or what of it the condition holds for, may go to any. Returns how many. */
  unpark(consumer: object, condition: (message: Message) => boolean = () => true): number {
    const mailbox = this.#parked.get(consumer);
    if (mailbox === undefined) return 0;
    const released = mailbox.removeIf(condition);
    this.#ready.insert(released);
    if (mailbox.depth === 0) this.#parked.delete(consumer);
    return released.length;
  }

  fits(message: Message, { messagesMax, bytesMax }: MailboxLimits): boolean {
    return this.depth < messagesMax && this.bytes + message.bytes <= bytesMax;
  }

  fitsAbove(priority: number, message: Message, limits: MailboxLimits): boolean {
    let depth = 0;
    let bytes = message.bytes;
    for (const mailbox of this.#mailboxes()) {
      const above = mailbox.amountAbove(priority);
      depth += above.depth;
      bytes += above.bytes;
    }
    for (const delayed of this.#delayed) {
      if (this.#ordering.kindOf(delayed).priority <= priority) continue;
      depth++;
      bytes += delayed.bytes;
    }
    return depth < limits.messagesMax && bytes <= limits.bytesMax;
  }

  peek(): Message | undefined {
    return this.#ready.peek();
  }

  take(): Message | undefined {
    return this.#ready.take();
  }

  /** Adds a message; one that is not due yet waits apart. */
  restore(message: Message): void {
    const dueAt = this.#ordering.dueAt(message);
    if (dueAt > 0 && dueAt > this.#ordering.now()) {
      this.#delayed.add(message, dueAt);
      this.#delayedBytes += message.bytes;
    } else this.#ready.insertOne(message);
  }

  /** Puts messages that may go at once into their old places. */
  insert(messages: readonly Message[]): void {
    this.#ready.insert(messages);
  }

  /** Takes out one message; false where it does not wait. */
  remove(message: Message): boolean {
    if (this.#ready.remove(message)) return true;
    for (const [consumer, mailbox] of this.#parked) {
      if (!mailbox.remove(message)) continue;
      if (mailbox.depth === 0) this.#parked.delete(consumer);
      return true;
    }
    for (const delayed of this.#delayed.removeIf((each) => each === message)) {
      this.#undelayed(delayed);
      return true;
    }
    return false;
  }

  /** Of those that may go, and of those that wait for one consumer, which may be older; or the delayed one that is due first. */
  removeOldest(): Message | undefined {
    let oldest: Mailbox<Message> | undefined;
    for (const mailbox of this.#mailboxes()) {
      const sequence = mailbox.firstOfAll()?.sequence ?? Number.POSITIVE_INFINITY;
      if (sequence < (oldest?.firstOfAll()?.sequence ?? Number.POSITIVE_INFINITY)) oldest = mailbox;
    }
    if (oldest === undefined) return this.#takeDelayed();
    const message = oldest.removeFirstOfAll();
    for (const [consumer, mailbox] of this.#parked) if (mailbox.depth === 0) this.#parked.delete(consumer);
    return message;
  }

  removeLowest(priority: number): Message | undefined {
    return (
      this.#ready.removeLowest(priority) ??
      this.#removeParked((mailbox) => mailbox.removeLowest(priority)) ??
      this.#removeDelayed(priority)
    );
  }

  removeWhile(condition: (message: Message) => boolean): Message[] {
    return this.#mailboxes().flatMap((mailbox) => mailbox.removeWhile(condition));
  }

  removeIf(condition: (message: Message) => boolean): Message[] {
    const removed = this.#mailboxes().flatMap((mailbox) => mailbox.removeIf(condition));
    return removed.concat(this.#delayed.removeIf(condition).map((message) => this.#undelayed(message)));
  }

  drain(): Message[] {
    const all = this.#mailboxes().flatMap((mailbox) => mailbox.drain());
    const delayed = this.#delayed.removeIf(() => true);
    this.clear();
    return all.concat(delayed).sort((one, other) => one.sequence - other.sequence);
  }

  clear(): void {
    this.#ready.clear();
    this.#parked.clear();
    this.#delayed.clear();
    this.#delayedBytes = 0;
  }

  #newMailbox(): Mailbox<Message> {
    return new Mailbox<Message>((message) => this.#ordering.kindOf(message));
  }

  #mailboxes(): Mailbox<Message>[] {
    return [this.#ready, ...this.#parked.values()];
  }

  #removeParked(remove: (mailbox: Mailbox<Message>) => Message | undefined): Message | undefined {
    for (const [consumer, mailbox] of this.#parked) {
      const message = remove(mailbox);
      if (mailbox.depth === 0) this.#parked.delete(consumer);
      if (message !== undefined) return message;
    }
    return undefined;
  }

  #removeDelayed(priority: number): Message | undefined {
    const priorityOf = (message: Message) => this.#ordering.kindOf(message).priority;
    let lowest: Message | undefined;
    for (const each of this.#delayed) {
      if (priorityOf(each) <= priority && (lowest === undefined || priorityOf(each) < priorityOf(lowest)))
        lowest = each;
    }
    const [removed] = lowest === undefined ? [] : this.#delayed.removeIf((each) => each === lowest);
    return removed && this.#undelayed(removed);
  }

  #takeDelayed(): Message | undefined {
    const message = this.#delayed.take();
    return message && this.#undelayed(message);
  }

  #undelayed(message: Message): Message {
    this.#delayedBytes -= message.bytes;
    return message;
  }
}
