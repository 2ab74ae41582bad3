import type { QoS } from "../protocol/packet-type.ts";
import type { Acceptance } from "./acceptance.ts";
import { callSafely } from "./call-safely.ts";
import type { Durability } from "./durability.ts";
import type { Message } from "./message.ts";
import type { MessageKey } from "./message-key.ts";

/** Bytes of a message on the disk beside its payload and topic, and again of its properties beside what they say. */
const OVERHEAD_BYTES = 110;

/** Where in the store something is written. */
export interface Place {
  readonly number: number;
}

/**
 * One message that receivers must get later, however many they are: what the store writes of it, and who has not settled
 * it. It counts as accepted once it is as durable as was asked for, or no receiver is left that must get it; a store that
 * fails keeps everybody waiting.
 */
export class MessageRecord implements Acceptance {
  /** Null once nobody waits for it. */
  message: Message | null;
  readonly durability: Durability;
  /** The highest QoS at which anyone gets it. */
  qos: QoS;
  /** The segment that holds it; null while it is not written. */
  place: Place | null = null;
  /** It is being written, or was. */
  written = false;
  accepted = false;
  // Nearly all messages wait for one receiver: a map for each would double what they cost.
  private only: string | null = null;
  private onlyQoS: QoS = 1;
  private many: Map<string, QoS> | null = null;
  // Nearly always one publisher waits. The first `push` of an array takes room for seventeen.
  private waiting: (() => void) | null = null;
  private others: (() => void)[] | null = null;

  readonly key: MessageKey;
  /** Bytes that it takes while it waits to be written, or nearly so. */
  readonly bytes: number;
  /** Bytes that it takes on the disk, with its receivers. */
  bytesOnDisk = 0;

  constructor(message: Message, key: MessageKey, durability: Durability) {
    this.message = message;
    this.key = key;
    this.qos = message.qos;
    this.durability = durability;
    const ofProperties = message.properties === undefined ? 0 : 2 * message.properties.bytes.length + OVERHEAD_BYTES;
    this.bytes = Math.ceil((message.payloadBytes * 4) / 3) + message.topic.length + ofProperties + OVERHEAD_BYTES;
  }

  /** How many have not settled it. */
  get receivers(): number {
    return this.many === null ? (this.only === null ? 0 : 1) : this.many.size;
  }

  /** Returns false where this client waits for it already. */
  addReceiver(clientId: string, qos: QoS): boolean {
    if (qos > this.qos) this.qos = qos;
    if (this.many !== null) {
      if (this.many.has(clientId)) return false;
      this.many.set(clientId, qos);
    } else if (this.only === null) {
      this.only = clientId;
      this.onlyQoS = qos;
    } else {
      if (this.only === clientId) return false;
      this.many = new Map([
        [this.only, this.onlyQoS],
        [clientId, qos],
      ]);
      this.only = null;
    }
    return true;
  }

  /** The client gets it at this QoS. */
  setQoS(clientId: string, qos: QoS): void {
    if (this.only === clientId) this.onlyQoS = qos;
    else this.many?.set(clientId, qos);
  }

  /** Returns false where this client does not wait for it. */
  removeReceiver(clientId: string): boolean {
    if (this.many !== null) return this.many.delete(clientId);
    if (this.only !== clientId) return false;
    this.only = null;
    return true;
  }

  /** Ids of the clients that wait for it at this QoS. */
  receiversAt(qos: QoS): string[] {
    if (this.many === null) return this.only !== null && this.onlyQoS === qos ? [this.only] : [];
    return [...this.many].filter(([, granted]) => granted === qos).map(([clientId]) => clientId);
  }

  /** What was waited for has happened. */
  accept(): void {
    if (this.accepted) return;
    this.accepted = true;
    const { waiting, others } = this;
    this.waiting = null;
    this.others = null;
    if (waiting !== null) callSafely(waiting);
    if (others !== null) for (const done of others) callSafely(done);
  }

  whenAccepted(done: () => void): void {
    if (this.accepted) return done();
    if (this.waiting === null) this.waiting = done;
    else {
      this.others ??= [];
      this.others.push(done);
    }
  }
}
