import type { Mailbox } from "../actor/mailbox.ts";
import type { Message } from "../broker/message.ts";
import { firstByte, type QoS } from "../protocol/packet-type.ts";
import { writePublish } from "../protocol/publish-frame.ts";
import type { StoredOutgoing, StoredPublish } from "../store/store.ts";
import type { DropReason } from "./counters.ts";
import type { DeviceContext } from "./device-context.ts";
import { awaiting, type InFlight, InFlightWindow } from "./in-flight-window.ts";
import type { Link } from "./link.ts";
import { OutgoingRecord } from "./outgoing-record.ts";
import { Replay } from "./replay.ts";
import type { Session } from "./session.ts";

/** Whose messages these are. */
export interface OutboundOwner {
  readonly id: string;
  readonly session: Session;
  readonly connection: Link | null;
  drop(reason: DropReason): void;
}

/**
 * The way of messages from a device's mailbox to its connection: what is resent first, then retained messages that a
 * subscription called up, then the mailbox, all within the in-flight window and as far as the peer reads.
 * QoS 0 does not wait for acknowledgements and may therefore overtake QoS 1 and 2.
 */
export class Outbound {
  readonly #device: OutboundOwner;
  readonly #context: DeviceContext;
  readonly #mailbox: Mailbox<Message>;
  readonly #record: OutgoingRecord;
  #window = new InFlightWindow();
  /** What was in flight when the device was last away, and has to be sent again before anything newer. */
  #resends: InFlight[] | null = null;
  readonly #replay = new Replay();

  constructor(device: OutboundOwner, context: DeviceContext, mailbox: Mailbox<Message>) {
    this.#device = device;
    this.#context = context;
    this.#mailbox = mailbox;
    this.#record = new OutgoingRecord(device, context);
  }

  /** Messages that wait beside those in the mailbox: called up, and unacknowledged. */
  get depth(): number {
    return this.#replay.depth + this.#window.count;
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
    while (this.#mailbox.depth > 0) {
      if (!this.#hasRoom(connection)) return;
      this.#sendAcknowledged(this.#mailbox.take() as Message, connection);
    }
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
      entry.awaits = awaiting.pubcomp;
      entry.message = null;
      this.#record.received(packetId);
    }
    this.#device.connection?.sendAcknowledgement(firstByte.pubrel, packetId);
  }

  /** PUBCOMP. */
  completed(packetId: number): void {
    const entry = this.#window.find(packetId);
    if (entry?.awaits === awaiting.pubcomp) this.#settle(entry, packetId);
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
    // What was called up before the mailbox filled goes before it [MQTT-4.6.0-6], as far as both find room.
    const { messagesMax, bytesMax } = this.#context.settings.mailboxes;
    let { depth, bytes } = this.#mailbox;
    const later = this.#mailbox.drain();
    for (const message of replay) {
      if (message.qos === 0) continue;
      if (depth >= messagesMax || bytes + message.bytes > bytesMax) this.#device.drop("mailbox-full");
      else {
        depth++;
        bytes += message.bytes;
        message.keep();
        this.#mailbox.restore(message);
        this.#record.calledUp(message);
      }
    }
    for (const message of later) this.#mailbox.restore(message);
  }

  /** Retained messages for a fresh subscription [MQTT-3.3.1-6]. */
  replay(retained: readonly { packet: StoredPublish; granted: QoS }[]): void {
    if (retained.length === 0) return;
    const { broker } = this.#context;
    for (const { packet, granted } of retained) {
      // A delivery of its own: the store must tell it from the publish that left it behind.
      const copy = { ...packet, brokerId: broker.id, brokerCounter: ++broker.counter };
      const qos = Math.max(granted, this.#replay.retained(packet.topic)?.qos ?? 0);
      this.#replay.add(broker.router.messageFor(copy, Math.min(packet.qos, qos) as QoS, true));
    }
    this.pump();
  }

  /** Takes over what the store has on its way to the device. What came meanwhile stays behind it. */
  restore(outgoing: readonly StoredOutgoing[]): void {
    const { broker } = this.#context;
    const newer = this.#mailbox.drain();
    const restored = new Set<string>();
    for (const packet of outgoing) {
      if (packet.cmd === "pubrel") {
        this.#window.restoreReleased(packet.messageId);
        continue;
      }
      restored.add(identityOf(packet));
      // While the device was not here, aedes kept the message at the QoS of its publisher [MQTT-3.8.4-6].
      const granted = this.#device.session.grantedFor(packet.topic) || packet.qos;
      const qos = Math.min(packet.qos, granted) as QoS;
      const message = broker.router.messageFor(packet, qos, packet.retain);
      message.keep();
      if (packet.messageId === undefined || packet.messageId === null) {
        this.#mailbox.restore(message);
        continue;
      }
      const { brokerId, brokerCounter, messageId: packetId } = packet;
      const awaits = qos === 2 ? awaiting.pubrec : awaiting.puback;
      this.#window.restore({ packetId, awaits, message, sequence: message.sequence, brokerId, brokerCounter });
    }
    for (const message of newer) if (!restored.has(identityOf(message))) this.#mailbox.restore(message);
  }

  /** Forgets everything on the way to the device; the store is not told. */
  clear(): void {
    this.#mailbox.clear();
    this.#window = new InFlightWindow();
    this.#resends = null;
    this.#replay.clear();
  }

  /** The device broke over this message: the store has it for when the device is built anew. */
  crashedOn(message: Message): void {
    if (message.qos > 0) this.#record.taken(message);
  }

  /** A message that waited in the mailbox was removed from it. */
  removed(message: Message): void {
    this.#record.givenUp(message);
  }

  get #hasAckListener(): boolean {
    return this.#context.broker.listenerCount("ack") > 0;
  }

