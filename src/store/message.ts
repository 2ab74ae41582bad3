import type { Kind } from "../actor/mailbox.ts";
import type { QoS } from "../protocol/packet-type.ts";
import { type PublishExtras, writePublish } from "../protocol/publish-frame.ts";
import { PublishProperties } from "../protocol/publish-properties.ts";
import { WireSlab } from "../protocol/wire-slab.ts";
import type { Acceptance } from "./acceptance.ts";
import type { Durability } from "./durability.ts";
import type { StoredPublish } from "./stored-packets.ts";

/** Frames that leave within this turn or the next few. */
const passing = new WireSlab(65536);
/** Frames of messages that wait. Smaller, because one waiting message keeps its whole slab. */
const waiting = new WireSlab(4096);

/** Bytes that a waiting message costs beside its payload and topic: the objects that stand for it and its place in line. */
export const OVERHEAD_BYTES = 64;

/** How MQTT 5 writes a message that says nothing of itself. */
const noExtras: PublishExtras = {
  properties: null,
  expirySeconds: undefined,
  topicAlias: 0,
  subscriptionIdentifiers: null,
};

/** The forms in which a PUBLISH goes over the wire, by the first version that has them; 3.1 writes it as 3.1.1 does. */
export type WireVersion = 4 | 5;

/** What mailbox and store want to know of a message beside what it says. */
export interface MessageKind extends Kind {
  /** The promise of this kind of message, where it is not the store's own. */
  readonly durability?: Durability | undefined;
}

export const ordinary: MessageKind = { index: 0, priority: 4 };

/**
 * One published message at one QoS, shared by all receivers that get it so, and by the store. Its wire form is written
 * once, and the same bytes go to every receiver: the packet id in them follows from `sequence`, and a receiver has that
 * id free unless it has a message in flight that is more than 65,534 messages older.
 *
 * A hundred thousand of these may wait at once, so what can be worked out is not a field.
 */
export class Message implements StoredPublish {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly brokerId: string;
  readonly brokerCounter: number;
  /** Client id of the publisher; undefined when the gateway itself published. */
  readonly clientId: string | undefined;
  readonly properties: PublishProperties | undefined;
  /** Its publisher wanted it retained: subscribers that asked for it are told [MQTT-3.3.1-13]. */
  readonly publishedRetained: boolean;
  /** What class of messages it belongs to. Set before it waits anywhere. */
  kind: MessageKind = ordinary;
  /** Its publisher's receipt goes to the disk at once: so must it, whatever the QoS of its receivers [MQTT-4.3.3-2]. */
  readonly isOnce: boolean;
  /** When it came, in seconds since the Unix epoch; 0 until somebody wanted to know. */
  publishedAt = 0;
  /** One wire form: `wire` from `wireStart` to `wireEnd`, in the form of `wireVersion`; null until it is written. */
  wire: Buffer | null = null;
  wireVersion: WireVersion = 4;
  wireStart = 0;
  wireEnd = 0;
  /** Those who embed the broker get text back where they published text. */
  readonly cameAsText: boolean;
  // Not #private: one of these is made for every message, and private members make that measurably slower.
  /** The payload as it came; null once the message is kept, whose payload is the end of its wire form. */
  private arrived: Buffer | null;
  private payloadAt = 0;
  private atQoS0: Message | null = null;
  private atQoS1: Message | null = null;
  private stored: Acceptance | null = null;
  /** What has to succeed before this message counts as accepted. */
  private outstanding: Acceptance | null = null;
  private further: Acceptance[] | null = null;
  /** Receivers that were sent it and of which the store was not told. */
  private spared = 0;
  private refused = 0;
  private waiter: ((error?: unknown) => void) | null = null;

  constructor(packet: StoredPublish, qos: QoS, retain: boolean) {
    this.isOnce = packet.qos === 2;
    this.topic = packet.topic;
    this.qos = qos;
    this.retain = retain;
    this.brokerId = packet.brokerId;
    this.brokerCounter = packet.brokerCounter;
    this.clientId = packet.clientId;
    this.properties = packet.properties === undefined ? undefined : PublishProperties.of(packet.properties);
    this.publishedRetained = (packet as Partial<Message>).publishedRetained ?? packet.retain;
    const payload: unknown = packet.payload;
    this.arrived = Buffer.isBuffer(payload) ? payload : Buffer.from(payload as string | Uint8Array);
    this.cameAsText = typeof payload === "string";
  }

