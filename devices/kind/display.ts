import { comeAndGo } from "../come-and-go.ts";
import type { Behaviour, Place } from "../device.ts";

export type DisplayHabits = {
  transport?: "tcp" | "websocket";
  subscriptions?: Readonly<Record<string, 0 | 1 | 2>>;
  /** Is away now and then, and has then missed nothing. */
  sleeps: boolean;
};

/** Shows what comes to it, with a persistent session; without subscriptions, what its groups get. */
export function display(
  { random, liveMs }: Pick<Place, "random" | "liveMs">,
  { transport = "tcp", subscriptions = {}, sleeps }: DisplayHabits,
): Behaviour {
  return {
    transport,
    persistent: true,
    subscriptions,
    channels: [],
    live(link, timetable) {
      if (!sleeps) return;
      const cycleMs = Math.min(8_000, liveMs);
      comeAndGo(link, timetable, {
        departures: ["disconnect", "cut", "reset"],
        stayMs: [0.1 * cycleMs, 0.4 * cycleMs],
        awayMs: [0.1 * cycleMs, 0.4 * cycleMs],
        random,
      });
    },
  };
}
