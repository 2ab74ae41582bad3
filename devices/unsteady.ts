import { comeAndGo } from "./come-and-go.ts";
import type { Behaviour, Place } from "./device.ts";

/** Longest stretch that its stays and absences are fractions of. */
const cycleMsMax = 30_000;

/** The same device, which drops off at random besides. */
export function unsteady(behaviour: Behaviour, { random, liveMs }: Pick<Place, "random" | "liveMs">): Behaviour {
  const cycleMs = Math.min(cycleMsMax, liveMs);
  return {
    ...behaviour,
    live(link, timetable) {
      behaviour.live?.(link, timetable);
      comeAndGo(link, timetable, {
        departures: ["cut", "reset"],
        stayMs: [0.2 * cycleMs, 0.7 * cycleMs],
        awayMs: [0.02 * cycleMs, 0.1 * cycleMs],
        random,
      });
    },
  };
}
