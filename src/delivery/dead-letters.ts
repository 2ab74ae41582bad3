import type { DropReason } from "../device/counters.ts";
import type { DeadLetterBox, Destination } from "../device/dead-letter-box.ts";
import type { DeviceContext } from "../device/device-context.ts";
import type { Message } from "../store/message.ts";
import { settled } from "../store/settled.ts";
import type { StoredDeadLetter } from "../store/stored-dead-letter.ts";

export interface DeadLetterSettings {
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** 0 for no limit. */
  readonly timeToLiveSeconds: number;
}

/** A message that was not delivered, and was promised to be. */
export interface DeadLetter extends StoredDeadLetter {
  readonly destination: Destination;
}

/** What is kept. The others cost a publisher or receiver of QoS 0 something, or were kept back on purpose. */
const reasons: ReadonlySet<DropReason> = new Set<DropReason>([
  "expired",
  "mailbox-full",
  "mailbox-removed",
  "low-priority-removed",
  "class-full",
  "store-full",
  "too-large",
  "deliveries-exceeded",
  "no-such-queue",
  "queue-removed",
  "no-such-group",
  "empty-group",
  "rejected",
]);

/**
 * A flood of them must not wear out the disk: as many may come at once as are kept, or as this, and beyond that so many a
 * second. The others are counted and announced.
 */
const AT_ONCE_MIN = 10_000;
const PER_SECOND_MAX = 1000;
/** Announcements of one turn of the event loop; more are only counted. */
const ANNOUNCED_MAX = 100;
/** Bytes of one letter beside its message. */
const OVERHEAD_BYTES = 200;

/**
 * Messages that will not be delivered, with the reason: as many as there may be, the latest ones. Each is announced on
 * `$SYS/broker/dead-letters/<reason>`; what is published below `$SYS/` is never one itself, or a full receiver of these
 * announcements would cause others without end.
 */
export class DeadLetters implements DeadLetterBox {
  settings: DeadLetterSettings;
  /** Since the gateway started, by reason. */
  readonly counts: Record<string, number> = {};
  readonly #context: DeviceContext;
  readonly #letters = new Map<number, DeadLetter>();
  readonly #requeues = new WeakMap<Message, number>();
  #bytes = 0;
  /** No letter is older. */
  #firstId = 1;
  #lastId = 0;
  #spare = AT_ONCE_MIN;
  #spareAt = 0;
  #latest: DeadLetter | null = null;
  #announcing: DeadLetter[] = [];

  constructor(context: DeviceContext, settings: DeadLetterSettings) {
    this.#context = context;
    this.settings = settings;
    for (const reason of reasons) this.counts[reason] = 0;
  }

  /** Takes up what the store has. */
  async start(): Promise<void> {
    for (const letter of await this.#context.broker.store.deadLetters()) {
      this.#letters.set(letter.id, letter as DeadLetter);
      this.#bytes += bytesOf(letter);
      this.#lastId = Math.max(this.#lastId, letter.id);
    }
    const [oldest] = this.#letters.keys();
    this.#firstId = oldest ?? this.#lastId + 1;
    this.refresh();
  }

  get messages(): number {
    return this.#letters.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Newest first. */
  get newestFirst(): DeadLetter[] {
    return [...this.#letters.values()].reverse();
  }

  get(id: number): DeadLetter | undefined {
    return this.#letters.get(id);
  }

  put(message: Message, reason: DropReason, destination: Destination): void {
    if (!reasons.has(reason) || message.topic.startsWith("$SYS/")) return;
    this.counts[reason] = (this.counts[reason] ?? 0) + 1;
    const at = this.#context.clock.now();
    const requeues = this.#requeues.get(message) ?? 0;
    const letter = { id: ++this.#lastId, reason, at, destination, requeues, message };
    if (this.settings.messagesMax > 0 && bytesOf(letter) <= this.settings.bytesMax && this.#isSpared(at)) {
      message.keep();
      this.#letters.set(letter.id, letter);
      this.#bytes += bytesOf(letter);
      void this.#context.broker.store.putDeadLetter(letter);
      this.#latest = letter;
      this.refresh();
    }
    this.#announce(letter);
  }

  /** Resolves when the letter that was put last is as durable as the store promises. */
  secure(): PromiseLike<void> {
    const letter = this.#latest;
    if (letter === null || this.#letters.get(letter.id) !== letter) return settled;
    return this.#context.broker.store.putDeadLetter(letter, true);
  }

  remove(id: number): void {
    const letter = this.#letters.get(id);
    if (letter === undefined) return;
    this.#letters.delete(id);
    this.#bytes -= bytesOf(letter);
    this.#context.broker.store.removeDeadLetter(id);
  }

  /** A copy that is sent on its way again: should it die too, it is known how often that was. */
  reborn({ message, requeues }: DeadLetter, topic?: string): Message {
    const { broker } = this.#context;
    const sent = message.sentOn(broker.id, ++broker.counter, topic).forOne();
    // Its time begins anew: it may be what it died of.
    const { properties } = sent;
    const again = properties === undefined ? sent : sent.saying(properties.withoutExpiry());
    again.publishedAt = 0;
    this.#requeues.set(again, requeues + 1);
    return again;
  }

  /** Those that have been kept longest make room; those that were kept too long go. */
  refresh(): void {
    const { messagesMax, bytesMax, timeToLiveSeconds } = this.settings;
    const before = timeToLiveSeconds === 0 ? 0 : this.#context.clock.now() - timeToLiveSeconds * 1000;
    // By their ids: the first of a Map that many were taken out of at its front has to be searched.
    for (; this.#firstId <= this.#lastId; this.#firstId++) {
      const letter = this.#letters.get(this.#firstId);
      if (letter === undefined) continue;
      if (this.#letters.size <= messagesMax && this.#bytes <= bytesMax && letter.at >= before) return;
      this.remove(letter.id);
    }
  }

  #isSpared(now: number): boolean {
    const max = Math.max(AT_ONCE_MIN, this.settings.messagesMax);
    const earned = Math.max(0, ((now - this.#spareAt) * PER_SECOND_MAX) / 1000);
    this.#spare = Math.min(max, this.#spare + earned);
    this.#spareAt = now;
    if (this.#spare < 1) return false;
    this.#spare--;
    return true;
  }

  /** Not at once: it happens while something is being delivered. */
  #announce(letter: DeadLetter): void {
    if (this.#announcing.length >= ANNOUNCED_MAX) return;
    this.#announcing.push(letter);
    if (this.#announcing.length === 1) setImmediate(() => this.#announceAll());
  }

  #announceAll(): void {
    const { broker } = this.#context;
    for (const letter of this.#announcing.splice(0)) {
      if (broker.closed) return;
      const topic = `$SYS/broker/dead-letters/${letter.reason}`;
      if (!broker.router.reaches(topic)) continue;
      const payload = Buffer.from(JSON.stringify(summaryOf(letter)));
      broker.publish({ cmd: "publish", topic, payload, qos: 0, retain: false, dup: false }, () => {});
    }
  }
}

/** What can be said of a letter in a line. */
export function summaryOf({ id, reason, at, destination, requeues, message }: DeadLetter) {
  const { topic, qos, payloadBytes, clientId } = message;
  const origin = clientId ?? null;
  return { id, reason, at: new Date(at).toISOString(), topic, qos, payloadBytes, origin, destination, requeues };
}

function bytesOf({ message }: StoredDeadLetter): number {
  return message.bytes + OVERHEAD_BYTES;
}
