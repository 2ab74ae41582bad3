import { Rate } from "../actor/rate.ts";
import { listenerOf } from "../broker/listener-of.ts";
import type { Listener, Receiver } from "../broker/router.ts";
import { Admission } from "../device/admission.ts";
import { Backlog, type BacklogOwner } from "../device/backlog.ts";
import type { DropReason } from "../device/counters.ts";
import type { DeviceContext } from "../device/device-context.ts";
import type { Link } from "../device/link.ts";
import type { MailboxControl } from "../device/mailbox-control.ts";
import { OutgoingRecord } from "../device/outgoing-record.ts";
import type { Borrower, ShareOptions } from "../device/share.ts";
import { Message } from "../store/message.ts";
import { queueSessionId } from "../store/queue-session.ts";
import { NEVER_EXPIRES } from "../store/store.ts";
import type { Consumers } from "./consumers.ts";
import type { Deliveries } from "./deliveries.ts";
import { Dispatch, type DispatchOwner } from "./dispatch.ts";
import { QueueLine } from "./queue-line.ts";
import { QueueRules } from "./queue-rules.ts";
import type { QueueSettings } from "./queue-settings.ts";

/** So many PUBRELs a consumer that was there before a restart is sent at most. */
const IDS_BEFORE_MAX = 5000;
/** By then all devices of before the start are built. */
const START_SECONDS = 60;

/**
 * A named destination: each of its messages goes to exactly one of its consumers, and waits in its mailbox, stored, until one
 * has settled it. What a consumer gives back, or keeps too long, goes to another one, marked DUP.
 */
export class Queue implements Receiver, BacklogOwner, DispatchOwner, MailboxControl {
  readonly name: string;
  /** By what the store knows it; no client id has U+0000 in it. */
  readonly id: string;
  readonly session = { clean: false };
  readonly connection = null;
  readonly line: QueueLine;
  readonly arrived = new Rate();
  deadLetters = 0;
  readonly #context: DeviceContext;
  readonly #rules: QueueRules;
  readonly #record: OutgoingRecord;
  readonly #backlog: Backlog;
  readonly #dispatch: Dispatch;
  readonly #listener: Listener;
  /** Packet ids under which QoS 2 messages were sent before the gateway started anew. */
  #idsBefore: number[] = [];
  #ticks = 0;
  #topics: readonly string[] = [];
  #isPaused = false;
  #isClosed = false;

