import { type Delivery, type RedeliveryReason, redeliveryReasons } from "./job.ts";
import type { JobBook } from "./job-book.ts";
import { percentile } from "./percentile.ts";
import type { Stream } from "./stream.ts";

/** One row of the report's table of queues. */
export type JobTally = {
  queue: string;
  /** Messages that were sent into the queue, and those of them that the gateway acknowledged. */
  jobs: number;
  acknowledged: number;
  /** Jobs that some worker has settled at least once. */
  settled: number;
  settledTwiceExplained: number;
  settledTwiceUnexplained: number;
  deliveries: number;
  /** Deliveries after the first of each job, by what they are explained by. */
  redelivered: Record<RedeliveryReason, number>;
  lost: number;
  /** Of these, the ones that nobody had promised. */
  lostPermitted: number;
  /** Redeliveries without DUP, and deliveries with a wrong `delivery-count` or other wrong properties. */
  unmarked: number;
  miscounted: number;
  altered: number;
  /** Of a queue by key: jobs that overtook others of their key, and those that left a worker that was there. */
  outOfOrder: number;
  strayed: number;
  /** From sending to the first delivery. */
  waitMsP50: number | undefined;
  waitMsP99: number | undefined;
  examples: string[];
};

const examplesMax = 3;
/** A QoS 0 message may be lost in a socket's buffer when its sender goes away this shortly after. */
const inTransitMsMax = 1_000;

export function tallyJobs(book: JobBook): JobTally {
  const waitsMs: number[] = [];
  const tally: JobTally = {
    queue: book.plan.title,
    jobs: 0,
    acknowledged: 0,
    settled: 0,
    settledTwiceExplained: 0,
    settledTwiceUnexplained: 0,
    deliveries: 0,
    redelivered: Object.fromEntries(redeliveryReasons.map((reason) => [reason, 0])) as Record<RedeliveryReason, number>,
    lost: 0,
    lostPermitted: 0,
    unmarked: book.unmarked,
    miscounted: book.miscounted,
    altered: book.altered,
    outOfOrder: book.order?.outOfOrder ?? 0,
    strayed: book.order?.strayed ?? 0,
    waitMsP50: undefined,
    waitMsP99: undefined,
    examples: [],
  };
  for (const stream of book.streams) addStream(tally, book, stream, waitsMs);
  for (const fault of [book.firstFault, book.order?.firstFault]) if (fault !== undefined) example(tally, fault);
  waitsMs.sort((a, b) => a - b);
  tally.waitMsP50 = percentile(waitsMs, 50);
  tally.waitMsP99 = percentile(waitsMs, 99);
  return tally;
}

function addStream(tally: JobTally, book: JobBook, stream: Stream, waitsMs: number[]): void {
  tally.jobs += stream.sent;
  tally.acknowledged += stream.qos === 0 ? stream.sent : stream.acknowledged;
  for (let sequence = 1; sequence <= stream.sent; sequence++) {
    const deliveries = book.job(stream, sequence)?.deliveries ?? [];
    const settlements = book.job(stream, sequence)?.settlements ?? [];
    const what = `number ${sequence} of ${stream.topic}`;
    tally.deliveries += deliveries.length;
    if (deliveries[0] !== undefined) waitsMs.push(deliveries[0].atMs - stream.sentAtMs(sequence));
    for (const { reason, worker } of deliveries) {
      if (reason !== undefined) tally.redelivered[reason]++;
      if (reason !== "unexplained") continue;
      const sentAtMs = stream.sentAtMs(sequence);
      example(
        tally,
        `${what} came once more to ${worker}, and nothing explains it: ${historyOf(deliveries, sentAtMs)}`,
      );
    }
    if (settlements.length > 0) tally.settled++;
    else {
      tally.lost++;
      if (mayBeLost(book, stream, sequence)) tally.lostPermitted++;
      else example(tally, `no worker has settled ${what}, which came ${deliveries.length} times`);
    }
    for (const { reason, worker } of settlements.slice(1)) {
      if (reason !== "unexplained") tally.settledTwiceExplained++;
      else {
        tally.settledTwiceUnexplained++;
        example(tally, `${worker} settled ${what}, which had been settled`);
      }
    }
  }
}

/** `ada at 12 ms, settled at 15 ms; bob at 900 ms`, from when the job was sent. */
function historyOf(deliveries: readonly Delivery[], sentAtMs: number): string {
  const since = (atMs: number) => `${(atMs - sentAtMs).toFixed(0)} ms`;
  const texts = deliveries.map(({ worker, atMs, settledAtMs, rejectedAtMs }) => {
    if (settledAtMs !== undefined) return `${worker} at ${since(atMs)}, settled at ${since(settledAtMs)}`;
    if (rejectedAtMs !== undefined) return `${worker} at ${since(atMs)}, rejected at ${since(rejectedAtMs)}`;
    return `${worker} at ${since(atMs)}`;
  });
  return texts.join("; ");
}

function mayBeLost({ limits, absences }: JobBook, stream: Stream, sequence: number): boolean {
  if (stream.qos > 0) return limits.permitUnacknowledged && !stream.isAcknowledged(sequence);
  const sentAtMs = stream.sentAtMs(sequence);
  return limits.permitQos0Loss || absences.overlaps(stream.sender, sentAtMs, sentAtMs + inTransitMsMax);
}

function example(tally: JobTally, text: string): void {
  if (tally.examples.length < examplesMax) tally.examples.push(text);
}
