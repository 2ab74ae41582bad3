import type { QoS } from "../protocol/packet-type.ts";
import { writePublish } from "../protocol/publish-frame.ts";
import { WireSlab } from "../protocol/wire-slab.ts";
import type { StoredPublish } from "../store/store.ts";

/** Frames that leave within this turn or the next few. */
const passing = new WireSlab(65536);
/** Frames of messages that wait. Smaller, because one waiting message keeps its whole slab. */
const waiting = new WireSlab(4096);

/** Bytes that a waiting message costs beside its payload and topic: the object and its place in line. */
const OVERHEAD_BYTES = 64;

/**
 * One published message at one QoS, shared by all receivers that get it so. Its wire form is written once, and the same
 * bytes go to every receiver: the packet id in them follows from `sequence`, and a receiver has that id free unless it
 * has a message in flight that is more than 65,534 messages older.
 */
export class Message {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Counts the messages of this gateway; the order in which they were published. */
  readonly sequence: number;
  readonly brokerId: string;
  readonly brokerCounter: number;
  /** Client id of the publisher; undefined when the gateway itself published. */
  readonly origin: string | undefined;
  readonly properties: object | undefined;
  payload: Buffer;
  /** The wire form: `wire` from `wireStart` to `wireEnd`; null until it is written. */
  wire: Buffer | null = null;
  wireStart = 0;
  wireEnd = 0;
  // Not #private: one of these is made for every message, and private members make that measurably slower.
  private kept = false;
  private atQoS0: Message | null = null;
  private atQoS1: Message | null = null;
  /** What has to succeed before this message counts as accepted. */
  private outstanding: PromiseLike<unknown>[] | null = null;

  constructor(packet: StoredPublish, qos: QoS, retain: boolean, sequence: number) {
    this.topic = packet.topic;
    this.qos = qos;
    this.retain = retain;
    this.sequence = sequence;
    this.brokerId = packet.brokerId;
    this.brokerCounter = packet.brokerCounter;
    this.origin = packet.clientId;
    this.properties = packet.properties;
    const payload: unknown = packet.payload;
    // Those who embed the broker may publish text.
    this.payload = Buffer.isBuffer(payload) ? payload : Buffer.from(payload as string | Uint8Array);
  }

  /** The packet id in the wire form. Never 0 [MQTT-2.3.1-1]. */
  get packetId(): number {
    return (this.sequence % 65535) + 1;
  }

  get bytes(): number {
    return this.payload.length + this.topic.length + OVERHEAD_BYTES;
  }

  /** This message at the QoS that the receiver was granted, if that is lower [MQTT-3.8.4-6]. */
  at(granted: QoS): Message {
    if (granted >= this.qos) return this;
    if (granted === 0) {
      this.atQoS0 ??= this.lowered(0);
      return this.atQoS0;
    }
    this.atQoS1 ??= this.lowered(1);
    return this.atQoS1;
  }

  /** Sends bytes as the wire form that came in as just these bytes. They must stay unchanged. */
  passThrough(wire: Buffer, start: number, end: number): void {
    this.wire = wire;
    this.wireStart = start;
    this.wireEnd = end;
  }

  /** Writes the wire form, unless it is written. */
  write(): void {
    if (this.wire === null) this.encode(passing);
  }

  /**
   * To be called when the message outlives the turn: copies it once out of the chunk that it arrived in, as its wire form.
   */
  keep(): void {
    if (this.kept) return;
    this.kept = true;
    this.encode(waiting);
  }

  /** How aedes and the stores know a message. */
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
    if (this.origin !== undefined) packet.clientId = this.origin;
    if (this.properties !== undefined) packet.properties = this.properties;
    return packet;
  }

  /** Whether the packet, which someone may have changed, still says what this message says. */
  saysTheSame(packet: StoredPublish): boolean {
    const { topic, payload, qos, retain } = packet;
    return topic === this.topic && payload === this.payload && qos === this.qos && retain === this.retain;
  }

  /** What someone made of this message for one receiver; it keeps its identity and its place in the order. */
  changedInto(packet: StoredPublish): Message {
    const { brokerId, brokerCounter } = this;
    return new Message({ ...packet, brokerId, brokerCounter }, packet.qos, packet.retain, this.sequence);
  }

  /** A receiver has taken the message on condition that `stored` succeeds. */
  acceptedWhen(stored: PromiseLike<unknown>): void {
    this.outstanding ??= [];
    this.outstanding.push(stored);
  }

  /** Calls back once all receivers have what they must keep on record: at once, if nothing is outstanding. */
  whenAccepted(done: (error?: unknown) => void): void {
    const outstanding = [this, this.atQoS0, this.atQoS1].flatMap((each) => each?.outstanding ?? []);
    if (outstanding.length === 0) return done();
    Promise.all(outstanding).then(
      () => done(),
      (error) => done(error),
    );
  }

  /** True while nothing has to be waited for before the publisher gets its acknowledgement. */
  get accepted(): boolean {
    return this.outstanding === null && (this.atQoS1 === null || this.atQoS1.outstanding === null);
  }

  private lowered(qos: QoS): Message {
    return new Message(this.toPacket(), qos, this.retain, this.sequence);
  }

  private encode(slab: WireSlab): void {
    const place = writePublish(slab, this, this.packetId, false);
    this.wire = place.buffer;
    this.wireStart = place.start;
    this.wireEnd = place.end;
    if (slab === waiting) this.payload = place.buffer.subarray(place.payloadAt, place.end);
  }
}
