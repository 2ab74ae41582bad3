import { comeAndGo } from "../come-and-go.ts";
import type { Behaviour, Place } from "../device.ts";

/** Longest stretch that its stays and absences are fractions of. */
const cycleMsMax = 8_000;

/** Is away more than it is there, leaves in every way there is, and misses nothing of what it has subscribed to. */
export function sleeper(
  { random, liveMs }: Pick<Place, "random" | "liveMs">,
  subscriptions: Readonly<Record<string, 1 | 2>>,
): Behaviour {
  const cycleMs = Math.min(cycleMsMax, liveMs);
  return {
    transport: "tcp",
    persistent: true,
    subscriptions,
    channels: [],
    live(link, timetable) {
      comeAndGo(link, timetable, {
        departures: ["disconnect", "cut", "reset"],
        stayMs: [0.05 * cycleMs, 0.25 * cycleMs],
        awayMs: [0.1 * cycleMs, 0.4 * cycleMs],
        random,
      });
    },
  };
}