  constructor(name: string, settings: QueueSettings, context: DeviceContext) {
    this.name = name;
    this.id = queueSessionId(name);
    this.#context = context;
    this.#rules = new QueueRules(settings, () => context.clock.now());
    this.line = new QueueLine(this.#rules);
    this.#record = new OutgoingRecord(this, context, () => {});
    const rules = this.#rules;
    const limits = {
      get mailboxes() {
        return rules.settings;
      },
      get store() {
        return context.settings.store;
      },
    };
    const mailboxRules = {
      get limits() {
        return rules.settings;
      },
      admission: new Admission(limits, rules, context.broker.store.usage),
      timeToLiveSecondsOf: () => rules.settings.timeToLiveSeconds,
    };
    this.#backlog = new Backlog(this, context, this.#record, () => this.#dispatch.pump(), mailboxRules, this.line);
    this.#dispatch = new Dispatch(this, context, rules, this.#backlog);
    this.#listener = listenerOf(this);
  }

  get settings(): QueueSettings {
    return this.#rules.settings;
  }

  /** Applies to the messages that wait, too. */
  set settings(settings: QueueSettings) {
    this.#rules.settings = settings;
    this.#subscribe(settings.topics);
    this.consumers.refresh();
    this.#dispatch.collect();
    const waiting = this.line.drain(); // which may stand in another order by now, or need not wait for a consumer
    for (const message of waiting) {
      if (this.deliveries.jobOf(message) !== null) this.line.insert([message]);
      else this.line.restore(message);
    }
    this.#lookAgain();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    this.#dispatch.pump();
  }

  get consumers(): Consumers {
    return this.#dispatch.consumers;
  }

  get deliveries(): Deliveries {
    return this.#dispatch.deliveries;
  }

  get settledRate(): Rate {
    return this.#dispatch.settledRate;
  }

  get redelivered(): Rate {
    return this.#dispatch.redelivered;
  }

  get waiting() {
    this.#dispatch.collect();
    const { depth: messages, bytes, oldestAt } = this.line;
    return { messages, bytes, oldestAt, inFlight: this.deliveries.underWay };
  }

  /** Nothing waits and nothing is under way. */
  get isEmpty(): boolean {
    return this.line.depth + this.deliveries.underWay + this.#dispatch.returning === 0;
  }

  /** Takes up what the store has of it, which may be nothing, and then its place in the router. */
  async open(): Promise<void> {
    const { store } = this.#context.broker;
    await store.unlessFailing(store.putSession(this, 0, NEVER_EXPIRES));
    for (const { entry, packetId } of await store.outstanding(this.id)) {
      if (!(entry instanceof Message)) continue;
      entry.keep();
      if (packetId === undefined) this.#backlog.restore(entry);
      else {
        this.deliveries.deliveredBefore(entry);
        if (entry.qos === 2 && this.#idsBefore.length < IDS_BEFORE_MAX) this.#idsBefore.push(entry.packetId);
        this.#backlog.putBack([entry]);
      }
    }
    this.#subscribe(this.settings.topics);
    this.#dispatch.pump();
  }

  join(device: Borrower, options: ShareOptions): void {
    this.consumers.join(device, options);
    // One that is built anew may remember packet ids of before, and takes nothing else under them until their PUBREL.
    if (options.qos === 2 && !device.isTransient && !device.isOnline) device.owes(this.#idsBefore);
    this.#dispatch.pumpSoon(); // behind SUBACK, which a client that leaves at once would not have read: it would reset the connection
  }

  /** What it has and has not settled stays its own as long as it is connected: it may finish its work. */
  leave(device: { readonly id: string }): void {
    this.#dispatch.left(this.consumers.leave(device));
  }

  came(device: Borrower): void {
    this.consumers.came(device);
    this.#dispatch.pump();
  }

  went(device: { readonly id: string }): void {
    this.#dispatch.left(this.consumers.went(device));
  }

  roomMade(): void {
    this.#dispatch.pump();
  }

  /** What no restart brings back need not be told the store, which costs a third of what a message costs. */
  isVolatile({ kind }: Message): boolean {
    return !this.#context.broker.store.promises(kind);
  }

  /** What is published at QoS 0 waits as all the rest does. */
  deliver(published: Message): void {
    const message = published.kept;
    this.arrived.total++;
    if (this.#goesAtOnce(message)) {
      this.#record.taken(message);
      if (this.#dispatch.handAtOnce(message)) return;
      this.#backlog.takeOver(message);
    } else this.#backlog.put(message);
    this.#dispatch.offered();
  }

  /** Takes a message in if there is room for it without another one going; says whether it did. */
  offer(message: Message): boolean {
    if (this.#isClosed || !this.#backlog.offer(message)) return false;
    this.arrived.total++;
    this.#dispatch.offered();
    return true;
  }

  /** The store has the message for the next start. */
  crashed(reason: unknown, message: Message): void {
    this.#record.taken(message.kept);
    this.#context.log.error({ queue: this.name, error: reason }, "a queue could not take a message");
  }

  drop(message: Message, reason: DropReason): void {
    this.deadLetters++;
    this.deliveries.forget(message);
    this.#context.undelivered(message, reason, { kind: "queue", name: this.name });
  }

  /** As long as one consumer that is connected does not wait for the publisher, there will be room. */
  waitsFor(publisher: Link, seen: Set<Link>): boolean {
    const { active } = this.consumers;
    return active.length > 0 && active.every(({ device }) => device.waitsFor(publisher, seen));
  }

  /** What has waited, or been under way, too long. To be called once a second. */
  refresh(): void {
    for (const rate of [this.arrived, this.settledRate, this.redelivered]) rate.tick();
    if (++this.#ticks === START_SECONDS) this.#idsBefore = [];
    this.consumers.sweep();
    const { settleTimeoutSeconds } = this.settings;
    const before = this.#context.clock.now() - settleTimeoutSeconds * 1000;
    if (settleTimeoutSeconds > 0) this.#dispatch.takeBackSince(before);
    this.#lookAgain();
  }

  clockJumped(ms: number): void {
    this.deliveries.clockJumped(ms);
  }

  drain(max: number): Message[] {
    this.#dispatch.collect();
    return this.#backlog.takeOldest(max);
  }

  /** Takes back in what `drain` took out. */
  putBack(messages: readonly Message[]): void {
    this.#dispatch.putBack(messages);
  }

  /** The message need not be delivered any more. */
  forget(message: Message): void {
    this.deliveries.forget(message);
    this.#record.givenUp(message);
  }

  /** Takes no messages any more. Returns what its consumers have not settled; that and what waits are still in the store. */
  close(): Message[] {
    this.#subscribe([]);
    this.#isClosed = true;
    this.#isPaused = true;
    this.#backlog.turnAway("queue-removed");
    return this.#dispatch.stop();
  }

  /** The store need not keep the message any more. */
  givenUp(message: Message): void {
    this.#record.givenUp(message);
  }

  #lookAgain(): void {
    this.#backlog.refresh();
    this.#dispatch.pump();
  }

  #subscribe(topics: readonly string[]): void {
    const { broker } = this.#context;
    for (const filter of topics) {
      if (!this.#topics.includes(filter)) broker.subscribe(filter, this.#listener as never, () => {});
    }
    for (const filter of this.#topics) {
      if (!topics.includes(filter)) broker.unsubscribe(filter, this.#listener as never, () => {});
    }
    this.#topics = [...new Set(topics)];
  }

  /** QoS 2 is sent when the store has it: after a power cut its publisher may send it again as one not seen before. */
  #goesAtOnce(message: Message): boolean {
    if (
      this.#isPaused ||
      message.qos === 2 ||
      this.line.depth + this.#dispatch.returning > 0 ||
      !this.consumers.hasRoom
    )
      return false;
    this.#record.classify(message);
    return this.#rules.dueAt(message) === 0;
  }
}
