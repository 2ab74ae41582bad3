import { firstByte, type QoS } from "../protocol/packet-type.ts";
import { PublishProperties } from "../protocol/publish-properties.ts";
import { isFailure, reasonCode } from "../protocol/reason-code.ts";
import { Message } from "../store/message.ts";
import type { Outstanding } from "../store/outgoing-line.ts";
import type { StoredPublish } from "../store/stored-packets.ts";
import { Backlog, type BacklogOwner } from "./backlog.ts";
import type { DropReason } from "./counters.ts";
import type { DeviceContext } from "./device-context.ts";
import { Forwarder } from "./forwarder.ts";
import type { Sparing } from "./grace.ts";
import { awaiting, type InFlight, InFlightWindow, type Loan } from "./in-flight-window.ts";
import { type Link, wireVersionOf } from "./link.ts";
import type { MailboxControl } from "./mailbox-control.ts";
import type { OutboundBacklog } from "./outbound-backlog.ts";
import { OutgoingRecord } from "./outgoing-record.ts";
import { Replay } from "./replay.ts";
import { Resends } from "./resends.ts";
import { restoreOutgoing } from "./restore-outgoing.ts";
import type { Session } from "./session.ts";
import type { Lender, Lent, ShareOptions } from "./share.ts";

/** Whose messages these are. */
export interface OutboundOwner extends BacklogOwner {
  readonly id: string;
  readonly session: Session;
  failed(reason: unknown): void;
  /** There may be room for what others have for the device. */
  roomMade(): void;
}

/** What may be otherwise than it is for devices. */
export interface OutboundParts {
  /** `certain` is to be called when the store has become certain of a message that waited for that. */
  readonly backlog?: (owner: BacklogOwner, record: OutgoingRecord, certain: () => void) => OutboundBacklog;
  readonly forwarder?: Pick<Forwarder, "authorized" | "send" | "sendApart">;
  /** Messages with QoS above 0 that are sent and not acknowledged. */
  readonly inFlightMax?: () => number;
  /** The receiver has acknowledged a message; null where only the end of its handshake was left. `code`: what it said of it. */
  readonly acknowledged?: (message: Message | null, code: number) => void;
}

/**
 * The way of messages from a device's mailbox to its connection: what is resent first, then retained messages that a
 * subscription called up, then the mailbox, all within the in-flight window and as far as the peer reads.
 * QoS 0 does not wait for acknowledgements and may therefore overtake QoS 1 and 2.
 */
export class Outbound implements Sparing, MailboxControl {
  readonly #device: OutboundOwner;
  readonly #context: DeviceContext;
  readonly #backlog: OutboundBacklog;
  readonly #record: OutgoingRecord;
  readonly #forwarder: Pick<Forwarder, "authorized" | "send" | "sendApart">;
  readonly #parts: OutboundParts;
  #window = new InFlightWindow();
  readonly #isTaken = (packetId: number): boolean => this.#window.find(packetId) !== undefined;
  /** The store is not told of something in flight. */
  #spares = false;
  #isPaused = false;
  /** Packet ids that the client may remember of what was not its own. */
  #owed: readonly number[] | null = null;
  #isStopped = false;
  /** What was in flight when the device was last away, and has to be sent again before anything newer. */
  readonly #resends = new Resends();
  readonly #replay = new Replay();

