import type { Place } from "../device.ts";
import { button } from "../kind/button.ts";
import { camera } from "../kind/camera.ts";
import { controller } from "../kind/controller.ts";
import { dashboard } from "../kind/dashboard.ts";
import { flakySensor } from "../kind/flaky-sensor.ts";
import { lamp } from "../kind/lamp.ts";
import { thermometer } from "../kind/thermometer.ts";
import { createRandom } from "../random.ts";
import { broadcastDevicesMin, broadcastShares } from "./broadcast-shares.ts";
import type { Member, Scenario, Stage } from "./scenario.ts";

/** Every topic's last level; the dashboards that do not take everything by `#` name them one by one. */
const matters = ["temperature", "press", "picture", "reading", "pulse", "command", "state", "settings", "tariff"];

/** Everything that is published reaches every dashboard; lamps obey, flaky sensors miss nothing that waited for them. */
export const broadcast: Scenario = {
  name: "broadcast",
  summary: "sensors publish, lamps obey, flaky sensors come and go, every dashboard sees all of it",
  devicesMin: broadcastDevicesMin,
  lateSeconds: 5,
  waiting: false,
  cast(devices, stage) {
    const shares = broadcastShares(devices);
    const names = (kind: string, count: number) => Array.from({ length: count }, (_, index) => `${kind}-${index + 1}`);
    const place = (name: string): Place => ({ name, ...stage, random: createRandom(stage.seed, name) });
    const lamps = names("lamp", shares.lamps);
    const flakySensors = names("flaky", shares.flakySensors);
    return [
      ...dashboards(names("dashboard", shares.dashboards), stage),
      ...names("controller", shares.controllers).map((name) => ({
        name,
        behaviour: controller(place(name), { lamps, flakySensors }),
      })),
      ...lamps.map((name) => ({ name, behaviour: lamp(place(name)) })),
      ...flakySensors.map((name) => ({ name, behaviour: flakySensor(place(name)) })),
      ...names("camera", shares.cameras).map((name) => ({ name, behaviour: camera(place(name)) })),
      ...names("button", shares.buttons).map((name) => ({ name, behaviour: button(place(name)) })),
      ...names("thermometer", shares.thermometers).map((name) => ({ name, behaviour: thermometer(place(name)) })),
    ];
  },
};

/** Odd ones take everything at QoS 2; even ones take it matter by matter at QoS 1, so that QoS 2 is lowered for them. */
function dashboards(names: readonly string[], { root }: Stage): Member[] {
  const everything = { [`${root}/#`]: 2 } as const;
  const byMatter = Object.fromEntries(matters.map((matter) => [`${root}/+/${matter}`, 1 as const]));
  return names.map((name, index) => ({ name, behaviour: dashboard(index % 2 === 0 ? everything : byMatter) }));
}
