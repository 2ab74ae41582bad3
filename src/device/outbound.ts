import { firstByte, type QoS } from "../protocol/packet-type.ts";
import { Message } from "../store/message.ts";
import type { MessageKey } from "../store/message-key.ts";
import type { Outstanding } from "../store/outgoing-line.ts";
import type { StoredPublish } from "../store/stored-packets.ts";
import { Backlog, type BacklogOwner } from "./backlog.ts";
import type { DeviceContext } from "./device-context.ts";
import { Forwarder } from "./forwarder.ts";
import type { Sparing } from "./grace.ts";
import { awaiting, type InFlight, InFlightWindow } from "./in-flight-window.ts";
import type { Link } from "./link.ts";
import { OutgoingRecord } from "./outgoing-record.ts";
import { Replay } from "./replay.ts";

/** Whose messages these are. */
export interface OutboundOwner extends BacklogOwner {
  readonly id: string;
  failed(reason: unknown): void;
}

/**
 * The way of messages from a device's mailbox to its connection: what is resent first, then retained messages that a
 * subscription called up, then the mailbox, all within the in-flight window and as far as the peer reads.
 * QoS 0 does not wait for acknowledgements and may therefore overtake QoS 1 and 2.
 */
export class Outbound implements Sparing {
  readonly #device: OutboundOwner;
  readonly #context: DeviceContext;
  readonly #backlog: Backlog;
  readonly #record: OutgoingRecord;
  readonly #forwarder: Forwarder;
  #window = new InFlightWindow();
  readonly #isTaken = (packetId: number): boolean => this.#window.find(packetId) !== undefined;
  /** The store is not told of something in flight. */
  #spares = false;
  /** What was in flight when the device was last away, and has to be sent again before anything newer. */
  #resends: InFlight[] | null = null;
  readonly #replay = new Replay();

  constructor(device: OutboundOwner, context: DeviceContext) {
    this.#device = device;
    this.#context = context;
    this.#record = new OutgoingRecord(device, context, () => this.#tellSpared());
    this.#forwarder = new Forwarder(context);
    this.#backlog = new Backlog(device, context, this.#record, () => this.#pumpLater());
  }

