import { setTimeout as delay } from "node:timers/promises";
import type { Job } from "./job.ts";

/** Gives jobs to a worker that has two hands only: each after the one before, and after its own time. */
export function oneByOne(jobMs: () => number, finish: (job: Job) => void): (job: Job) => void {
  let work = Promise.resolve();
  return (job) => {
    work = work.then(async () => {
      // What the queue has taken back is no work any more.
      if (!job.isOpen) return;
      await delay(jobMs());
      if (job.isOpen) finish(job);
    });
  };
}