  get cmd(): "publish" {
    return "publish";
  }

  get dup(): boolean {
    return false;
  }

  get payload(): Buffer {
    return this.arrived ?? (this.wire as Buffer).subarray(this.payloadAt, this.wireEnd);
  }

  /** The order in which the messages of a gateway were published. */
  get sequence(): number {
    return this.brokerCounter;
  }

  /** The packet id in the wire form. Never 0 [MQTT-2.3.1-1]. */
  get packetId(): number {
    return packetIdOf(this.brokerCounter);
  }

  get payloadBytes(): number {
    return this.arrived === null ? this.wireEnd - this.payloadAt : this.arrived.length;
  }

  get bytes(): number {
    const ofProperties = this.properties === undefined ? 0 : this.properties.bytes.length;
    return this.payloadBytes + this.topic.length + ofProperties + OVERHEAD_BYTES;
  }

  /** The record that the store has of it, whatever the QoS at which each receiver gets it. */
  get record(): Acceptance | null {
    return this.stored ?? this.atQoS1?.stored ?? null;
  }

  set record(record: Acceptance | null) {
    this.stored = record;
  }

  /** This message at the QoS that the receiver was granted, if that is lower [MQTT-3.8.4-6]. */
  at(granted: QoS): Message {
    if (granted >= this.qos) return this;
    if (granted === 0) {
      this.atQoS0 ??= new Message(this, 0, this.retain);
      return this.atQoS0;
    }
    this.atQoS1 ??= new Message(this, 1, this.retain);
    this.atQoS1.stored = this.record; // not this message itself, which keeps alive the chunk it came in
    return this.atQoS1;
  }

  /** This message as what promises to keep it has it: at least at QoS 1. The same for all that do. */
  get kept(): Message {
    if (this.qos > 0) return this;
    this.atQoS1 ??= new Message(this, 1, this.retain);
    return this.atQoS1;
  }

  /** This very message for a receiver that has it by no subscription of its own: none of them says anything of it. */
  forOne(): Message {
    return this.saying(PublishProperties.calledUp(this.properties, undefined));
  }

  /** This message as it goes to one subscription and no other, with its identifier; maybe as a message of its own. */
  calledUpBy(
    subscriptionIdentifier: number | undefined,
    retain: boolean,
    { brokerId, brokerCounter }: { brokerId: string; brokerCounter: number } = this,
  ): Message {
    const properties = PublishProperties.calledUp(this.properties, subscriptionIdentifier);
    return this.with({ properties, brokerId, brokerCounter }, retain);
  }

  /** This very message, saying something else of itself. */
  saying(properties: PublishProperties): Message {
    return this.with({ properties }, this.retain);
  }

  /** Another message that says what this one does, as if it had been published to this topic: for whom it is sent on. */
  sentOn(brokerId: string, brokerCounter: number, topic = this.topic): Message {
    return this.with({ brokerId, brokerCounter, topic }, this.retain);
  }

  /** Sends bytes as the wire form that came in as just these bytes. They must stay unchanged. */
  passThrough(wire: Buffer, start: number, end: number, version: WireVersion): void {
    this.wire = wire;
    this.wireStart = start;
    this.wireEnd = end;
    this.wireVersion = version;
  }

  /** Writes its wire form, where there is none yet; false where the one that it has is not of this version. */
  write(version: WireVersion): boolean {
    if (this.wire === null) {
      if (version === 5 && this.properties !== undefined) return false; // the expiry in it would be that of one moment
      this.encode(passing, version);
    }
    return this.wireVersion === version;
  }

  /**
   * To be called when the message outlives the turn: copies it once out of the chunk that it arrived in, as its wire form.
   */
  keep(version: WireVersion = 4): void {
    if (this.arrived === null) return;
    this.properties?.keep();
    this.payloadAt = this.encode(waiting, this.properties === undefined ? version : 4);
    this.arrived = null;
  }

  /** The payload of a message that is kept, as the store writes it. */
  payloadText(): string {
    return this.arrived === null
      ? (this.wire as Buffer).toString("base64", this.payloadAt, this.wireEnd)
      : this.arrived.toString("base64");
  }

  /** How aedes and its hooks know a message. */
  toPacket(): StoredPublish {
    const packet: StoredPublish = {
      cmd: "publish",
      brokerId: this.brokerId,
      brokerCounter: this.brokerCounter,
      topic: this.topic,
      payload: this.payload,
      qos: this.qos,
      retain: this.retain,
      dup: false,
    };
    if (this.qos > 0) packet.messageId = undefined;
    if (this.clientId !== undefined) packet.clientId = this.clientId;
    if (this.properties !== undefined) packet.properties = this.properties.toObject();
    return packet;
  }

