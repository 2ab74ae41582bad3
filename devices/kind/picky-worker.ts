import type { Behaviour, Place } from "../device.ts";

/** MQTT 5: unspecified error, implementation specific error, quota exceeded. */
const refusals = [0x80, 0x83, 0x97];
const refusalChance = 0.2;

/** Rejects a job now and then by the reason code of its PUBACK, which only MQTT 5 has. */
export function pickyWorker({ random }: Pick<Place, "random">, queue: string): Behaviour {
  return {
    transport: "tcp",
    speaks: 5,
    persistent: true,
    subscriptions: { [`$queue/${queue}`]: 1 },
    channels: [],
    work(job) {
      if (random.chance(refusalChance)) job.reject(refusals[random.whole(0, refusals.length - 1)]!);
      else job.settle();
    },
  };
}
