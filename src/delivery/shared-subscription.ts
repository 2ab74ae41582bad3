import { listenerOf } from "../broker/listener-of.ts";
import type { Listener, Receiver } from "../broker/router.ts";
import { Backlog, type BacklogOwner } from "../device/backlog.ts";
import type { DropReason } from "../device/counters.ts";
import type { DeviceContext } from "../device/device-context.ts";
import type { Link } from "../device/link.ts";
import { OutgoingRecord } from "../device/outgoing-record.ts";
import { type Borrower, type Lender, type Lent, nobody, type Share, type ShareOptions } from "../device/share.ts";
import { Message } from "../store/message.ts";
import { sharedSessionId } from "../store/shared-session.ts";
import { NEVER_EXPIRES } from "../store/store.ts";

type Refusal = Exclude<Lent, "lent" | "away">;

/** Who shares the subscription, and what it was granted. */
interface Member {
  readonly device: Borrower;
  readonly options: ShareOptions;
}

/**
 * One shared subscription: each message goes to one member that is connected and has room, in turn; where there is none it
 * waits in the mailbox of the group. At QoS 1 it stays the group's until a member has acknowledged it, and goes to another
 * one if that member leaves before. At QoS 2 it becomes the member's own [MQTT-4.8.2-4] [MQTT-4.8.2-5].
 */
export class SharedSubscription implements Receiver, Share, Lender, BacklogOwner {
  /** By what the store knows it; no client id has U+0000 in it. */
  readonly id: string;
  /** The whole filter. */
  readonly name: string;
  readonly session = { clean: true };
  readonly connection = null;
  readonly #filter: string;
  readonly #context: DeviceContext;
  readonly #dissolved: () => void;
  readonly #record: OutgoingRecord;
  readonly #backlog: Backlog;
  readonly #listener: Listener;
  #members: Member[] = [];
  #turn = 0;
  #isPumping = false;
  readonly #lent = new Set<Message>();

  /** `filter` is what the group subscribes to, `name` the whole one; `dissolved` is called when the last member has left. */
  constructor(filter: string, name: string, context: DeviceContext, dissolved: () => void) {
    this.#filter = filter;
    this.name = name;
    this.id = sharedSessionId(name);
    this.#context = context;
    this.#dissolved = dissolved;
    this.#record = new OutgoingRecord(this, context, () => {});
    this.#backlog = new Backlog(this, context, this.#record, () => this.#pump());
    this.#listener = listenerOf(this);
  }

