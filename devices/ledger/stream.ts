import { FleetError } from "../fleet-error.ts";

/** The topic that one sender publishes on, always at the same QoS: the unit in which MQTT promises order. */
export type StreamPlan = {
  /** Groups the streams of the same kind in the report, such as `temperature`. */
  flow: string;
  sender: string;
  topic: string;
  qos: 0 | 1 | 2;
};

/** What was sent on one stream. */
export class Stream {
  readonly flow: string;
  readonly sender: string;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  renumbered = 0;
  readonly #sentAtMs: number[] = [];
  readonly #acknowledged = new Set<number>();

  constructor(plan: StreamPlan) {
    this.flow = plan.flow;
    this.sender = plan.sender;
    this.topic = plan.topic;
    this.qos = plan.qos;
  }

  get sent(): number {
    return this.#sentAtMs.length;
  }

  /** Gives the message's sequence number, from 1. */
  send(atMs: number): number {
    return this.#sentAtMs.push(atMs);
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Says whether it was the first acknowledgement of this message. */
  acknowledge(sequence: number): boolean {
    const before = this.#acknowledged.size;
    return this.#acknowledged.add(sequence).size > before;
  }

  isAcknowledged(sequence: number): boolean {
    return this.#acknowledged.has(sequence);
  }

  sentAtMs(sequence: number): number {
    const atMs = this.#sentAtMs[sequence - 1];
    if (atMs === undefined) throw new FleetError("ERR_INVARIANT", `${this.topic} never sent message ${sequence}`);
    return atMs;
  }
}