  /** Messages that wait: in the mailbox, called up by a subscription, and unacknowledged. */
  get depth(): number {
    return this.#backlog.depth + this.#replay.depth + this.#window.count;
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
      return this.#device.drop("slow-reader");
    }
    message.keep();
    this.#replay.add(message);
  }

  /** Sends what waits, as far as window and peer allow. */
  pump(): void {
    const { connection } = this.#device;
    if (connection === null) return;
    if (this.#resends !== null && !this.#resend(connection)) return;
    if (this.#replay.depth > 0 && !this.#sendReplay(connection)) return;
    while (this.#backlog.depth > 0 && this.#hasRoom(connection)) {
      const message = this.#backlog.next(this.#isTaken);
      if (message === undefined) return;
      this.#sendAcknowledged(message, connection);
      this.#backlog.refill();
    }
  }

  /** What had to wait because there was no room comes in where there is; what has waited too long goes. */
  refresh(): void {
    this.#backlog.refresh();
    this.pump();
  }

  /** PUBACK. An id that is not in flight was settled before: nothing to do. */
  acknowledged(packetId: number): void {
    const entry = this.#window.find(packetId);
    if (entry?.awaits === awaiting.puback) this.#settle(entry, packetId);
  }

  /** PUBREC: the device has the message; only the release is left to do, which is owed whatever we remember [MQTT-4.3.3-1]. */
  received(packetId: number): void {
    const entry = this.#window.find(packetId);
    if (entry?.awaits === awaiting.puback) return;
    if (entry?.awaits === awaiting.pubrec) {
      entry.awaits = awaiting.release;
      entry.message = null;
      // Were the release sent and forgotten in a power cut, the message would be sent again as if it were another.
      return this.#record.received(entry, () => {
        if (entry.awaits !== awaiting.release) return;
        entry.awaits = awaiting.pubcomp;
        this.#device.connection?.sendAcknowledgement(firstByte.pubrel, packetId);
      });
    }
    if (entry?.awaits !== awaiting.release) this.#device.connection?.sendAcknowledgement(firstByte.pubrel, packetId);
  }

  /** PUBCOMP. */
  completed(packetId: number): void {
    const entry = this.#window.find(packetId);
    if (entry?.awaits === awaiting.pubcomp || entry?.awaits === awaiting.release) this.#settle(entry, packetId);
  }

  /** The device has a connection again: what was in flight is sent again, in its old order [MQTT-4.4.0-1]. */
  resume(): void {
    this.#resends = this.#window.count > 0 ? this.#window.list() : null;
    this.pump();
  }

  /** The device went away. What it was to be sent as retained and with QoS above 0 waits with the rest. */
  suspend(): void {
    this.#resends = null;
    const replay = this.#replay.drain();
    if (this.#device.session.clean) return;
    this.record();
    // What was called up before the mailbox filled goes before it [MQTT-4.6.0-6].
    this.#backlog.putBefore(replay.filter((message) => message.qos > 0));
  }

  /** Retained messages for a fresh subscription [MQTT-3.3.1-6]. */
  replay(retained: readonly { packet: StoredPublish; granted: QoS }[]): void {
    if (retained.length === 0) return;
    const { broker } = this.#context;
    for (const { packet, granted } of retained) {
      // A delivery of its own: the store must tell it from the publish that left it behind.
      const copy = { ...packet, brokerId: broker.id, brokerCounter: ++broker.counter };
      const qos = Math.max(granted, this.#replay.retained(packet.topic)?.qos ?? 0);
      this.#replay.add(new Message(copy, Math.min(packet.qos, qos) as QoS, true));
    }
    this.pump();
  }

  /** Takes over what the store has on its way to the device. What came meanwhile stays behind it. */
  restore(outgoing: readonly Outstanding[]): void {
    const newer = this.#backlog.drain();
    const restored = new Set<string>();
    for (const { key, entry, packetId } of outgoing) {
      if (!(entry instanceof Message)) {
        const [brokerId, sequence] = identityOfKey(key, this.#context.broker.id);
        this.#window.restoreReleased(entry.messageId, brokerId, sequence);
        continue;
      }
      if (newer.length > 0) restored.add(identityOf(entry));
      // A packet id may be taken, after messages that are far apart: one of QoS 2 was then not sent yet.
      if (packetId === undefined || this.#window.find(packetId) !== undefined) {
        // While the device was not here, aedes kept the message at the QoS of its publisher [MQTT-3.8.4-6].
        const message = entry.at((this.#device.session.grantedFor(entry.topic) || entry.qos) as QoS);
        message.keep();
        this.#backlog.restore(message);
        continue;
      }
      const message = entry;
      message.keep();
      const { brokerId, sequence } = message;
      const awaits = message.qos === 2 ? awaiting.pubrec : awaiting.puback;
      this.#window.restore({ packetId, awaits, message, sequence, brokerId, sparedAt: -1, isAwaited: false });
    }
    for (const message of newer) if (!restored.has(identityOf(message))) this.#backlog.restore(message);
  }

  /** Forgets everything on the way to the device; the store is not told. */
  clear(): void {
    this.#tellSpared();
    this.#backlog.clear();
    this.#window = new InFlightWindow();
    this.#resends = null;
    this.#replay.clear();
  }

  /** Nothing will be delivered any more, and nobody has to wait for it. */
  stop(): void {
    this.#tellSpared();
    this.#backlog.stop();
  }

  /** The device broke over this message: the store has it for when the device is built anew. */
  crashedOn(message: Message): void {
    if (message.qos > 0) this.#record.taken(message);
  }

  get #hasAckListener(): boolean {
    return this.#context.broker.listenerCount("ack") > 0;
  }

  #hasRoom(connection: Link): boolean {
    const { inFlightMax, sendBufferBytesMax } = this.#context.settings;
    return this.#window.count < inFlightMax && connection.unsentBytes < sendBufferBytesMax;
  }

  #takeAcknowledged(message: Message, connection: Link | null): void {
    const waits = this.#resends !== null || this.#replay.depth > 0 || this.#backlog.depth > 0;
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
    if (connection.unsentBytes >= this.#context.settings.sendBufferBytesMax) return this.#device.drop("slow-reader");
    const forward = this.#forwarder.authorized(message, connection);
    if (forward === null) return this.#device.drop("not-authorized");
    this.#forwarder.send(forward, connection);
  }

  /** `sparedAt`: the tick of `Grace`, where the store was not told of the message. */
  #sendAcknowledged(message: Message, connection: Link, sparedAt = -1): void {
    const forward = this.#forwarder.authorized(message, connection);
    if (forward === null || forward.qos === 0) {
      if (sparedAt < 0) this.#record.givenUp(message);
      if (forward === null) this.#device.drop("not-authorized");
      else this.#forwarder.send(forward, connection);
      return;
    }
    const keeps = !this.#device.session.clean || this.#hasAckListener;
    if (keeps) forward.keep();
    // The store keeps the message as it came, and not what was made of it for this receiver.
    const isSpared = sparedAt >= 0 && forward === message;
    if (sparedAt >= 0 && !isSpared) this.#record.taken(message);
    const awaits = forward.qos === 2 ? awaiting.pubrec : awaiting.puback;
    const entry = this.#window.add(forward, awaits, keeps, isSpared ? sparedAt : -1);
    const { packetId } = entry;
    if (isSpared) this.#spare(message, entry);
    else this.#record.sent(message, packetId);
    if (packetId === forward.packetId) this.#forwarder.send(forward, connection);
    else this.#forwarder.sendApart(forward, packetId, false, connection);
  }

  #spare(message: Message, entry: InFlight): void {
    this.#record.spared(message, entry);
    if (this.#spares) return;
    this.#spares = true;
    this.#context.grace.add(this);
  }

  /** Returns true when all has been sent again. */
  #resend(connection: Link): boolean {
    const resends = this.#resends ?? [];
    while (resends.length > 0) {
      if (connection.unsentBytes >= this.#context.settings.sendBufferBytesMax) return false;
      const entry = resends.shift() as InFlight;
      if (entry.awaits === awaiting.release) continue;
      if (entry.awaits === awaiting.pubcomp) connection.sendAcknowledgement(firstByte.pubrel, entry.packetId);
      else if (entry.message !== null) this.#forwarder.sendApart(entry.message, entry.packetId, true, connection); // DUP [MQTT-3.3.1-1]
    }
    this.#resends = null;
    return true;
  }

  /** Returns true when nothing of the replay is left. */
  #sendReplay(connection: Link): boolean {
    while (this.#replay.depth > 0) {
      if (!this.#hasRoom(connection)) return false;
      const message = this.#replay.take() as Message;
      if (message.qos === 0) this.#sendQoS0(message, connection);
      else {
        this.#record.calledUp(message);
        this.#sendAcknowledged(message, connection);
      }
    }
    return true;
  }

  #settle(entry: InFlight, packetId: number): void {
    const { message, awaits, sparedAt } = entry;
    this.#window.settle(entry);
    if (sparedAt < 0) this.#record.settled(entry);
    else if (message !== null) this.#record.spareEnded(message, entry);
    const { connection } = this.#device;
    if (connection !== null && this.#hasAckListener) {
      // As in aedes: the PUBLISH at QoS 1, and at QoS 2 the PUBREL that was answered.
      const acknowledged = awaits !== awaiting.puback ? { cmd: "pubrel" } : message?.toPacket();
      this.#context.broker.emit("ack", { ...acknowledged, messageId: packetId }, connection);
    }
    this.pump();
  }
}

function identityOf({ brokerId, brokerCounter }: { brokerId: string; brokerCounter: number }): string {
  return `${brokerId} ${brokerCounter}`;
}

function identityOfKey(key: MessageKey, home: string): [brokerId: string, sequence: number] {
  if (typeof key === "number") return [home, key];
  const at = key.lastIndexOf("\n");
  return [key.slice(0, at), Number(key.slice(at + 1))];
}
