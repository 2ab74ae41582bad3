import { broadcast } from "./broadcast.ts";
import { offline } from "./offline.ts";
import type { Scenario } from "./scenario.ts";

/** Every scenario by its name on the command line. */
export const scenarios: ReadonlyMap<string, Scenario> = new Map(
  [broadcast, offline].map((scenario) => [scenario.name, scenario]),
);