  /** What someone made of the packet `before` for one receiver: this message, if it is still the same. */
  changedInto(before: StoredPublish, payload: Buffer, after: StoredPublish): Message {
    const { brokerId, brokerCounter } = this;
    const same = after === before && after.topic === this.topic && after.payload === payload;
    const properties = PublishProperties.afterHook(this.properties, after.properties);
    const isSame = same && properties === this.properties && after.qos === this.qos && after.retain === this.retain;
    if (isSame) return this;
    const packet = { ...after, properties, brokerId, brokerCounter, retain: this.publishedRetained };
    const changed = this.likeThis(new Message(packet, after.qos, after.retain));
    if (this.properties !== undefined && properties !== undefined) properties.expiresAt = this.properties.expiresAt;
    return changed;
  }

  /** A receiver had no room for it. */
  refuse(): void {
    this.refused++;
  }

  /** How many receivers had no room for it. */
  get refusals(): number {
    return this.refused + (this.atQoS1 === null ? 0 : this.atQoS1.refused);
  }

  /** A receiver has taken the message on condition that `stored` succeeds. */
  acceptedWhen(stored: Acceptance): void {
    if (this.outstanding === null) this.outstanding = stored;
    else if (this.outstanding !== stored) {
      // One record for many receivers is the same each time.
      this.further ??= [];
      if (this.further[this.further.length - 1] !== stored) this.further.push(stored);
    }
  }

  /** One more receiver was sent it, and the store was not told: it has to acknowledge, or be recorded, before acceptance. */
  awaitsReceiver(): void {
    this.spared++;
  }

  receiverDone(): void {
    if (--this.spared > 0 || this.waiter === null) return;
    const done = this.waiter;
    this.waiter = null;
    this.whenAccepted(done);
  }

  /** Calls back once all receivers have what they must keep on record: at once, if nothing is outstanding. */
  whenAccepted(done: (error?: unknown) => void): void {
    if (this.spared > 0) {
      const other = this.waiter;
      const both = (error?: unknown) => {
        other?.(error);
        done(error);
      };
      this.waiter = other === null ? done : both;
      return;
    }
    const lower = this.atQoS1?.outstanding ?? null;
    if (
      this.further === null &&
      (this.atQoS1?.further ?? null) === null &&
      (lower === null || lower === this.outstanding)
    ) {
      if (this.outstanding === null) done();
      else this.outstanding.whenAccepted(done);
      return;
    }
    const of = (message: Message | null) => [message?.outstanding, ...(message?.further ?? [])];
    const all = [...of(this), ...of(this.atQoS1)].filter((each) => each !== null && each !== undefined);
    let waiting = all.length;
    let failure: unknown;
    for (const each of all) {
      each.whenAccepted((error) => {
        failure ??= error;
        if (--waiting === 0) done(failure);
      });
    }
  }

  /** True while nothing has to be waited for before the publisher gets its acknowledgement. */
  get accepted(): boolean {
    return this.spared === 0 && this.outstanding === null && (this.atQoS1 === null || this.atQoS1.outstanding === null);
  }

  private with(changes: Partial<StoredPublish>, retain: boolean): Message {
    const { brokerId, brokerCounter, topic, payload, qos, clientId, properties } = this;
    const flags = { qos, retain: this.publishedRetained, dup: false };
    const packet = { cmd: "publish" as const, brokerId, brokerCounter, topic, payload, ...flags, clientId, properties };
    return this.likeThis(new Message({ ...packet, ...changes } as StoredPublish, qos, retain));
  }

  /** Of the same kind, and as old. */
  private likeThis(other: Message): Message {
    other.kind = this.kind;
    other.publishedAt = this.publishedAt;
    return other;
  }

  /** Returns where the payload begins. */
  private encode(slab: WireSlab, version: WireVersion): number {
    const place = writePublish(slab, this, this.packetId, false, version === 5 ? noExtras : null);
    this.wire = place.buffer;
    this.wireStart = place.start;
    this.wireEnd = place.end;
    this.wireVersion = version;
    return place.payloadAt;
  }
}

/** The packet id that a message has by its place in the order of all messages. */
export function packetIdOf(brokerCounter: number): number {
  return (brokerCounter % 65535) + 1;
}
