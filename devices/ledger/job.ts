import type { Absences } from "./absences.ts";

/** Why a job came once more. */
export const redeliveryReasons = ["rejection", "kill", "disconnect", "timeout", "sentAgain", "unexplained"] as const;
export type RedeliveryReason = (typeof redeliveryReasons)[number];

/** One delivery of one job to one worker. */
export type Delivery = {
  worker: string;
  atMs: number;
  dup: boolean;
  /** The property `delivery-count`, 1 without it; undefined for a worker that does not speak MQTT 5. */
  count: number | undefined;
  /** Undefined for the first. */
  reason: RedeliveryReason | undefined;
  settledAtMs: number | undefined;
  rejectedAtMs: number | undefined;
};

export type JobCircumstances = {
  absences: Absences;
  /** After this long without settlement the queue gives a job to another worker; 0 for never. */
  settleTimeoutMs: number;
};

/** An acknowledgement may still be on its way, or not be on the disk, when its connection or the gateway ends. */
const settlingMsMax = 5_000;
/** The gateway counts from its writing, the ledger from the reading. */
const timeoutSlackMs = 500;

/** One job of one queue: all of its deliveries, in the order in which the fleet saw them. */
export class Job {
  readonly deliveries: Delivery[] = [];
  readonly sender: string;
  readonly qos: 0 | 1 | 2;
  readonly sentAtMs: number;

  constructor(sender: string, qos: 0 | 1 | 2, sentAtMs: number) {
    this.sender = sender;
    this.qos = qos;
    this.sentAtMs = sentAtMs;
  }

  get settlements(): readonly Delivery[] {
    return this.deliveries.filter(({ settledAtMs }) => settledAtMs !== undefined);
  }

  /** Books a delivery, and finds out why there is one more if there was one before. */
  deliver(
    { worker, atMs, dup, count }: Pick<Delivery, "worker" | "atMs" | "dup" | "count">,
    circumstances: JobCircumstances,
  ): Delivery {
    const reason = this.deliveries.length === 0 ? undefined : this.#reason(atMs, circumstances);
    const delivery = { worker, atMs, dup, count, reason, settledAtMs: undefined, rejectedAtMs: undefined };
    this.deliveries.push(delivery);
    return delivery;
  }

  /** A producer that came back without an acknowledgement has sent it again, which makes it two jobs to a queue. */
  isSentAgain(atMs: number, { absences }: JobCircumstances): boolean {
    return this.qos === 1 && absences.overlaps(this.sender, this.sentAtMs, atMs);
  }

  #reason(atMs: number, circumstances: JobCircumstances): RedeliveryReason {
    const sentAgain = this.isSentAgain(atMs, circumstances);
    // A job is in the hands of one worker at a time, so the one before must have lost it.
    const before = sentAgain ? this.deliveries : [this.deliveries.at(-1)!];
    for (const delivery of before.toReversed()) {
      const reason = lossOf(delivery, atMs, circumstances);
      if (reason !== undefined) return reason;
    }
    return sentAgain ? "sentAgain" : "unexplained";
  }
}

/** How a worker lost a job that it had been given before `atMs`. */
function lossOf(
  { worker, atMs: fromMs, settledAtMs, rejectedAtMs }: Delivery,
  atMs: number,
  { absences, settleTimeoutMs }: JobCircumstances,
): RedeliveryReason | undefined {
  if (rejectedAtMs !== undefined) return "rejection";
  // What was settled long before cannot come back by what happened afterwards.
  const untilMs = settledAtMs === undefined ? atMs : Math.min(atMs, settledAtMs + settlingMsMax);
  if (absences.gatewayDiedWithin(fromMs, untilMs)) return "kill";
  if (absences.overlaps(worker, fromMs, untilMs)) return "disconnect";
  const heldMs = Math.min(atMs, settledAtMs ?? atMs) - fromMs;
  if (settleTimeoutMs > 0 && heldMs >= settleTimeoutMs - timeoutSlackMs) return "timeout";
  return undefined;
}