  constructor(device: OutboundOwner, context: DeviceContext, parts: OutboundParts = {}) {
    this.#device = device;
    this.#context = context;
    this.#record = new OutgoingRecord(device, context, () => this.#tellSpared());
    this.#parts = parts;
    this.#forwarder = parts.forwarder ?? new Forwarder(context, device);
    const certain = () => this.#pumpLater();
    this.#backlog =
      parts.backlog?.(device, this.#record, certain) ?? new Backlog(device, context, this.#record, certain);
  }

  /** Messages that wait: in the mailbox, called up by a subscription, and unacknowledged. */
  get depth(): number {
    return this.#backlog.depth + this.#replay.depth + this.#window.count;
  }

  get waiting() {
    const { depth: messages, bytes, first } = this.#backlog;
    return { messages, bytes, oldestAt: first?.publishedAt, inFlight: this.#window.count };
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    this.pump();
  }

  drain(max: number): Message[] {
    return this.#backlog.takeOldest(max);
  }

  putBack(messages: readonly Message[]): void {
    this.#backlog.putBack(messages);
    this.pump();
  }

  forget(message: Message): void {
    this.#record.givenUp(message);
  }

  offer(message: Message): boolean {
    if (this.#isStopped || !this.#backlog.offer(message)) return false;
    this.pump();
    return true;
  }

  /** The device takes one more message at once. */
  get hasRoom(): boolean {
    const { connection } = this.#device;
    if (connection === null || this.#resends.pending || this.#replay.depth > 0) return false;
    return this.#hasRoom(connection, this.#backlog.depth);
  }

  /** Sends a message that stays the lender's until it is settled. Told of nothing where it was not lent. */
  lend(message: Message, lender: Lender, { qos, rap, subscriptionIdentifier }: ShareOptions, again = false): Lent {
    const { connection } = this.#device;
    if (connection === null) return "away";
    const lent = message.at(qos);
    const retain = rap === true && message.publishedRetained; // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    // What other subscriptions of the device say of such messages does not concern this one.
    const isPlain = subscriptionIdentifier === undefined && !retain && !this.#device.session.isSpecial;
    const told = isPlain ? lent : lent.calledUpBy(subscriptionIdentifier, retain);
    const forward = this.#forwarder.authorized(told, connection);
    if (forward === null) return "not-authorized";
    if (forward.qos === 0) {
      const isSlow = connection.unsentBytes >= this.#context.settings.sendBufferBytesMax;
      if (isSlow) this.#device.drop(message, "slow-reader");
      else if (!this.#forwarder.send(forward, connection)) return "too-large";
      lender.settled(message);
      return "lent";
    }
    forward.keep(wireVersionOf(connection));
    const awaits = forward.qos === 2 ? awaiting.pubrec : awaiting.puback;
    const entry = this.#window.add(forward, awaits, true, -1, { lender, message });
    if (this.#isSent(forward, entry, again, connection)) return "lent";
    this.#window.settle(entry);
    return "too-large";
  }

  owes(packetIds: readonly number[]): void {
    if (packetIds.length > 0) this.#owed = this.#owed === null ? packetIds : [...this.#owed, ...packetIds];
  }

  /** Tells the store of what was sent up to this tick of `Grace`; returns whether it was spared something newer. */
  record(before = Number.POSITIVE_INFINITY): boolean {
    this.#spares = false;
    this.#window.forEach((entry) => {
      const { message, sparedAt, packetId } = entry;
      if (sparedAt < 0 || message === null) return;
      if (sparedAt >= before) {
        this.#spares = true;
        return;
      }
      entry.sparedAt = -1;
      this.#record.taken(message, true);
      if (packetId !== message.packetId) this.#record.sent(message, packetId);
      this.#record.spareEnded(message, entry);
    });
    return this.#spares;
  }

  /** Takes one message, at the QoS at which it is to be delivered. */
  take(message: Message): void {
    const { connection } = this.#device;
    if (message.qos > 0) return this.#takeAcknowledged(message, connection);
    if (connection === null) return; // QoS 0 is not kept for those who are away
    if (this.#replay.depth === 0) return this.#sendQoS0(message, connection);
    const { messagesMax, bytesMax } = this.#context.settings.mailboxes;
    if (this.#replay.live >= messagesMax || this.#replay.liveBytes + message.bytes > bytesMax) {
      return this.#device.drop(message, "slow-reader");
    }
    message.keep();
    this.#replay.add(message);
  }

  /** Takes a message with QoS above 0 that was admitted elsewhere. */
  takeOver(message: Message): void {
    if (this.#device.session.clean) this.take(message);
    else this.#backlog.takeOver(message);
  }

  /** Sends what waits, as far as window and peer allow. */
  pump(): void {
    const { connection } = this.#device;
    if (connection === null) return;
    if (this.#resends.pending && !this.#resend(connection)) return;
    if (this.#replay.depth > 0 && !this.#sendReplay(connection)) return;
    while (this.#backlog.depth > 0 && this.#hasRoom(connection)) {
      const message = this.#backlog.next(this.#isTaken);
      if (message === undefined) return;
      this.#sendAcknowledged(message, connection);
      this.#backlog.refill();
    }
    this.#device.roomMade();
  }

  /** What had to wait because there was no room comes in where there is; what has waited too long goes. */
  refresh(): void {
    this.#backlog.refresh();
    this.pump();
  }

  /** PUBACK. An id that is not in flight was settled before: nothing to do. */
  acknowledged(packetId: number, code: number): void {
    const entry = this.#window.find(packetId);
    if (entry?.awaits === awaiting.puback) this.#settle(entry, packetId, code);
  }

  /** PUBREC: the device has the message; only the release is left to do, which is owed whatever we remember [MQTT-4.3.3-1]. */
  received(packetId: number, code: number): void {
    const entry = this.#window.find(packetId);
    if (entry?.awaits === awaiting.puback) return;
    if (entry?.awaits === awaiting.pubrec && isFailure(code)) return this.#settle(entry, packetId, code); // it is not sent again [MQTT-4.4.0-2]
    if (entry?.awaits === awaiting.pubrec) {
      entry.awaits = awaiting.release;
      entry.message = null;
      if (entry.loan !== null) return this.#release(entry);
      // Were the release sent and forgotten in a power cut, the message would be sent again as if it were another.
      return this.#record.received(entry, () => this.#release(entry));
    }
    if (entry?.awaits === awaiting.release || isFailure(code)) return;
    const isKnown = entry !== undefined;
    this.#device.connection?.sendAcknowledgement(
      firstByte.pubrel,
      packetId,
      isKnown ? reasonCode.success : reasonCode.packetIdentifierNotFound,
    );
  }

  /** PUBCOMP. */
  completed(packetId: number): void {
    if (packetId === this.#owed?.at(-1)) this.#owed = null;
    const entry = this.#window.find(packetId);
    if (entry?.awaits === awaiting.pubcomp || entry?.awaits === awaiting.release)
      this.#settle(entry, packetId, reasonCode.success);
  }

  /** The device has a connection again: what was in flight is sent again, in its old order [MQTT-4.4.0-1]. */
  resume(): void {
    // Before anything comes under these packet ids: the client has forgotten them by then.
    for (const packetId of this.#owed ?? []) {
      if (!this.#isTaken(packetId)) this.#device.connection?.sendAcknowledgement(firstByte.pubrel, packetId);
    }
    this.#resends.begin(this.#window);
    this.pump();
  }

  /** The device went away. What it was to be sent as retained and with QoS above 0 waits with the rest. */
  suspend(): void {
    this.#resends.end();
    this.#returnLoans();
    const replay = this.#replay.drain();
    if (this.#device.session.clean) return;
    this.record();
    // What was called up before the mailbox filled goes before it [MQTT-4.6.0-6].
    this.#backlog.putBefore(replay.filter((message) => message.qos > 0));
  }

  /** Retained messages for a fresh subscription [MQTT-3.3.1-6]. */
  replay(retained: readonly { packet: StoredPublish; granted: QoS }[], subscriptionIdentifier?: number): void {
    if (retained.length === 0) return;
    const { broker } = this.#context;
    for (const { packet, granted } of retained) {
      // A delivery of its own: the store must tell it from the publish that left it behind.
      const copy = { ...packet, brokerId: broker.id, brokerCounter: ++broker.counter };
      if (subscriptionIdentifier !== undefined || this.#device.session.isSpecial) {
        copy.properties = PublishProperties.calledUp(packet.properties, subscriptionIdentifier);
      }
      const qos = Math.max(granted, this.#replay.retained(packet.topic)?.qos ?? 0);
      this.#replay.add(new Message(copy, Math.min(packet.qos, qos) as QoS, true));
    }
    this.pump();
  }

  /** Calls back with each that is sent and not acknowledged, in the order in which they were sent. */
  forEachInFlight(visit: (entry: Readonly<InFlight>) => void): void {
    this.#window.forEach(visit);
  }

  /** Takes over what the store has on its way to the device. What came meanwhile stays behind it. */
  restore(outgoing: readonly Outstanding[]): void {
    const { session } = this.#device;
    restoreOutgoing(outgoing, { window: this.#window, backlog: this.#backlog, session, home: this.#context.broker.id });
  }

  /** Forgets everything on the way to the device; the store is not told. */
  clear(): void {
    this.#tellSpared();
    this.#backlog.clear();
    const window = this.#window;
    this.#window = new InFlightWindow(); // before the loans are given back: the device may be lent others at once
    this.#resends.end();
    this.#replay.clear();
    this.#returnLoans(window);
  }

  /** Nothing will be delivered any more, and nobody has to wait for it. */
  stop(): void {
    this.#isStopped = true;
    this.#returnLoans();
    this.#tellSpared();
    this.#backlog.stop();
  }

  /** The device broke over this message: the store has it for when the device is built anew. */
  crashedOn(message: Message): void {
    if (message.qos > 0) this.#record.taken(message);
  }

  #release(entry: InFlight): void {
    if (entry.awaits !== awaiting.release) return;
    entry.awaits = awaiting.pubcomp;
    this.#device.connection?.sendAcknowledgement(firstByte.pubrel, entry.packetId);
  }

  get #hasAckListener(): boolean {
    return this.#context.broker.listenerCount("ack") > 0;
  }

  /** `waiting`: how many have to find room before. */
  #hasRoom(connection: Link, waiting = 0): boolean {
    if (this.#isPaused) return false;
    const { sendBufferBytesMax } = this.#context.settings;
    const inFlightMax = this.#parts.inFlightMax?.() ?? this.#context.settings.inFlightMax;
    const count = this.#window.count + waiting;
    // [MQTT-3.3.4-9]
    return (
      count < inFlightMax && count < connection.terms.receiveMaximum && connection.unsentBytes < sendBufferBytesMax
    );
  }

  #takeAcknowledged(message: Message, connection: Link | null): void {
    const waits = this.#resends.pending || this.#replay.depth > 0 || this.#backlog.depth > 0;
    const clean = this.#device.session.clean;
    // QoS 2 is sent when the store has it: after a power cut its publisher may send it again as one not seen before.
    const isCertain = clean || message.qos < 2;
    if (connection === null || waits || !isCertain || !this.#hasRoom(connection)) return this.#backlog.put(message);
    if (clean) return this.#sendAcknowledged(message, connection);
    if (!this.#record.spares(message)) {
      this.#record.taken(message);
      return this.#sendAcknowledged(message, connection);
    }
    this.#sendAcknowledged(message, connection, this.#context.grace.tick);
  }

  #tellSpared(): void {
    if (this.#spares) this.record();
  }

  /** The store has what was to be certain. */
  #pumpLater(): void {
    try {
      this.pump();
    } catch (reason) {
      this.#device.failed(reason);
    }
  }

  #sendQoS0(message: Message, connection: Link): void {
    const forward = this.#forwarder.authorized(message, connection);
    if (forward === null) this.#device.drop(message, "not-authorized");
    else this.#sendUnacknowledged(forward, connection);
  }

  #sendUnacknowledged(message: Message, connection: Link): void {
    if (connection.unsentBytes >= this.#context.settings.sendBufferBytesMax) this.#device.drop(message, "slow-reader");
    else if (!this.#forwarder.send(message, connection)) this.#device.drop(message, "too-large");
  }

  /** `sparedAt`: the tick of `Grace`, where the store was not told of the message. */
  #sendAcknowledged(message: Message, connection: Link, sparedAt = -1): void {
    const forward = this.#forwarder.authorized(message, connection);
    if (forward === null || forward.qos === 0) {
      if (sparedAt < 0) this.#record.givenUp(message);
      if (forward === null) this.#device.drop(message, "not-authorized");
      else this.#sendUnacknowledged(forward, connection);
      return;
    }
    const keeps = !this.#device.session.clean || this.#hasAckListener;
    if (keeps) forward.keep(wireVersionOf(connection));
    // The store keeps the message as it came, and not what was made of it for this receiver.
    const isSpared = sparedAt >= 0 && forward === message;
    if (sparedAt >= 0 && !isSpared) this.#record.taken(message);
    const awaits = forward.qos === 2 ? awaiting.pubrec : awaiting.puback;
    const entry = this.#window.add(forward, awaits, keeps, isSpared ? sparedAt : -1);
    if (isSpared) this.#spare(message, entry);
    else this.#record.sent(message, entry.packetId);
    this.#send(forward, entry, connection);
  }

  #send(message: Message, entry: InFlight, connection: Link): void {
    if (!this.#isSent(message, entry, false, connection)) this.#giveUp(entry, message, "too-large"); // as if it had been delivered [MQTT-3.1.2-25]
  }

  /** `again`: with DUP. False where it is too large for the client. */
  #isSent(message: Message, { packetId }: InFlight, again: boolean, connection: Link): boolean {
    if (packetId === message.packetId && !again) return this.#forwarder.send(message, connection);
    return this.#forwarder.sendApart(message, packetId, again, connection);
  }

  #giveUp(entry: InFlight, message: Message, reason: DropReason): void {
    this.#device.drop(message, reason);
    this.#close(entry);
  }

  #returnLoans(window = this.#window): void {
    const keepsIds = !this.#device.session.clean && window === this.#window;
    for (const [lender, messages] of window.takeLoans(keepsIds)) lender.returned(messages);
  }

  #spare(message: Message, entry: InFlight): void {
    this.#record.spared(message, entry);
    if (this.#spares) return;
    this.#spares = true;
    this.#context.grace.add(this);
  }

  /** Returns true when all has been sent again. */
  #resend(connection: Link): boolean {
    const { clock, settings } = this.#context;
    const { qosMax = 2 } = connection.terms;
    for (;;) {
      if (connection.unsentBytes >= settings.sendBufferBytesMax) return false;
      const entry = this.#resends.next(this.#window, connection.terms.receiveMaximum);
      if (entry === undefined) return !this.#resends.pending;
      const { message, packetId } = entry;
      if (entry.awaits === awaiting.pubcomp) connection.sendAcknowledgement(firstByte.pubrel, packetId);
      else if (message === null) continue;
      else if (message.qos > qosMax) this.#resendLower(entry, message.at(qosMax), connection);
      // Of QoS 2 the client may remember the packet id: it is not free before the handshake is through.
      else if (message.qos === 1 && message.properties?.isExpired(clock.now())) this.#giveUp(entry, message, "expired");
      else if (!this.#forwarder.sendApart(message, packetId, true, connection))
        this.#giveUp(entry, message, "too-large"); // DUP [MQTT-3.3.1-1]
    }
  }

  /** The peer takes no such QoS any more [MQTT-3.2.2-11]. */
  #resendLower(entry: InFlight, message: Message, connection: Link): void {
    entry.awaits = awaiting.puback;
    entry.message = message;
    if (!this.#forwarder.sendApart(message, entry.packetId, message.qos > 0, connection)) {
      return this.#giveUp(entry, message, "too-large");
    }
    if (message.qos === 0) this.#close(entry);
  }

  /** Returns true when nothing of the replay is left. */
  #sendReplay(connection: Link): boolean {
    while (this.#replay.depth > 0) {
      if (!this.#hasRoom(connection)) return false;
      const message = this.#replay.take() as Message;
      if (message.properties?.isExpired(this.#context.clock.now())) this.#device.drop(message, "expired");
      else if (message.qos === 0) this.#sendQoS0(message, connection);
      else {
        this.#record.calledUp(message);
        this.#sendAcknowledged(message, connection);
      }
    }
    return true;
  }

  /** Nothing more is to be done for this entry. `code`: what the device said of it. */
  #close(entry: InFlight, code: number = reasonCode.success): void {
    const { message, sparedAt, loan } = entry;
    this.#window.settle(entry);
    if (loan !== null) return endLoan(loan, code);
    if (sparedAt < 0) this.#record.settled(entry);
    else if (message !== null) this.#record.spareEnded(message, entry);
  }

  #settle(entry: InFlight, packetId: number, code: number): void {
    const { message, awaits } = entry;
    this.#close(entry, code);
    this.#parts.acknowledged?.(message, code);
    const { connection } = this.#device;
    if (connection !== null && this.#hasAckListener) {
      // As in aedes: the PUBLISH at QoS 1, and at QoS 2 the PUBREL that was answered.
      const acknowledged = awaits !== awaiting.puback ? { cmd: "pubrel" } : message?.toPacket();
      this.#context.broker.emit("ack", { ...acknowledged, messageId: packetId }, connection);
    }
    this.pump();
  }
}

function endLoan({ lender, message }: Loan, code: number): void {
  if (message === null) return;
  if (isFailure(code)) lender.rejected(message);
  else lender.settled(message);
}
