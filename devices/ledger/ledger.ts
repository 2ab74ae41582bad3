import { FleetError } from "../fleet-error.ts";
import type { Decoded } from "../payload.ts";
import { topicMatches } from "../topic-matches.ts";
import type { WireProperties } from "../version5/read-publish.ts";
import { Absences } from "./absences.ts";
import { type FlowTally, tallyFlow } from "./flow-tally.ts";
import { type Grant, Lane, type LaneLimits } from "./lane.ts";
import type { OpenStream, Strays } from "./open-stream.ts";
import { Stream, type StreamPlan } from "./stream.ts";

export type LedgerOptions = LaneLimits & { run: string };
export type Arrival = {
  receiver: string;
  topic: string;
  decoded: Decoded;
  dup: boolean;
  atMs: number;
  /** What an MQTT 5 receiver got besides. */
  properties?: WireProperties | undefined;
};
type Subscription = { receiver: string; filter: string; qos: 0 | 1 | 2; identifier: number | undefined };

const unknownFlow = "unknown";
const examplesMax = 3;

/**
 * The book of one run: what was sent, who had to get it, and what came. It knows no network and no clock; the times
 * in it are the callers'. Who must receive a message is whoever had a SUBACK for a matching filter before its stream
 * was opened.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #absences = new Absences();
  readonly #subscriptions: Subscription[] = [];
  readonly #streams = new Map<string, OpenStream>();
  readonly #strays = new Map<string, Strays>();
  readonly #finished = new Set<string>();
  readonly #incidents = new Map<string, string[]>();
  #outstanding = 0;
  #unacknowledged = 0;
  #lastArrivalMs = Number.NEGATIVE_INFINITY;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** First arrivals that are still to come. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** QoS 1 and 2 messages whose publisher has no acknowledgement yet. */
  get unacknowledged(): number {
    return this.#unacknowledged;
  }

  get lastArrivalMs(): number {
    return this.#lastArrivalMs;
  }

  /** What went wrong besides the delivery of messages: what happened, and to whom. Each fails the verdict. */
  get incidents(): ReadonlyMap<string, readonly string[]> {
    return this.#incidents;
  }

  /** `identifier` is the subscription identifier of an MQTT 5 receiver. */
  subscribed(receiver: string, filter: string, qos: 0 | 1 | 2, identifier?: number): void {
    if (this.#streams.size > 0) {
      throw new FleetError("ERR_INVARIANT", `${receiver} subscribed to ${filter} after streams were opened`);
    }
    this.#subscriptions.push({ receiver, filter, qos, identifier });
  }

  open(plan: StreamPlan): void {
    if (this.#streams.has(plan.topic)) throw new FleetError("ERR_INVARIANT", `${plan.topic} has two streams`);
    const stream = new Stream(plan);
    const grants = new Map<string, Grant>();
    for (const { receiver, filter, qos, identifier } of this.#subscriptions) {
      if (!topicMatches(filter, plan.topic)) continue;
      const other = grants.get(receiver);
      const identifiers = [
        ...(other?.subscriptionIdentifiers ?? []),
        ...(identifier === undefined ? [] : [identifier]),
      ];
      grants.set(receiver, {
        qos: other !== undefined && other.qos > qos ? other.qos : qos, // [MQTT-3.3.5-1]
        subscriptionIdentifiers: identifiers.sort((a, b) => a - b),
      });
    }
    const lanes = new Map<string, Lane>();
    for (const [receiver, grant] of grants) {
      lanes.set(receiver, new Lane(receiver, grant, stream, this.#absences, this.#options));
    }
    this.#streams.set(plan.topic, { stream, lanes });
  }

  /** Books a message and gives its sequence number. */
  sending(topic: string, atMs: number): number {
    const { stream, lanes } = this.#opened(topic);
    this.#outstanding += lanes.size;
    if (stream.qos > 0) this.#unacknowledged++;
    return stream.send(atMs);
  }

  /** PUBACK or PUBCOMP came for this message. */
  acknowledged(topic: string, sequence: number, atMs: number): void {
    const { stream } = this.#opened(topic);
    if (stream.qos > 0 && stream.acknowledge(sequence, atMs)) this.#unacknowledged--;
  }

  arrived(arrival: Arrival): void {
    this.#lastArrivalMs = arrival.atMs;
    if (this.#finished.has(arrival.receiver)) {
      this.incident("a mailbox was not empty after its device had acknowledged all of it", arrival.receiver);
    }
    const opened = this.#streams.get(arrival.topic);
    const flow = opened?.stream.flow ?? unknownFlow;
    if ("torn" in arrival.decoded) {
      this.#stray(flow, "corrupted", `${arrival.receiver} got one on ${arrival.topic}: ${arrival.decoded.torn}`);
      return;
    }
    const { stamp } = arrival.decoded;
    const lane = opened?.lanes.get(arrival.receiver);
    const belongs =
      stamp.run === this.#options.run && stamp.topic === arrival.topic && stamp.sender === opened?.stream.sender;
    const wasSent = opened !== undefined && stamp.sequence >= 1 && stamp.sequence <= opened.stream.sent;
    if (lane === undefined || !belongs || !wasSent) {
      const origin = `${stamp.sender} of run ${stamp.run}, number ${stamp.sequence} on ${stamp.topic}`;
      this.#stray(flow, "foreign", `${arrival.receiver} got one on ${arrival.topic} from ${origin}`);
      return;
    }
    if (lane.arrived(stamp.sequence, arrival.atMs, arrival.dup)) this.#outstanding--;
    if (arrival.properties !== undefined) lane.said(stamp, arrival.properties, arrival.atMs);
  }

  left(name: string, atMs: number): void {
    this.#absences.left(name, atMs);
  }

  returned(name: string, atMs: number): void {
    this.#absences.returned(name, atMs);
  }

  /** A QoS 2 message came again under another packet id, before a PUBREL released the first. */
  renumbered(topic: string): void {
    const opened = this.#streams.get(topic);
    if (opened !== undefined) opened.stream.renumbered++;
  }

  /** The run killed the gateway. */
  gatewayDied(atMs: number): void {
    this.#absences.gatewayDied(atMs);
  }

  /** This receiver has acknowledged all that it got, and nothing more is sent to it. */
  finished(name: string): void {
    this.#finished.add(name);
  }

  incident(what: string, who: string): void {
    const before = this.#incidents.get(what);
    if (before === undefined) this.#incidents.set(what, [who]);
    else before.push(who);
  }

  /** One row per flow, in the order in which they were opened; a row `unknown` if something came on no known topic. */
  tally(): FlowTally[] {
    const flows = new Map<string, OpenStream[]>();
    for (const opened of this.#streams.values()) {
      const streams = flows.get(opened.stream.flow);
      if (streams === undefined) flows.set(opened.stream.flow, [opened]);
      else streams.push(opened);
    }
    if (this.#strays.has(unknownFlow)) flows.set(unknownFlow, []);
    return [...flows].map(([flow, streams]) => tallyFlow(flow, streams, this.#strays.get(flow), this.#options));
  }

  #opened(topic: string): OpenStream {
    const opened = this.#streams.get(topic);
    if (opened === undefined) throw new FleetError("ERR_INVARIANT", `nothing was opened on ${topic}`);
    return opened;
  }

  #stray(flow: string, kind: "foreign" | "corrupted", example: string): void {
    const strays = this.#strays.get(flow) ?? { foreign: 0, corrupted: 0, examples: [] };
    strays[kind]++;
    if (strays.examples.length < examplesMax) strays.examples.push(example);
    this.#strays.set(flow, strays);
  }
}
