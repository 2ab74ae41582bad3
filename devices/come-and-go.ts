import type { Departure } from "./depart.ts";
import type { Link } from "./link.ts";
import type { Random } from "./random.ts";
import type { Timetable } from "./timetable.ts";

export type ComingAndGoing = {
  departures: readonly Departure[];
  /** Of one stay and of one absence, in milliseconds: at least the first, less than the second. */
  stayMs: readonly [number, number];
  awayMs: readonly [number, number];
  random: Random;
};

/** Lets a device go away and come back, again and again, until its timetable is stopped. */
export function comeAndGo(link: Link, timetable: Timetable, habits: ComingAndGoing): void {
  const { departures, stayMs, awayMs, random } = habits;
  timetable.after(random.between(...stayMs), () => {
    void link.drop(departures[random.whole(0, departures.length - 1)]!);
    timetable.after(random.between(...awayMs), () => {
      void link.comeBack().then(() => comeAndGo(link, timetable, habits));
    });
  });
}
