import { FleetError } from "../fleet-error.ts";
import type { Decoded } from "../payload.ts";
import { messageProperties } from "../version5/message-properties.ts";
import type { WireProperties } from "../version5/read-publish.ts";
import { Absences } from "./absences.ts";
import { answerTo } from "./answer-to.ts";
import { Audience, type GroupPlan } from "./audience.ts";
import { CallBook } from "./call-book.ts";
import { type CallTally, tallyCalls } from "./call-tally.ts";
import { type FlowTally, tallyFlow } from "./flow-tally.ts";
import type { Handed, QueuePlan } from "./job-book.ts";
import type { JobTally } from "./job-tally.ts";
import { Lane, type LaneLimits } from "./lane.ts";
import type { LineBook, LineTally } from "./line-book.ts";
import type { OpenStream } from "./open-stream.ts";
import { QueueBooks } from "./queue-books.ts";
import { StrayBook } from "./stray-book.ts";
import { Stream, type StreamPlan } from "./stream.ts";

export type LedgerOptions = LaneLimits & {
  run: string;
  /** Of a run with a line to a cloud. */
  line?: LineBook | undefined;
};
export type Arrival = {
  receiver: string;
  topic: string;
  decoded: Decoded;
  dup: boolean;
  atMs: number;
  /** When its PUBLISH came, if that was before. */
  cameAtMs?: number;
  /** What an MQTT 5 receiver got besides. */
  properties?: WireProperties | undefined;
};

const unknownFlow = "unknown";
/** What PUBACK says to an MQTT 5 sender that reaches nobody. */
const noMatchingSubscribers = 0x10;

