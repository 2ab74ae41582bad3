import type { Behaviour } from "../device.ts";
import { oneByOne } from "../one-by-one.ts";

export type WorkerHabits = {
  queue: string;
  /** Where its acknowledgement settles: PUBACK when the job is done, PUBCOMP as soon as it has it. */
  qos: 1 | 2;
  /** How long a job takes it, in milliseconds. */
  jobMs: () => number;
  /** Whether its session outlives its connection; if not, it subscribes again when it returns. */
  persistent: boolean;
};

/** Does one job after the other, quickly or slowly, and all of them. */
export function worker({ queue, qos, jobMs, persistent }: WorkerHabits): Behaviour {
  return {
    transport: "tcp",
    persistent,
    subscriptions: { [`$queue/${queue}`]: qos },
    channels: [],
    work: oneByOne(jobMs, (job) => job.settle()),
  };
}
