import { type Bounded, Mailbox } from "../actor/mailbox.ts";
import type { Acceptance } from "../store/acceptance.ts";
import type { Message } from "../store/message.ts";
import type { AdmissionOwner } from "./admission.ts";
import type { DropReason } from "./counters.ts";
import type { DeviceContext } from "./device-context.ts";
import { HeldMessages } from "./held-messages.ts";
import { type Link, wireVersionOf } from "./link.ts";
import type { MailboxRules } from "./mailbox-rules.ts";
import type { OutgoingRecord } from "./outgoing-record.ts";

/** Whose backlog it is. */
export interface BacklogOwner {
  readonly session: { readonly clean: boolean };
  readonly connection: Link | null;
  drop(message: Message, reason: DropReason): void;
  /** Waiting for room here, the publisher would wait for itself. */
  waitsFor(publisher: Link, seen: Set<Link>): boolean;
}

/** Where messages wait. */
export interface Line extends Bounded<Message> {
  /** The next message that may go, left in its place. */
  peek(): Message | undefined;
  take(): Message | undefined;
  restore(message: Message): void;
  /** Puts messages into their old places. */
  insert(messages: readonly Message[]): void;
  removeWhile(condition: (message: Message) => boolean): Message[];
  removeIf(condition: (message: Message) => boolean): Message[];
  /** Takes all messages out, oldest first. */
  drain(): Message[];
  clear(): void;
}

/**
 * What waits for one device: its mailbox, and before it, where flow control is on and there is no room, publishers. Also
 * when a message may go: not before the store is certain of it, where it must not come twice, and not after its time.
 */
export class Backlog implements AdmissionOwner<Message> {
  readonly #device: BacklogOwner;
  readonly #context: DeviceContext;
  readonly #record: OutgoingRecord;
  readonly #mailbox: Line;
  readonly #rules: MailboxRules;
  readonly #held: HeldMessages;
  readonly #certain: () => void;
  /** When the first of those that have an expiry of their own expires, in milliseconds since the Unix epoch. */
  #firstExpiry = Number.POSITIVE_INFINITY;

  /** `certain` is called when the store has become certain of a message that waited for that. */
  constructor(
    device: BacklogOwner,
    context: DeviceContext,
    record: OutgoingRecord,
    certain: () => void,
    rules: MailboxRules = context.mailboxRules,
    line: Line = new Mailbox<Message>(),
  ) {
    this.#device = device;
    this.#context = context;
    this.#record = record;
    this.#held = new HeldMessages(device);
    this.#certain = certain;
    this.#rules = rules;
    this.#mailbox = line;
  }

  get depth(): number {
    return this.#mailbox.depth;
  }

  get bytes(): number {
    return this.#mailbox.bytes;
  }

  /** The next message, left in its place. */
  get first(): Message | undefined {
    return this.#mailbox.peek();
  }

  /** Takes the message in, refuses it, or has its publisher wait. */
  put(message: Message): void {
    this.#record.classify(message);
    const isBehind = this.#held.depth > 0 && this.#held.has(message.kind.index);
    const verdict = isBehind ? "hold" : this.#admit(message);
    if (verdict === "admit") this.#enter(message);
    else if (verdict === "hold") this.#hold(message);
    else message.refuse();
  }