  #hasRoom(connection: Link): boolean {
    const { inFlightMax, sendBufferBytesMax } = this.#context.settings;
    return this.#window.count < inFlightMax && connection.unsentBytes < sendBufferBytesMax;
  }

  #takeAcknowledged(message: Message, connection: Link | null): void {
    const waits = this.#resends !== null || this.#replay.depth > 0 || this.#mailbox.depth > 0;
    if (connection === null || waits || !this.#hasRoom(connection)) return this.#wait(message);
    this.#record.taken(message);
    this.#sendAcknowledged(message, connection);
  }

  #wait(message: Message): void {
    if (!this.#mailbox.put(message)) return;
    message.keep();
    this.#record.taken(message);
  }

  #sendQoS0(message: Message, connection: Link): void {
    if (connection.unsentBytes >= this.#context.settings.sendBufferBytesMax) return this.#device.drop("slow-reader");
    const forward = this.#authorized(message, connection);
    if (forward === null) return this.#device.drop("not-authorized");
    this.#sendWire(forward, connection);
  }

  #sendWire(message: Message, connection: Link): void {
    message.write();
    connection.send(message.wire as Buffer, message.wireStart, message.wireEnd);
    this.#context.counters.publishesSent++;
  }

  #sendAcknowledged(message: Message, connection: Link): void {
    const forward = this.#authorized(message, connection);
    if (forward === null || forward.qos === 0) {
      this.#record.givenUp(message);
      if (forward === null) this.#device.drop("not-authorized");
      else this.#sendWire(forward, connection);
      return;
    }
    const keeps = !this.#device.session.clean || this.#hasAckListener;
    if (keeps) forward.keep();
    const packetId = this.#window.add(forward, forward.qos === 2 ? awaiting.pubrec : awaiting.puback, keeps);
    this.#record.sent(message, packetId);
    if (packetId === forward.packetId) this.#sendWire(forward, connection);
    else this.#sendFrame(forward, packetId, false, connection);
  }

  #sendFrame(message: Message, packetId: number, dup: boolean, connection: Link): void {
    const place = writePublish(this.#context.frames, message, packetId, dup);
    connection.send(place.buffer, place.start, place.end);
    this.#context.counters.publishesSent++;
  }

  /** Returns true when all has been sent again. */
  #resend(connection: Link): boolean {
    const resends = this.#resends ?? [];
    while (resends.length > 0) {
      if (connection.unsentBytes >= this.#context.settings.sendBufferBytesMax) return false;
      const entry = resends.shift() as InFlight;
      if (entry.awaits === awaiting.pubcomp) connection.sendAcknowledgement(firstByte.pubrel, entry.packetId);
      else if (entry.message !== null) this.#sendFrame(entry.message, entry.packetId, true, connection); // DUP [MQTT-3.3.1-1]
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
    const { message, awaits } = entry;
    this.#window.settle(entry);
    this.#record.settled(packetId);
    const { connection } = this.#device;
    if (connection !== null && this.#hasAckListener) {
      // As in aedes: the PUBLISH at QoS 1, and at QoS 2 the PUBREL that was answered.
      const acknowledged = awaits === awaiting.pubcomp ? { cmd: "pubrel" } : message?.toPacket();
      this.#context.broker.emit("ack", { ...acknowledged, messageId: packetId }, connection);
    }
    this.pump();
  }

  /** Asks `authorizeForward`, where someone has set it: null for no, else the message or what it was changed into. */
  #authorized(message: Message, connection: Link): Message | null {
    const hook = this.#context.broker.authorizeForwardHook;
    if (hook === null) return message;
    const packet = message.toPacket();
    const answer = hook.call(this.#context.broker, connection, packet as never) as StoredPublish | null | undefined;
    if (!answer) return null;
    if (answer === packet && message.saysTheSame(packet)) return message;
    return message.changedInto(answer);
  }
}

function identityOf({ brokerId, brokerCounter }: { brokerId: string; brokerCounter: number }): string {
  return `${brokerId} ${brokerCounter}`;
}