/**
 * The book of one run: what was sent, who had to get it, and what came. It knows no network and no clock; the times
 * in it are the callers'. Who must receive a message is whoever had a SUBACK for a matching filter before its stream
 * was opened, every member of a group, and one worker of each queue.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #absences = new Absences();
  readonly #audience = new Audience();
  readonly #streams = new Map<string, OpenStream>();
  readonly #queues: QueueBooks;
  readonly #calls: CallBook;
  readonly #strays = new StrayBook();
  readonly #finished = new Set<string>();
  readonly #incidents = new Map<string, string[]>();
  #outstanding = 0;
  #unacknowledged = 0;
  #lastArrivalMs = Number.NEGATIVE_INFINITY;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#queues = new QueueBooks(this.#absences, options);
    this.#calls = new CallBook(this.#absences, options.lateMsMax);
  }

  /** First arrivals, first settlements and answers that are still to come. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** The same without what may never arrive, such as what had expired before it could: nobody need wait for that. */
  get awaited(): number {
    if (this.#outstanding === 0) return 0;
    let forgone = 0;
    for (const { lanes } of this.#streams.values()) for (const lane of lanes.values()) forgone += lane.forgone;
    return this.#outstanding - forgone;
  }

  /** How many of these are answers to calls that were interrupted, and may have failed honestly. */
  get interruptedCalls(): number {
    return this.#calls.interrupted;
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

  queue(plan: QueuePlan): void {
    this.#queues.add(plan);
  }

  group(plan: GroupPlan): void {
    this.#audience.group(plan);
  }

  /** `identifier` is the subscription identifier of an MQTT 5 receiver. */
  subscribed(receiver: string, filter: string, qos: 0 | 1 | 2, identifier?: number): void {
    if (this.#streams.size > 0) {
      throw new FleetError("ERR_INVARIANT", `${receiver} subscribed to ${filter} after streams were opened`);
    }
    this.#audience.subscribed(receiver, filter, qos, identifier);
    const consumer = this.#audience.consumer(receiver);
    if (consumer !== undefined) this.#queues.named(consumer.queue).consumer(receiver);
  }

  open(plan: StreamPlan): void {
    if (this.#streams.has(plan.topic)) throw new FleetError("ERR_INVARIANT", `${plan.topic} has two streams`);
    const stream = new Stream(plan);
    const lanes = new Map<string, Lane>();
    const { line } = this.#options;
    for (const [receiver, grant] of this.#audience.grants(plan)) {
      const direction = line?.direction(plan.sender, receiver);
      const crossing = line === undefined || direction === undefined ? undefined : { line, direction };
      lanes.set(receiver, new Lane(receiver, grant, stream, this.#absences, this.#options, crossing));
    }
    this.#streams.set(plan.topic, { stream, lanes, queues: this.#queues.cover(stream) });
  }

  /** Books a message and gives its sequence number. */
  sending(topic: string, atMs: number): number {
    const { stream, lanes, queues } = this.#opened(topic);
    this.#outstanding += lanes.size + queues;
    if (stream.qos > 0) this.#unacknowledged++;
    return stream.send(atMs);
  }

  /** The message that was booked last is a call, with this payload. */
  calling(topic: string, sequence: number, payload: Uint8Array): void {
    const { stream } = this.#opened(topic);
    const stamp = { run: this.#options.run, sender: stream.sender, topic, sequence, sentAtMs: 0 };
    const correlation = messageProperties(stamp, stream.plan).correlationData.toString("hex");
    if (this.#calls.called(stream, sequence, correlation, answerTo(payload))) this.#outstanding++;
  }

  /** PUBACK or PUBCOMP came for this message; `reasonCode` is that of MQTT 5. */
  acknowledged(topic: string, sequence: number, atMs: number, reasonCode?: number): void {
    const { stream, lanes, queues } = this.#opened(topic);
    if (stream.qos === 0 || !stream.acknowledge(sequence, atMs)) return;
    this.#unacknowledged--;
    const isTold = reasonCode === noMatchingSubscribers;
    if (isTold) stream.toldOfNobody++;
    if (reasonCode === undefined) return;
    const reaches = lanes.size + queues > 0;
    if (stream.plan.reachesNobody === true ? !isTold : isTold && reaches) stream.wronglyTold++;
  }

  /** Books what came. Gives what a worker was handed, to be booked again when it is settled. */
  arrived(arrival: Arrival): Handed | undefined {
    this.#lastArrivalMs = arrival.atMs;
    const { receiver, topic, decoded } = arrival;
    if (this.#finished.has(receiver)) {
      this.incident("a mailbox was not empty after its device had acknowledged all of it", receiver);
    }
    const opened = this.#streams.get(topic);
    const flow = opened?.stream.flow ?? unknownFlow;
    if ("torn" in decoded) {
      this.#strays.add(flow, "corrupted", `${receiver} got one on ${topic}: ${decoded.torn}`);
      return undefined;
    }
    const { stamp } = decoded;
    const belongs = stamp.run === this.#options.run && stamp.topic === topic && stamp.sender === opened?.stream.sender;
    const wasSent = opened !== undefined && stamp.sequence >= 1 && stamp.sequence <= opened.stream.sent;
    if (belongs && wasSent) {
      const consumer = this.#audience.consumer(receiver);
      if (consumer !== undefined) {
        const handed = this.#queues.arrived(consumer, opened.stream, stamp, arrival);
        if (handed !== undefined) return handed;
      }
      const lane = opened.lanes.get(receiver);
      if (lane !== undefined) {
        if (lane.arrived(stamp.sequence, arrival.atMs, arrival.dup)) this.#outstanding--;
        if (arrival.properties !== undefined) lane.said(stamp, arrival.properties, arrival.cameAtMs ?? arrival.atMs);
        return undefined;
      }
    }
    const origin = `${stamp.sender} of run ${stamp.run}, number ${stamp.sequence} on ${stamp.topic}`;
    this.#strays.add(flow, "foreign", `${receiver} got one on ${topic} from ${origin}`);
    return undefined;
  }

  /** A worker has sent the acknowledgement of a job. */
  settled(handed: Handed, atMs: number): void {
    if (this.#queues.settled(handed, atMs)) this.#outstanding--;
  }

  /** A worker has refused a job. */
  rejected({ delivery }: Handed, atMs: number): void {
    delivery.rejectedAtMs ??= atMs;
  }

  /** Something came on a topic that only this caller may hear. */
  answered(arrival: Arrival): void {
    this.#lastArrivalMs = arrival.atMs;
    const { receiver, topic, decoded, properties, dup, atMs } = arrival;
    if ("torn" in decoded) {
      this.#strays.add(unknownFlow, "corrupted", `${receiver} got an answer on ${topic}: ${decoded.torn}`);
      return;
    }
    const correlation = properties?.correlationData?.toString("hex");
    const { run, sender } = decoded.stamp;
    const responder = run === this.#options.run ? sender : `${sender} of run ${run}`;
    const answer = { caller: receiver, topic, correlation, responder, text: decoded.body.toString(), dup, atMs };
    if (this.#calls.answered(answer)) this.#outstanding--;
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
    this.#options.line?.broke(atMs, atMs);
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
    if (this.#strays.of(unknownFlow) !== undefined) flows.set(unknownFlow, []);
    return [...flows].map(([flow, streams]) => tallyFlow(flow, streams, this.#strays.of(flow), this.#options));
  }

  tallyJobs(): JobTally[] {
    return this.#queues.tally();
  }

  /** Undefined for a run without a line to a cloud. */
  tallyLine(): LineTally | undefined {
    return this.#options.line?.tally();
  }

  tallyCalls(): CallTally[] {
    return tallyCalls(this.#calls);
  }

  #opened(topic: string): OpenStream {
    const opened = this.#streams.get(topic);
    if (opened === undefined) throw new FleetError("ERR_INVARIANT", `nothing was opened on ${topic}`);
    return opened;
  }
}
