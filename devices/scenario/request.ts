import { caller } from "../kind/caller.ts";
import { responder, silentResponder } from "../kind/responder.ts";
import { unsteady } from "../unsteady.ts";
import { names, placeOf } from "./place-of.ts";
import type { Scenario } from "./scenario.ts";

/** Calls of all callers together. */
const callsPerSecondMax = 200;
const periodMsMin = 200;
const respondersOfCaller = 3;

/** Every call is answered once by the right answer, or fails honestly. */
export const request: Scenario = {
  name: "request",
  summary: "callers ask, responders in MQTT 5 and 3.1.1 answer each call once; some are silent, some drop off",
  devicesMin: 6,
  small: { devices: 12, seconds: 3 },
  protocol: "mixed",
  lateSeconds: 10,
  waiting: false,
  enduring: true,
  cast(devices, stage) {
    const place = (name: string) => placeOf(name, stage);
    const flaky = Math.max(1, Math.floor(devices * 0.1));
    const silent = names("silent", Math.max(1, Math.floor(devices * 0.05)));
    const steady = Math.max(2, Math.floor(devices * 0.3));
    const callers = names("caller", devices - flaky - steady - silent.length);
    const responders = [...names("responder", steady), ...names("fading", flaky)];
    const periodMs = Math.max(periodMsMin, (callers.length * (respondersOfCaller + 2) * 1_000) / callsPerSecondMax);
    return [
      ...responders.map((name, index) => {
        const behaviour = responder(place(name), index % 2 === 0 ? 5 : 4);
        return { name, behaviour: name.startsWith("fading") ? unsteady(behaviour, place(name)) : behaviour };
      }),
      ...silent.map((name) => ({ name, behaviour: silentResponder(place(name)) })),
      ...callers.map((name, index) => ({
        name,
        behaviour: caller(place(name), {
          responders: Array.from(
            { length: Math.min(respondersOfCaller, responders.length) },
            (_, offset) => responders[(index + offset) % responders.length]!,
          ),
          silent: [silent[index % silent.length]!],
          periodMs,
        }),
      })),
    ];
  },
};
