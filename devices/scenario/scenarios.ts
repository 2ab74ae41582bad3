import { broadcast } from "./broadcast.ts";
import { chaos } from "./chaos.ts";
import { multicast } from "./multicast.ts";
import { offline } from "./offline.ts";
import { queue } from "./queue.ts";
import { request } from "./request.ts";
import type { Scenario } from "./scenario.ts";
import { uplink } from "./uplink.ts";

/** Every scenario by its name on the command line. */
export const scenarios: ReadonlyMap<string, Scenario> = new Map(
  [broadcast, offline, queue, multicast, request, uplink, chaos].map((scenario) => [scenario.name, scenario]),
);