  /** Takes the message in if there is room for it without another one going; says whether it did. */
  offer(message: Message): boolean {
    this.#record.classify(message);
    const { admission } = this.#rules;
    if (this.#held.depth > 0 || admission.full(message, this.#mailbox, this.#isCounted(message)) !== undefined)
      return false;
    this.#enter(message);
    return true;
  }

  /** Takes in a message that was admitted elsewhere. */
  takeOver(message: Message): void {
    this.#enter(message);
  }

  /** Removes and returns the next message; undefined while there is none that may go. `isTaken`: a packet id is in flight. */
  next(isTaken: (packetId: number) => boolean): Message | undefined {
    for (let first = this.#mailbox.peek(); first !== undefined; first = this.#mailbox.peek()) {
      if (this.#isUncertain(first)) return undefined;
      // After a restart it is sent under the packet id that follows from its number: it must have had no other before.
      if (first.qos === 2 && !this.#device.session.clean && isTaken(first.packetId)) return undefined;
      this.#mailbox.take();
      if (!this.expire(first)) return first;
    }
    return undefined;
  }

  /** Gives up a message that was taken out, if its time is over; says whether it was. */
  expire(message: Message): boolean {
    if (!this.#isExpired(message)) return false;
    this.removed(message, "expired");
    return true;
  }

  /** Messages have gone: those whose publishers wait come in, as far as there is room. */
  refill(): void {
    if (this.#held.depth > 0) this.#releaseHeld();
  }

  /** What has waited too long goes. */
  refresh(): void {
    for (const message of this.#mailbox.removeWhile((each) => this.#isExpired(each))) this.removed(message, "expired");
    if (this.#context.clock.now() >= this.#firstExpiry) this.#removeExpired();
    this.refill();
    if (this.#held.depth > 0) this.#giveUp();
  }

  /** Takes these in before what waits, as far as both find room. */
  putBefore(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    const later = this.#mailbox.drain();
    const { limits } = this.#rules;
    let depth = later.length;
    let bytes = later.reduce((sum, message) => sum + message.bytes, 0);
    for (const message of messages) {
      if (depth >= limits.messagesMax || bytes + message.bytes > limits.bytesMax)
        this.#device.drop(message, "mailbox-full");
      else {
        depth++;
        bytes += message.bytes;
        this.#record.calledUp(message);
        message.keep();
        this.restore(message);
      }
    }
    for (const message of later) this.#mailbox.restore(message);
  }

  /** Adds a message that the store has, whatever the limits say. */
  restore(message: Message): void {
    this.#add(message);
    if (this.#isUncertain(message)) message.record?.whenAccepted(this.#certain);
  }

  /** Takes messages back in that had left, each to its old place; they were admitted before. */
  putBack(messages: readonly Message[]): void {
    this.#mailbox.insert(messages);
    for (const message of messages) this.#noteExpiry(message);
  }

  /** Takes all messages out, oldest first. */
  drain(): Message[] {
    return this.#mailbox.drain();
  }

  /** Takes so many messages out, oldest first. */
  takeOldest(max: number): Message[] {
    const taken: Message[] = [];
    while (taken.length < max) {
      const message = this.#mailbox.removeOldest();
      if (message === undefined) break;
      taken.push(message);
    }
    return taken;
  }

  /** Forgets everything; the store is not told. */
  clear(): void {
    this.#mailbox.clear();
    this.stop();
  }

  /** Nobody has to wait any more. The store has what a device that crashed was to get, for when it is built anew. */
  stop(): void {
    this.#held.clear((message) => (message.isOnce ? null : this.#record.taken(message)));
  }

  /** As `stop`, but what publishers wait for is dropped, unless it was taken in. */
  turnAway(reason: DropReason): void {
    this.#held.clear((message) => {
      if (!message.isOnce) this.#device.drop(message, reason);
      return null;
    });
  }

  removed(message: Message, reason: DropReason): void {
    this.#record.givenUp(message);
    this.#device.drop(message, reason);
  }

  dropped(message: Message, reason: DropReason): void {
    this.#device.drop(message, reason);
  }

  #add(message: Message): void {
    this.#mailbox.restore(message);
    this.#noteExpiry(message);
  }

  #noteExpiry({ properties }: Message): void {
    if (properties === undefined || properties.expiresAt === 0) return;
    this.#firstExpiry = Math.min(properties.expiresAt, this.#firstExpiry);
  }

  #removeExpired(): void {
    this.#firstExpiry = Number.POSITIVE_INFINITY;
    const expired = this.#mailbox.removeIf((message) => {
      if (this.#isExpired(message)) return true;
      this.#noteExpiry(message);
      return false;
    });
    for (const message of expired) this.removed(message, "expired");
  }

  #admit(message: Message): "admit" | "drop" | "hold" {
    return this.#rules.admission.admit(message, this.#mailbox, this.#isCounted(message), this);
  }

  #isCounted(message: Message): boolean {
    return this.#device.session.clean || message.record !== null;
  }

  /** The limit that keeps the message out, or its publisher, where that of a QoS 2 message waits. */
  #limitOf(message: Message): DropReason | undefined {
    const { admission } = this.#rules;
    if (message.isOnce) return admission.exceeded(message, this.#mailbox, this.#device.session.clean);
    return admission.full(message, this.#mailbox, this.#isCounted(message));
  }

  /** Returns what the acceptance of the message depends on, or null. */
  #enter(message: Message): Acceptance | null {
    message.keep(wireVersionOf(this.#device.connection));
    this.#add(message);
    const stored = this.#record.taken(message);
    if (message.qos === 2) {
      if (stored === null) this.#certain();
      else stored.whenAccepted(this.#certain);
    }
    return stored;
  }

  /** The publisher waits, unless it is not there to wait, or would wait for itself. */
  #hold(message: Message): void {
    const { clients } = this.#context.broker;
    const { clientId } = message;
    const isHere = clientId !== undefined && Object.hasOwn(clients, clientId);
    const publisher = isHere ? (clients[clientId] as unknown as Link) : this.#context.upstreams.get(clientId ?? "");
    // One that is closing is still known, and is not read any more.
    if (publisher === undefined || publisher.closed || this.#device.waitsFor(publisher, new Set())) {
      message.refuse();
      return this.#device.drop(message, this.#limitOf(message) ?? "mailbox-full");
    }
    // Its receipt is being stored, and it has to be with it: one message over the limit for each publisher.
    if (message.isOnce) this.#enter(message);
    this.#held.add(message, publisher);
  }

  #releaseHeld(): void {
    this.#held.release((message) => {
      if (message.isOnce) return waitsOn(this.#limitOf(message)) ?? "taken";
      const verdict = this.#admit(message);
      if (verdict === "hold") return waitsOn(this.#limitOf(message)) ?? "full";
      return verdict === "drop" ? "taken" : (this.#enter(message) ?? "taken");
    });
  }

  /** Publishers that may wait for room in a class or in the store that only they can make are not held any longer. */
  #giveUp(): void {
    this.#held.giveUp((message, publisher) => {
      // A circle may have closed since: another one that would have made room has left.
      const isCircle = this.#device.waitsFor(publisher, new Set());
      if (!isCircle && !makesNoRoom(publisher)) return false;
      const limit = this.#limitOf(message);
      if (limit === undefined || (limit === "mailbox-full" && !isCircle)) return false;
      if (!message.isOnce) this.#device.drop(message, limit);
      return true;
    });
  }

  /** The store may still lose this message, and it must not be delivered twice. */
  #isUncertain({ qos, record }: Message): boolean {
    return qos === 2 && !this.#device.session.clean && record !== null && !record.accepted;
  }

  #isExpired(message: Message): boolean {
    const { publishedAt, properties } = message;
    const { clock } = this.#context;
    if (properties?.isExpired(clock.now())) return true;
    const seconds = this.#rules.timeToLiveSecondsOf(message);
    return seconds > 0 && publishedAt > 0 && clock.now() - publishedAt * 1000 > seconds * 1000;
  }
}

function waitsOn(limit: DropReason | undefined): "full" | "class-full" | undefined {
  return limit === undefined || limit === "class-full" ? limit : "full";
}

/** While a publisher is held its acknowledgements are not read either: what is on its way to it stays where it is. */
function makesNoRoom({ device }: Link): boolean {
  return device !== null && device.depth > 0;
}
