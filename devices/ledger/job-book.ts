import type { Absences } from "./absences.ts";
import { type Delivery, Job, type JobCircumstances } from "./job.ts";
import { KeyOrder } from "./key-order.ts";
import type { LaneLimits } from "./lane.ts";
import type { Stream } from "./stream.ts";

export type QueuePlan = {
  name: string;
  /** What the report calls it. */
  title: string;
  topics: readonly string[];
  /** 0 for none. */
  settleTimeoutMs: number;
  /** The level of the topic, from 1, that is the key of senders without MQTT 5; undefined if jobs have no keys. */
  keyTopicLevel?: number;
};

/** What a worker got, and of whom it is. */
export type Handed = { stream: Stream; sequence: number; delivery: Delivery };

/** The jobs of one queue: what was sent into it, who got it, and who settled it. */
export class JobBook {
  readonly plan: QueuePlan;
  readonly streams = new Set<Stream>();
  readonly absences: Absences;
  readonly limits: LaneLimits;
  readonly order: KeyOrder | undefined;
  readonly #circumstances: JobCircumstances;
  readonly #jobs = new Map<Stream, Map<number, Job>>();
  /** Redeliveries that did not say so by DUP, although the gateway knew. */
  unmarked = 0;
  /** Deliveries whose `delivery-count` was not what it had to be. */
  miscounted = 0;
  altered = 0;
  firstFault: string | undefined;
  #consumers = new Set<string>();

  constructor(plan: QueuePlan, absences: Absences, limits: LaneLimits) {
    this.plan = plan;
    this.absences = absences;
    this.limits = limits;
    this.#circumstances = { absences, settleTimeoutMs: plan.settleTimeoutMs };
    if (plan.keyTopicLevel !== undefined) this.order = new KeyOrder(absences, plan.keyTopicLevel);
  }

  consumer(name: string): void {
    this.#consumers.add(name);
  }

  job(stream: Stream, sequence: number): Job | undefined {
    return this.#jobs.get(stream)?.get(sequence);
  }

  delivered(stream: Stream, sequence: number, to: Pick<Delivery, "worker" | "atMs" | "dup" | "count">): Delivery {
    const job = this.#jobOf(stream, sequence);
    const isFirst = job.deliveries.length === 0;
    const delivery = job.deliver(to, this.#circumstances);
    const isSentAgain = job.isSentAgain(to.atMs, this.#circumstances);
    this.#judgeMarks(job, delivery, stream, sequence, isSentAgain);
    const { worker, atMs } = to;
    this.order?.delivered(stream, sequence, { worker, atMs }, { isFirst, isSentAgain });
    return delivery;
  }

  holds({ stream, sequence, delivery }: Handed): boolean {
    return this.job(stream, sequence)?.deliveries.includes(delivery) ?? false;
  }

  /** Says whether it is the first settlement of this job. */
  settled({ stream, sequence, delivery }: Handed, atMs: number): boolean {
    if (delivery.settledAtMs !== undefined) return false;
    delivery.settledAtMs = atMs;
    return this.job(stream, sequence)!.settlements.length === 1;
  }

  fault(text: string): void {
    this.firstFault ??= text;
  }

  /** DUP and `delivery-count` say the same, and no less than what the fleet has seen. */
  #judgeMarks(
    job: Job,
    { worker, atMs, dup, count, reason }: Delivery,
    stream: Stream,
    sequence: number,
    isSentAgain: boolean,
  ): void {
    const gatewayDied = this.absences.gatewayDiedWithin(job.sentAtMs, atMs);
    // A gateway that was killed cannot know what it had sent, and a job that was sent again is another to it.
    const mayForget = gatewayDied || isSentAgain;
    const what = `${worker} got number ${sequence} of ${stream.topic}`;
    if (reason !== undefined && !dup && !mayForget) {
      this.unmarked++;
      this.fault(`${what} again without DUP`);
    }
    if (count === undefined) return;
    const seen = job.deliveries.length;
    // What went to a worker that was gone by then, the fleet has not seen.
    const mayBeUnseen =
      gatewayDied || [...this.#consumers].some((name) => this.absences.overlaps(name, job.sentAtMs, atMs));
    const isRight =
      Number.isSafeInteger(count) &&
      dup === count > 1 &&
      (count >= seen || mayForget) &&
      (count <= seen || mayBeUnseen);
    if (isRight) return;
    this.miscounted++;
    this.fault(`${what} with delivery-count ${count}, ${dup ? "with" : "without"} DUP, at its delivery number ${seen}`);
  }

  #jobOf(stream: Stream, sequence: number): Job {
    let jobs = this.#jobs.get(stream);
    if (jobs === undefined) {
      jobs = new Map();
      this.#jobs.set(stream, jobs);
    }
    let job = jobs.get(sequence);
    if (job === undefined) {
      job = new Job(stream.sender, stream.qos, stream.sentAtMs(sequence));
      jobs.set(sequence, job);
    }
    return job;
  }
}
