import { Rate } from "../actor/rate.ts";
import type { Backlog } from "../device/backlog.ts";
import type { DropReason } from "../device/counters.ts";
import type { DeviceContext } from "../device/device-context.ts";
import type { Lent } from "../device/share.ts";
import { PublishProperties } from "../protocol/publish-properties.ts";
import type { Message } from "../store/message.ts";
import { Consumer } from "./consumer.ts";
import { Consumers } from "./consumers.ts";
import { Deliveries } from "./deliveries.ts";
import { Delivery, type DeliveryKeeper } from "./delivery.ts";
import type { QueueLine } from "./queue-line.ts";
import type { QueueRules } from "./queue-rules.ts";

/** Longest time that a timer of Node can wait. */
const TIMER_MS_MAX = 2_147_483_647;
/** Messages set aside that are tried again at once: more of them may find no room. */
const SET_ASIDE_TRIED_MAX = 20;

/** The queue whose messages these are. */
export interface DispatchOwner {
  /** By what the store knows it. */
  readonly id: string;
  readonly line: QueueLine;
  readonly isPaused: boolean;
  /** The message will not be delivered. */
  drop(message: Message, reason: DropReason): void;
  /** The store need not keep the message any more. */
  givenUp(message: Message): void;
}

/**
 * Who gets which message of a queue, and what becomes of it: each is in the line, or with one consumer, or settled. It wakes
 * by itself when a delay is over; for all else somebody says so.
 */
export class Dispatch implements DeliveryKeeper {
  readonly consumers: Consumers;
  readonly deliveries = new Deliveries();
  readonly settledRate = new Rate();
  readonly redelivered = new Rate();
  readonly #owner: DispatchOwner;
  readonly #context: DeviceContext;
  readonly #rules: QueueRules;
  readonly #line: QueueLine;
  readonly #backlog: Backlog;
  /** Keys of which the next message has to wait until the consumer of those before it has settled them; and what it waits for. */
  readonly #blocked = new Map<string, object>();
  readonly #mayUnblock = new Set<string>();
  /** For what a message waits that some of the consumers do not take; and after it was tried again. */
  #setAside: object = {};
  #triedBefore: object = {};
  /** Settled late, while somebody had taken them out of the line. */
  readonly #settledOutside = new WeakSet<Message>();
  /** Given back, and on their way to their old places: many may come in one turn. */
  #returned: Message[] = [];
  #isPumping = false;
  #isPumpDue = false;
  #cancelDue: () => void = () => {};
  #followedDueAt = Number.POSITIVE_INFINITY;

  constructor(owner: DispatchOwner, context: DeviceContext, rules: QueueRules, backlog: Backlog) {
    this.#owner = owner;
    this.#context = context;
    this.#rules = rules;
    this.#line = owner.line;
    this.#backlog = backlog;
    this.consumers = new Consumers(
      () => rules.settings,
      () => this.#keysHeld(),
    );
  }

  /** Messages that are neither with a consumer nor in the line yet. */
  get returning(): number {
    return this.#returned.length;
  }

  /** Hands a message to a consumer past the line, where nothing waits and one has room. */
  handAtOnce(message: Message): boolean {
    return this.#hand(message, false) === "lent";
  }

  /** Consumers may have room for what has come. */
  offered(): void {
    if (this.#line.ready > 0 && this.consumers.hasRoom) this.pump();
    this.#followDelays();
  }

  /** Messages go back to their old places. */
  putBack(messages: readonly Message[]): void {
    for (const message of messages) this.#returned.push(message);
    this.pump();
  }

  /** What was given back in this turn is in the line after this. */
  collect(): void {
    if (this.#returned.length === 0) return;
    const returned = this.#returned;
    this.#returned = [];
    this.#backlog.putBack(returned.filter((message) => !this.#settledOutside.has(message)));
  }

  /** Hands out what waits, as far as consumers have room. */
  pump(): void {
    this.collect();
    if (this.#isPumping || this.#owner.isPaused) return; // what a consumer takes may make room in it, which it says here
    this.#isPumping = true;
    try {
      this.#line.release();
      this.#unblock();
      this.#pumpParked();
      this.#pumpSetAside();
      this.#backlog.refill();
      while (this.#line.ready > 0 && this.consumers.hasRoom) {
        const message = this.#backlog.next(() => false);
        if (message === undefined) break;
        if (this.#hand(message, true) === "waits") {
          this.#backlog.putBack([message]);
          break;
        }
        this.#backlog.refill();
      }
    } finally {
      this.#isPumping = false;
    }
    this.#followDelays();
  }

  /** The same when this turn is over. */
  pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      this.pump();
    });
  }

  /** A consumer gets no more: what waits for it alone may go to others. */
  left(consumer: Consumer | undefined): void {
    if (consumer !== undefined) this.#line.unpark(consumer);
    this.pumpSoon();
  }

