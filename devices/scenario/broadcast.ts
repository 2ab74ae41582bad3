import { announcer } from "../kind/announcer.ts";
import { button } from "../kind/button.ts";
import { camera } from "../kind/camera.ts";
import { controller } from "../kind/controller.ts";
import { dashboard } from "../kind/dashboard.ts";
import { display } from "../kind/display.ts";
import { flakySensor } from "../kind/flaky-sensor.ts";
import { lamp } from "../kind/lamp.ts";
import { thermometer } from "../kind/thermometer.ts";
import { broadcastDevicesMin, broadcastShares } from "./broadcast-shares.ts";
import { names, placeOf } from "./place-of.ts";
import type { Member, Scenario, Stage } from "./scenario.ts";

/** Every topic's last level; the dashboards that do not take everything by `#` name them one by one. */
const matters = [
  "temperature",
  "press",
  "picture",
  "reading",
  "pulse",
  "command",
  "state",
  "settings",
  "tariff",
  "announcement",
  "recall",
];
/** Copies of announcements: the machine that runs the fleet must not become what is measured. */
const copiesPerSecondMax = 1_500;
const announcementPeriodMsMin = 400;
/** One display in three is often away, with a persistent session. */
const sleepsOneIn = 3;

/** Everything that is published reaches every dashboard; lamps obey, flaky sensors miss nothing that waited for them. */
export const broadcast: Scenario = {
  name: "broadcast",
  summary: "sensors publish, lamps obey, announcements reach every device, there or away, dashboards see all of it",
  devicesMin: broadcastDevicesMin,
  small: { devices: 30, seconds: 3 },
  protocol: "3.1.1",
  lateSeconds: 5,
  waiting: false,
  enduring: false,
  cast(devices, stage) {
    const shares = broadcastShares(devices);
    const place = (name: string) => placeOf(name, stage);
    const announcers = names("announcer", shares.announcers);
    const periodMs = Math.max(announcementPeriodMsMin, (1_000 * devices) / copiesPerSecondMax);
    const lamps = names("lamp", shares.lamps);
    const flakySensors = names("flaky", shares.flakySensors);
    const listening: Member[] = [
      ...names("display", shares.displays).map((name, index) => ({
        name,
        behaviour: display(place(name), { sleeps: index % sleepsOneIn === 0 }),
      })),
      ...lamps.map((name) => ({ name, behaviour: lamp(place(name)) })),
      ...flakySensors.map((name) => ({ name, behaviour: flakySensor(place(name)) })),
      ...names("camera", shares.cameras).map((name) => ({ name, behaviour: camera(place(name)) })),
      ...names("button", shares.buttons).map((name) => ({ name, behaviour: button(place(name)) })),
      ...names("thermometer", shares.thermometers).map((name) => ({ name, behaviour: thermometer(place(name)) })),
    ];
    return [
      ...dashboards(names("dashboard", shares.dashboards), stage),
      ...names("controller", shares.controllers).map((name) => ({
        name,
        behaviour: controller(place(name), { lamps, flakySensors }),
      })),
      ...announcers.map((name) => ({ name, behaviour: announcer(place(name), periodMs) })),
      ...listening.map((member) => hearing(member, announcers, stage)),
    ];
  },
};

/** The same device, which hears announcements besides, whatever else it does. */
function hearing({ name, behaviour }: Member, announcers: readonly string[], { root }: Stage): Member {
  const announcements = announcers.flatMap((each) => [
    [`${root}/${each}/announcement`, 1] as const,
    [`${root}/${each}/recall`, 2] as const,
  ]);
  const subscriptions = { ...behaviour.subscriptions, ...Object.fromEntries(announcements) };
  return { name, behaviour: { ...behaviour, subscriptions } };
}

/** Odd ones take everything at QoS 2; even ones take it matter by matter at QoS 1, so that QoS 2 is lowered for them. */
function dashboards(names: readonly string[], { root }: Stage): Member[] {
  const everything = { [`${root}/#`]: 2 } as const;
  const byMatter = Object.fromEntries(matters.map((matter) => [`${root}/+/${matter}`, 1 as const]));
  return names.map((name, index) => ({ name, behaviour: dashboard(index % 2 === 0 ? everything : byMatter) }));
}
