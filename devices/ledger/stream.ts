import { FleetError } from "../fleet-error.ts";
import type { ProtocolVersion } from "../protocol-version.ts";

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
};

/** What was sent on one stream. */
export class Stream {
  readonly flow: string;
  readonly sender: string;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly version: ProtocolVersion;
  readonly expirySeconds: number | undefined;
  renumbered = 0;
  readonly #sentAtMs: number[] = [];
  readonly #acknowledgedAtMs = new Map<number, number>();

  constructor(plan: StreamPlan) {
    this.flow = plan.flow;
    this.sender = plan.sender;
    this.topic = plan.topic;
    this.qos = plan.qos;
    this.version = plan.version ?? 4;
    this.expirySeconds = plan.expirySeconds;
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

  acknowledgedAtMs(sequence: number): number | undefined {
    return this.#acknowledgedAtMs.get(sequence);
  }

  sentAtMs(sequence: number): number {
    const atMs = this.#sentAtMs[sequence - 1];
    if (atMs === undefined) throw new FleetError("ERR_INVARIANT", `${this.topic} never sent message ${sequence}`);
    return atMs;
  }
}