  join(device: Borrower, options: ShareOptions): void {
    const member = { device, options };
    const place = this.#placeOf(device);
    if (place >= 0) this.#members[place] = member;
    else this.#members.push(member);
    if (this.#members.length === 1 && place < 0)
      this.#context.broker.subscribe(this.#filter, this.#listener as never, () => {});
    if (this.session.clean && !device.isTransient && !this.#context.broker.store.shared) this.#keep();
    // Behind SUBACK, which a client that leaves at once would not have read: it would reset the connection.
    queueMicrotask(() => this.#pump());
  }

  leave(device: { readonly id: string }): void {
    const place = this.#placeOf(device);
    if (place < 0) return;
    this.#members.splice(place, 1);
    if (this.#members.length > 0) return;
    this.#context.broker.unsubscribe(this.#filter, this.#listener as never, () => {});
    this.#dissolved();
    this.#backlog.clear();
    this.#lent.clear();
    if (!this.session.clean) void this.#context.broker.store.discardSession(this);
  }

  came(): void {
    this.#pump();
  }

  went(): void {
    this.#pump();
  }

  roomMade(): void {
    this.#pump();
  }

  refresh(): void {
    this.#backlog.refresh();
    this.#pump();
  }

  deliver(message: Message): void {
    if (message.qos === 0) return this.#deliverQoS0(message);
    if (this.#backlog.depth > 0) return this.#backlog.put(message);
    this.#record.classify(message);
    if (!this.#offer(message, false)) this.#backlog.put(message);
  }

  /** Takes a message in if there is room for it without another one going; says whether it did. */
  offer(message: Message): boolean {
    if (!this.#backlog.offer(message)) return false;
    this.#pump();
    return true;
  }

  crashed(reason: unknown): void {
    this.#context.log.error(
      { subscription: this.#filter, error: reason },
      "a shared subscription could not take a message",
    );
  }

  settled(message: Message): void {
    if (this.#lent.delete(message)) this.#record.givenUp(message);
  }

  /** As if it had been taken: the client will not have it, and its answer settles it [MQTT-4.8.2-6]. */
  rejected(message: Message): void {
    this.settled(message);
  }

  returned(messages: readonly Message[]): void {
    const own = messages.filter((message) => this.#lent.delete(message));
    if (this.#members.length === 0) return;
    this.#backlog.putBack(own);
    this.#pump();
  }

  drop(message: Message, reason: DropReason): void {
    this.#context.undelivered(message, reason, { kind: "shared-subscription", name: this.name });
  }

  /** As long as one member that is connected does not wait for the publisher, there will be room. */
  waitsFor(publisher: Link, seen: Set<Link>): boolean {
    const online = this.#members.filter(({ device }) => device.isOnline);
    return online.length > 0 && online.every(({ device }) => device.waitsFor(publisher, seen));
  }

  /** A member that outlives its connections has come: from here on messages wait in the store, as those from before a restart do. */
  #keep(): void {
    const { store } = this.#context.broker;
    this.session.clean = false;
    void store.putSession(this, 0, NEVER_EXPIRES);
    void store.outstanding(this.id).then((outstanding) => {
      for (const { entry } of outstanding) {
        if (!(entry instanceof Message)) continue;
        entry.keep();
        this.#backlog.restore(entry);
      }
    });
  }

  #placeOf({ id }: { readonly id: string }): number {
    return this.#members.findIndex(({ device }) => device.id === id);
  }

  #pump(): void {
    if (this.#isPumping) return; // what a member takes may make room in it, which it says here
    this.#isPumping = true;
    try {
      this.#pumpAll();
    } finally {
      this.#isPumping = false;
    }
  }

  #pumpAll(): void {
    while (this.#backlog.depth > 0 && this.#members.some(({ device }) => device.hasRoom)) {
      const message = this.#backlog.next(() => false);
      if (message === undefined) return;
      if (!this.#offer(message, true)) return this.#backlog.putBack([message]);
      this.#backlog.refill();
    }
  }

  /** QoS 0 does not wait: where no member has room, it is the next one's that is too slow. */
  #deliverQoS0(message: Message): void {
    if (this.#offer(message, false)) return;
    const member = this.#members.find(({ device }) => device.isOnline);
    if (member !== undefined) this.#hand(message, member, false);
  }

  /**
   * Hands the message to the next member in turn that has room and may have it; false where it has to wait for one.
   * `isRecorded`: the store has it, where it keeps any.
   */
  #offer(message: Message, isRecorded: boolean): boolean {
    const members = [...this.#members];
    let refusals = 0;
    let refusal: Refusal = "not-authorized";
    for (let i = 0; i < members.length; i++) {
      const place = (this.#turn + i) % members.length;
      const member = members[place] as Member;
      if (!member.device.hasRoom) continue;
      const answer = this.#hand(message, member, isRecorded);
      if (answer === "lent") {
        this.#turn = place + 1;
        return true;
      }
      if (answer === "away") continue; // it broke over the message
      refusals++;
      refusal = answer;
    }
    if (refusals === 0 || refusals < members.length) return false;
    this.drop(message, refusal); // nobody of the group may have it
    this.#record.givenUp(message); // it was recorded, at the latest before it was offered
    return true;
  }

  #hand(message: Message, member: Member, isRecorded: boolean): Lent {
    const { device, options } = member;
    try {
      switch (Math.min(message.qos, options.qos)) {
        case 2:
          return this.#give(message, member, isRecorded);
        case 0: {
          const answer = device.lend(message.at(0), nobody, options);
          if (answer === "lent" && isRecorded) this.#record.givenUp(message);
          return answer;
        }
        default: {
          if (!isRecorded) this.#record.taken(message);
          this.#lent.add(message);
          const answer = device.lend(message, this, options);
          if (answer !== "lent") this.#lent.delete(message);
          return answer;
        }
      }
    } catch (reason) {
      const isLent = this.#lent.has(message);
      device.failed(reason); // which gives back what it was lent
      return isLent && !this.#lent.delete(message) ? "lent" : "away";
    }
  }

  /** At QoS 2 the message becomes the member's own. */
  #give(message: Message, member: Member, isRecorded: boolean): Lent {
    const { device } = member;
    const own = this.#copyFor(message, member.options);
    try {
      if (isRecorded) device.handOver(own);
      else device.give(own);
    } catch (reason) {
      device.crashed(reason, own, 2); // it is kept for the member all the same: another one might get it twice
    }
    if (own.refusals > 0) message.refuse();
    if (!own.accepted) message.acceptedWhen(own);
    if (isRecorded) this.#record.givenUp(message);
    return "lent";
  }

  /** The member may have the message by a subscription of its own too: the store has to tell the two apart. */
  #copyFor(message: Message, { rap, subscriptionIdentifier }: ShareOptions): Message {
    const { broker } = this.#context;
    const identity = { brokerId: broker.id, brokerCounter: ++broker.counter };
    return message.calledUpBy(subscriptionIdentifier, rap === true && message.publishedRetained, identity);
  }
}