  settled(delivery: Delivery): void {
    const { job, message } = delivery;
    this.deliveries.ended(delivery);
    this.#noteEnd(delivery);
    if (job?.isSettled) return this.pumpSoon();
    // From a consumer that took too long: what it has done need not be done again.
    if (job !== null && job.delivery === null && !this.#line.remove(message)) this.#settledOutside.add(message);
    this.deliveries.settled(delivery);
    this.settledRate.total++;
    this.#owner.givenUp(message);
    // One that takes no more had it: nobody says that there is room.
    if (!this.consumers.isActive(delivery.consumer)) this.pumpSoon();
  }

  rejected(delivery: Delivery): void {
    this.returned(delivery);
  }

  /** Several may come in one turn, all before any of them goes on. */
  returned(delivery: Delivery): void {
    this.deliveries.ended(delivery);
    this.#noteEnd(delivery);
    if (delivery.isOver) return;
    this.#giveBack(delivery);
  }

  /**
   * What consumers have had since before then goes to others, and with it all of the same keys, in their order; and what
   * waits for such a consumer need not wait any longer.
   */
  takeBackSince(before: number): void {
    const late = new Set<Consumer>();
    const keys = new Set<string>();
    for (const { at, consumer, key } of this.deliveries) {
      if (at > before) break;
      late.add(consumer);
      if (key !== undefined) keys.add(key);
    }
    if (late.size === 0) return;
    for (const delivery of this.deliveries) {
      const { at, consumer, key } = delivery;
      if (at > before && !(key !== undefined && keys.has(key) && late.has(consumer))) continue;
      this.deliveries.overdue(delivery);
      this.#noteEnd(delivery);
      if (!delivery.isOver) this.#giveBack(delivery);
    }
    for (const consumer of late) this.#line.unpark(consumer);
    this.consumers.forgetKeysOf(late, this.#keysHeld());
  }

  /** Nothing is handed out any more. Returns what consumers have not settled, whatever they say of it from here on. */
  stop(): Message[] {
    this.#cancelDue();
    return Array.from(this.deliveries, (delivery) => {
      this.deliveries.givenBack(delivery);
      this.deliveries.settled(delivery);
      return delivery.message;
    });
  }

  /** "parked" where it has to wait for one consumer, because of its key, or for others than those that do not take it. */
  #hand(message: Message, mayPark: boolean): "lent" | "parked" | "waits" {
    const key = this.#rules.keyOf(message);
    const blocked = key === undefined ? undefined : this.#blocked.get(key);
    if (blocked !== undefined) return this.#park(message, blocked, mayPark);
    for (;;) {
      const seated = key === undefined ? undefined : this.consumers.seatOf(key);
      if (seated !== undefined && key !== undefined && (!this.consumers.isActive(seated) || seated.refuses(message))) {
        if (this.#hasOfKey(seated, key)) return this.#block(message, key, seated, mayPark);
        if (this.#releaseKey(seated, key) === 0) continue;
        this.#backlog.putBack([message]); // what was released may be older
        return "parked";
      }
      if (seated !== undefined && !seated.hasRoom(this.#rules.settings.consumerWindow)) {
        return this.#park(message, seated, mayPark);
      }
      const consumer = seated ?? this.consumers.next(message, this.deliveries.jobOf(message)?.last ?? null);
      if (consumer === undefined) return this.#refuse(message, key, mayPark);
      const answer = this.#lend(message, consumer, key);
      if (answer === "lent") return "lent";
      if (answer === "away") return "waits";
      if (key !== undefined && seated === undefined) this.consumers.forgetKey(key);
    }
  }

  #park(message: Message, owner: object, mayPark: boolean): "parked" | "waits" {
    if (!mayPark) return "waits";
    this.#line.park(owner, message);
    return "parked";
  }

  /** The consumer takes no more of the key, or not this one: what it has comes first, and then all of it goes to another. */
  #block(message: Message, key: string, consumer: Consumer, mayPark: boolean): "parked" | "waits" {
    if (!mayPark) return "waits";
    const token = this.#blocked.get(key) ?? {};
    this.#blocked.set(key, token);
    this.#line.unpark(consumer, (each) => this.#rules.keyOf(each) === key);
    return this.#park(message, token, true);
  }

  /** What was waited for may have happened. */
  #unblock(): void {
    if (this.#mayUnblock.size === 0) return;
    for (const key of this.#mayUnblock) {
      const token = this.#blocked.get(key);
      const consumer = this.consumers.seatOf(key);
      if (token === undefined || (consumer !== undefined && this.#hasOfKey(consumer, key))) continue;
      this.#blocked.delete(key);
      this.consumers.forgetKey(key);
      this.#line.unpark(token);
    }
    this.#mayUnblock.clear();
  }

  /** A delivery is over, for its consumer or for us. */
  #noteEnd({ key }: Delivery): void {
    if (this.#blocked.size > 0 && key !== undefined && this.#blocked.has(key)) this.#mayUnblock.add(key);
  }

  /** No consumer that has room takes it. */
  #refuse(message: Message, key: string | undefined, mayPark: boolean): "lent" | "parked" | "waits" {
    const { active } = this.consumers;
    const refusals = active.map(({ refusals: all }) => all?.get(message)).filter((each) => each !== undefined);
    const [refusal] = refusals;
    if (refusal === undefined) return "waits";
    if (refusals.length === active.length) {
      this.#owner.drop(message, refusal);
      this.#owner.givenUp(message);
      return "lent";
    }
    const other = key === undefined ? undefined : this.consumers.nextWithoutRoom(message);
    if (other === undefined || key === undefined || !mayPark) return this.#park(message, this.#setAside, mayPark);
    this.consumers.seat(key, other); // or a later one of the key would pass
    return this.#park(message, other, mayPark);
  }

  #hasOfKey(consumer: Consumer, key: string | undefined): boolean {
    for (const delivery of this.deliveries) if (delivery.consumer === consumer && delivery.key === key) return true;
    return false;
  }

  /** What of the key waits for this consumer may go to others, in its order. Returns how many. */
  #releaseKey(consumer: Consumer, key: string): number {
    this.consumers.forgetKey(key);
    return this.#line.unpark(consumer, (message) => this.#rules.keyOf(message) === key);
  }

  #lend(message: Message, consumer: Consumer, key: string | undefined): Lent {
    const { device, options } = consumer;
    const { store } = this.#context.broker;
    const job = this.deliveries.jobOf(message);
    const again = job !== null;
    const delivery = new Delivery(message, job, consumer, key, this.#context.clock.now(), this);
    if (key !== undefined) this.consumers.seat(key, consumer);
    this.deliveries.began(delivery);
    const lent = again
      ? message.saying(PublishProperties.withUserProperty(message.properties, "delivery-count", `${job.deliveries}`))
      : message;
    let answer: Lent;
    try {
      answer = device.lend(lent, delivery, options, again);
    } catch (reason) {
      device.failed(reason); // which gives back what it was lent
      if (delivery.isUnderWay) this.returned(delivery);
      return "lent";
    }
    if (answer !== "lent") {
      this.deliveries.withdrawn(delivery);
      if (answer !== "away") consumer.refuse(message, answer);
    } else if (again) this.redelivered.total++;
    else if (options.qos > 0 && store.promises(message.kind))
      void store.sent(this.#owner.id, message, message.packetId);
    return answer;
  }

  /** Keys of messages that a consumer has, or that wait for one. */
  #keysHeld(): Set<string> {
    const keys = new Set<string | undefined>();
    for (const { key } of this.deliveries) keys.add(key);
    for (const message of this.#line.parkedMessages()) keys.add(this.#rules.keyOf(message));
    return keys as Set<string>;
  }

  #giveBack(delivery: Delivery): void {
    const { deliveriesMax } = this.#rules.settings;
    const { message } = delivery;
    const { deliveries } = this.deliveries.givenBack(delivery);
    if (deliveriesMax === 0 || deliveries < deliveriesMax) {
      this.#returned.push(message);
      return this.pumpSoon();
    }
    this.deliveries.settled(delivery);
    this.#owner.drop(message, "deliveries-exceeded");
    this.#owner.givenUp(message);
  }

  /** What waits for one consumer. */
  #pumpParked(): void {
    for (const owner of this.#line.parkedFor) {
      if (!(owner instanceof Consumer)) continue;
      if (this.consumers.isActive(owner)) this.#pumpParkedFor(owner);
      else this.#line.unpark(owner); // it gets no more [MQTT-3.10.4-2]
    }
  }

