import { caster } from "../kind/caster.ts";
import { display } from "../kind/display.ts";
import { names, placeOf } from "./place-of.ts";
import type { Scenario, Stage } from "./scenario.ts";

/** Copies of all casters together: the machine that runs the fleet must not become what is measured. */
const copiesPerSecondMax = 800;
const periodMsMin = 200;

const floorOf = ({ label }: Stage) => `${label}-floor`;
const heatingOf = ({ label }: Stage) => `${label}-heating`;
const emptyOf = ({ label }: Stage) => `${label}-empty`;
const unknownOf = ({ label }: Stage) => `${label}-unknown`;

/** A message to a group comes once to each of its members, there or away, and to nobody else. */
export const multicast: Scenario = {
  name: "multicast",
  summary: "messages to groups reach each member once, there or away, and nobody else; none has subscribed",
  devicesMin: 8,
  small: { devices: 16, seconds: 3 },
  protocol: "mixed",
  lateSeconds: 20,
  waiting: true,
  enduring: true,
  destinations(stage) {
    const { alias } = stage;
    return {
      queues: {},
      groups: {
        [floorOf(stage)]: { members: [`${alias}-sensor-*`, `${alias}-hvac-1`], qos: 2 },
        // Lowers QoS 2; and hvac-1 is in both.
        [heatingOf(stage)]: { members: [`${alias}-hvac-?`, `${alias}-hvac-??`], qos: 1 },
        [emptyOf(stage)]: { members: [`${alias}-nobody-*`], qos: 2 },
      },
    };
  },
  cast(devices, stage) {
    const share = (fraction: number, min: number, max: number) =>
      Math.min(max, Math.max(min, Math.floor(devices * fraction)));
    const casters = share(0.05, 2, 10);
    const outsiders = share(0.1, 1, 50);
    const hvacs = share(0.2, 2, 60);
    const sensors = devices - casters - outsiders - hvacs;
    const periodMs = Math.max(periodMsMin, (casters * 2 * devices * 1_000) / copiesPerSecondMax);
    const place = (name: string) => placeOf(name, stage);
    return [
      // Some are there all the time, over WebSocket; the others are away now and then.
      ...[...names("sensor", sensors), ...names("hvac", hvacs)].map((name, index) => ({
        name,
        behaviour: display(place(name), {
          transport: index % 4 === 0 ? "websocket" : "tcp",
          sleeps: index % 4 !== 0,
          subscriptions: index % 3 === 0 ? { [`${stage.root}/elsewhere/#`]: 1 } : {},
        }),
      })),
      ...names("outsider", outsiders).map((name) => ({
        name,
        behaviour: display(place(name), { subscriptions: { [`${stage.root}/#`]: 2 }, sleeps: false }),
      })),
      ...names("caster", casters).map((name) => ({
        name,
        behaviour: caster(place(name), {
          groups: { floor: floorOf(stage), heating: heatingOf(stage) },
          nobody: { "empty group": emptyOf(stage), "unknown group": unknownOf(stage) },
          periodMs,
        }),
      })),
    ];
  },
};
