import { display } from "../kind/display.ts";
import { wrongClock } from "../kind/wrong-clock.ts";
import { unsteady } from "../unsteady.ts";
import { multicast } from "./multicast.ts";
import { offline } from "./offline.ts";
import { names, placeOf } from "./place-of.ts";
import { queue } from "./queue.ts";
import { request } from "./request.ts";
import type { Member, Scenario, Stage } from "./scenario.ts";

/** One part in five of the devices that would stay drops off at random too. */
const unsteadyOneIn = 5;
const listeners = 2;
/** It is the part that sends the most by far, and one dispatcher is like the other. */
const offlineMax = 24;
/** A stalled worker stays: what it holds must come back by the settle timeout and not by its leaving. */
const staying = /^stalled-/;

/** Everything at once; each part has topics of its own. */
export const chaos: Scenario = {
  name: "chaos",
  summary: "all of queue, multicast, request and offline at once, devices dropping off, a wrong clock, and --kills",
  devicesMin: 50,
  small: { devices: 50, seconds: 5 },
  protocol: "mixed",
  lateSeconds: 30,
  waiting: true,
  enduring: true,
  destinations(stage) {
    const parts = [queue, multicast].map((scenario) => scenario.destinations!(part(scenario, stage)));
    return {
      queues: Object.assign({}, ...parts.map(({ queues }) => queues)),
      groups: Object.assign({}, ...parts.map(({ groups }) => groups)),
    };
  },
  cast(devices, stage) {
    const shares: [Scenario, number][] = [
      [multicast, Math.floor(devices * 0.2)],
      [request, Math.floor(devices * 0.2)],
      [offline, Math.min(offlineMax, Math.floor(devices * 0.15))],
    ];
    const others = shares.reduce((sum, [, count]) => sum + count, 0);
    shares.unshift([queue, devices - others - 1 - listeners]);
    const members = shares.flatMap(([scenario, count]) => scenario.cast(count, part(scenario, stage)));
    return [...members.map((member, index) => dropOff(member, index, stage)), ...wrongClocks(stage)];
  },
};

function part({ name }: Scenario, stage: Stage): Stage {
  return { ...stage, root: `${stage.root}/${name}`, label: `${stage.label}-chaos` };
}

function dropOff({ name, behaviour }: Member, index: number, stage: Stage): Member {
  if (index % unsteadyOneIn !== 0 || staying.test(name)) return { name, behaviour };
  return { name, behaviour: unsteady(behaviour, placeOf(`${name}, dropping off`, stage)) };
}

function wrongClocks(stage: Stage): Member[] {
  return [
    { name: "wrong-clock", behaviour: wrongClock(placeOf("wrong-clock", stage)) },
    ...names("listener", listeners).map((name, index) => ({
      name,
      behaviour: display(placeOf(name, stage), {
        subscriptions: { [`${stage.root}/wrong-clock/+`]: 2 },
        sleeps: index % 2 === 1,
      }),
    })),
  ];
}
