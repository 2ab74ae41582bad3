import { comeAndGo } from "../come-and-go.ts";
import type { Behaviour, Place } from "../device.ts";

const readingPeriodMs = 500;
const pulsePeriodMs = 700;
/** Longest stretch that its stays and absences are fractions of. */
const cycleMsMax = 8_000;

/**
 * Drops off without DISCONNECT and returns to its persistent session. Its readings may come twice around that, its
 * counted pulses may not; settings and tariffs that it missed must wait for it.
 */
export function flakySensor({ name, root, random, liveMs }: Place): Behaviour {
  const reading = { flow: "reading", topic: `${root}/${name}/reading`, qos: 1 } as const;
  const pulse = { flow: "pulse", topic: `${root}/${name}/pulse`, qos: 2 } as const;
  const cycleMs = Math.min(cycleMsMax, liveMs);
  let litres = 0;

  return {
    transport: "tcp",
    persistent: true,
    subscriptions: { [`${root}/${name}/settings`]: 1, [`${root}/${name}/tariff`]: 2 },
    channels: [reading, pulse],
    live(link, timetable) {
      timetable.every(
        () => Math.min(readingPeriodMs, liveMs / 4) * random.between(0.3, 1.2),
        () => link.publish(reading, Buffer.from(JSON.stringify({ bar: Number(random.between(2, 4).toFixed(3)) }))),
      );
      timetable.every(
        () => Math.min(pulsePeriodMs, liveMs / 4) * random.between(0.3, 1.2),
        () => link.publish(pulse, Buffer.from(JSON.stringify({ litres: ++litres }))),
      );
      comeAndGo(link, timetable, {
        departures: ["cut", "reset"],
        stayMs: [0.2 * cycleMs, 0.45 * cycleMs],
        awayMs: [0.1 * cycleMs, 0.25 * cycleMs],
        random,
      });
    },
  };
}
