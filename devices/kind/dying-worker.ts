import type { Behaviour, Place } from "../device.ts";
import { oneByOne } from "../one-by-one.ts";

export type DyingWorkerHabits = { queue: string; persistent: boolean };

const awayMsMin = 50;
const awayMsMax = 400;
const jobMsMax = 10;
const deathChance = 0.1;

/** Dies in the middle of a job now and then, without a word, and comes back. */
export function dyingWorker({ random }: Pick<Place, "random">, { queue, persistent }: DyingWorkerHabits): Behaviour {
  let isResting = false;
  let work: Behaviour["work"];
  return {
    transport: "tcp",
    persistent,
    subscriptions: { [`$queue/${queue}`]: 1 },
    channels: [],
    work(job, link) {
      work ??= oneByOne(
        () => random.between(0, jobMsMax),
        (each) => {
          if (isResting || !random.chance(deathChance)) {
            each.settle();
            return;
          }
          void link.drop(random.chance(0.5) ? "cut" : "reset");
          setTimeout(() => void link.comeBack(), random.between(awayMsMin, awayMsMax));
        },
      );
      work(job, link);
    },
    rest() {
      isResting = true;
      return undefined;
    },
  };
}
