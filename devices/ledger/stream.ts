import { FleetError } from "../fleet-error.ts";
import type { ProtocolVersion } from "../protocol-version.ts";
import type { UserProperty } from "../version5/message-properties.ts";

/** The topic that one sender publishes on, always at the same QoS: the unit in which MQTT promises order. */
export type StreamPlan = {
  /** Groups the streams of the same kind in the report, such as `temperature`. */
  flow: string;
  sender: string;
  topic: string;
  qos: 0 | 1 | 2;
  /** What its sender speaks; 3.1.1 if it is not said. */
  version?: ProtocolVersion;
  /** The message expiry interval, which a sender with MQTT 5 gives. */
  expirySeconds?: number;
  /** `$queue/<name>` or `$group/<name>`: it is published below that, and delivered under `topic`. */
  via?: string;
  /** What it is published on, where a bridge changes the topic on the way. */
  publishedOn?: string;
  /** Of what waits for the line to the cloud, only the newest is kept. */
  lastValue?: boolean;
  /** No receiver over that line gets it with a higher QoS; as it was sent if it is not said. */
  qosMaxOverLine?: 0 | 1 | 2;
  /** What a sender with MQTT 5 says besides what every message says. */
  userProperties?: readonly UserProperty[];
  /** Where a sender with MQTT 5 wants its answers; below its topic if it is not said. */
  responseTopic?: string;
  /** Nobody is there to get it, and a sender with MQTT 5 must be told so. */
  reachesNobody?: boolean;
  /** Each message is a call to somebody who has to answer. */
  call?: CallPlan;
};

/** Who has to answer a call. */
export type CallPlan = {
  /** The device that has the service; undefined where nobody has it. */
  responder: string | undefined;
  /** It hears the call and never answers. */
  silent?: boolean;
};

/** What was sent on one stream. */
export class Stream {
  readonly flow: string;
  readonly sender: string;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly version: ProtocolVersion;
  readonly expirySeconds: number | undefined;
  readonly plan: StreamPlan;
  renumbered = 0;
  /** Acknowledgements that said to an MQTT 5 sender that nobody is there, and those that should have and did not. */
  toldOfNobody = 0;
  wronglyTold = 0;
  readonly #sentAtMs: number[] = [];
  readonly #acknowledgedAtMs = new Map<number, number>();

  constructor(plan: StreamPlan) {
    this.flow = plan.flow;
    this.sender = plan.sender;
    this.topic = plan.topic;
    this.qos = plan.qos;
    this.version = plan.version ?? 4;
    this.plan = plan;
    this.expirySeconds = this.version === 5 ? plan.expirySeconds : undefined;
  }

  get sent(): number {
    return this.#sentAtMs.length;
  }

  /** Gives the message's sequence number, from 1. */
  send(atMs: number): number {
    return this.#sentAtMs.push(atMs);
  }

  get acknowledged(): number {
    return this.#acknowledgedAtMs.size;
  }

  /** Says whether it was the first acknowledgement of this message. */
  acknowledge(sequence: number, atMs: number): boolean {
    if (this.#acknowledgedAtMs.has(sequence)) return false;
    this.#acknowledgedAtMs.set(sequence, atMs);
    return true;
  }

  isAcknowledged(sequence: number): boolean {
    return this.#acknowledgedAtMs.has(sequence);
  }

  /** Its number, or one more than was sent. */
  get firstUnacknowledged(): number {
    let sequence = 1;
    while (this.isAcknowledged(sequence)) sequence++;
    return sequence;
  }

  acknowledgedAtMs(sequence: number): number | undefined {
    return this.#acknowledgedAtMs.get(sequence);
  }

  sentAtMs(sequence: number): number {
    const atMs = this.#sentAtMs[sequence - 1];
    if (atMs === undefined) throw new FleetError("ERR_INVARIANT", `${this.topic} never sent message ${sequence}`);
    return atMs;
  }
}
