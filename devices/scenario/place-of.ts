import type { Place } from "../device.ts";
import { createRandom } from "../random.ts";
import type { Stage } from "./scenario.ts";

/** A device's place on the stage; the same seed gives it the same randomness. */
export function placeOf(name: string, { root, seed, liveMs }: Stage): Place {
  return { name, root, liveMs, random: createRandom(seed, name) };
}

/** `lamp-1`, `lamp-2`, and so on. */
export function names(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${index + 1}`);
}