  /**
   * What some consumers do not take goes back to its place where one has room that may: older ones go first. Some are tried
   * each time, all in turn.
   */
  #pumpSetAside(): void {
    for (let tried = 0, isSecondRound = false; tried < SET_ASIDE_TRIED_MAX; tried++) {
      const message = this.#line.takeParked(this.#setAside);
      if (message === undefined) {
        if (isSecondRound) return;
        isSecondRound = true;
        [this.#setAside, this.#triedBefore] = [this.#triedBefore, this.#setAside];
        continue;
      }
      if (this.#backlog.expire(message)) continue;
      if (this.consumers.next(message, null) !== undefined) this.#backlog.putBack([message]);
      else if (this.#refuse(message, undefined, false) === "waits") this.#line.park(this.#triedBefore, message);
    }
  }

  #pumpParkedFor(consumer: Consumer): void {
    while (consumer.hasRoom(this.#rules.settings.consumerWindow)) {
      const message = this.#line.takeParked(consumer);
      if (message === undefined) return;
      if (this.#backlog.expire(message)) continue;
      const key = this.#rules.keyOf(message);
      if (!consumer.refuses(message) && this.#lend(message, consumer, key) === "lent") continue;
      if (key !== undefined && this.#hasOfKey(consumer, key)) this.#block(message, key, consumer, true);
      else {
        this.#backlog.putBack([message]);
        if (key !== undefined) this.#releaseKey(consumer, key);
      }
    }
  }

  #followDelays(): void {
    const { clock } = this.#context;
    const at = this.#line.nextDueAt;
    if (at === this.#followedDueAt) return;
    this.#cancelDue();
    this.#followedDueAt = at;
    if (at === Number.POSITIVE_INFINITY) return;
    this.#cancelDue = clock.after(Math.min(Math.max(1, at - clock.now()), TIMER_MS_MAX), () => {
      this.#followedDueAt = Number.POSITIVE_INFINITY;
      this.pump();
    });
  }
}
