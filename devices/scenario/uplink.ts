import { display } from "../kind/display.ts";
import { outpost } from "../kind/outpost.ts";
import { regular } from "../kind/regular.ts";
import type { Channel } from "../outgoing.ts";
import type { BridgePlan } from "../uplink/bridge-plan.ts";
import { names, placeOf } from "./place-of.ts";
import type { Member, Scenario, Stage } from "./scenario.ts";

/** Messages of all together: the machine that runs the fleet must not become what is measured. */
const outpostMessagesPerSecondMax = 300;
const othersMessagesPerSecondMax = 60;
const channelsOfOutpost = 6;
const periodMsMin = 150;

/** What devices send goes up and what operators command comes down, whatever becomes of the line between them. */
export const uplink: Scenario = {
  name: "uplink",
  summary: "a bridge to a cloud over a line that fails in every way, and --kills; nothing acknowledged may be missing",
  devicesMin: 12,
  small: { devices: 14, seconds: 5 },
  protocol: "mixed",
  // Of a line that is in order: the bridge has to notice that, and what waited goes before or beside.
  lateSeconds: 30,
  waiting: true,
  enduring: true,
  bridge: bridgePlan,
  cast(devices, stage) {
    const share = (fraction: number, max: number) => Math.min(max, Math.max(2, Math.floor(devices * fraction)));
    const [archives, talkers, operators] = [2, share(0.1, 6), 1];
    const [meters, actuators] = [share(0.15, 200), share(0.2, 100)];
    const outposts = names("outpost", devices - archives - talkers - operators - meters - actuators);
    const periodMs = (count: number, perSecondMax: number) => Math.max(periodMsMin, (1_000 * count) / perSecondMax);
    const place = (name: string) => placeOf(name, stage);
    return [
      ...names("archive", archives).map((name, index) => archive(name, index === 0 ? 2 : 1, stage)),
      ...actuated(names("actuator", actuators), names("operator", operators), stage),
      ...names("talker", talkers).map((name, index) => talker(name, index % 2 === 0, stage)),
      ...names("meter", meters).map((name) => ({
        name,
        behaviour: regular(place(name), {
          channels: meterChannels(name, stage),
          periodMs: periodMs(meters, othersMessagesPerSecondMax),
        }),
      })),
      ...outposts.map((name, index) => ({
        name,
        behaviour: outpost(place(name), {
          periodMs: periodMs(outposts.length * channelsOfOutpost, outpostMessagesPerSecondMax),
          comesAndGoes: index % 4 === 3,
        }),
      })),
    ];
  },
};

function bridgePlan({ root }: Stage): BridgePlan {
  const up = { direction: "up", qos: 2 } as const;
  const [meter, site] = [`${root}/meter/`, `${root}/site-7/`];
  const same = (topic: string) => ({ from: topic, to: topic });
  const chat = same(`${root}/chat/probe`);
  return {
    rules: [
      { ...up, filter: `${root}/field/#`, outage: "oldest-first" },
      { ...up, filter: `${root}/event/#`, outage: "live-first", keepTopicOrder: true },
      { ...up, filter: `${root}/state/#`, lastValue: true },
      { ...up, filter: "#", localPrefix: meter, remotePrefix: site, qos: 1 },
      { filter: `${root}/command/#`, direction: "down", qos: 2 },
      { filter: `${root}/chat/#`, direction: "both", qos: 2 },
    ],
    probes: {
      up: [
        ...["field", "event", "state"].map((level) => same(`${root}/${level}/probe`)),
        { from: `${meter}probe`, to: `${site}probe` },
        chat,
      ],
      down: [same(`${root}/command/probe`), chat],
    },
  };
}

/** Always there: what it has not got at the end did not come over the line. */
function archive(name: string, qos: 1 | 2, stage: Stage): Member {
  const filters = ["field", "event", "state", "site-7"].map((level) => [`${stage.root}/${level}/+/+`, qos] as const);
  const behaviour = display(placeOf(name, stage), { subscriptions: Object.fromEntries(filters), sleeps: false });
  return { name, behaviour, at: "cloud" };
}

function actuated(actuators: readonly string[], operators: readonly string[], stage: Stage): Member[] {
  const { root } = stage;
  const periodMs = Math.max(periodMsMin, 1_000 / othersMessagesPerSecondMax);
  return [
    ...actuators.map((name, index) => ({
      name,
      behaviour: display(placeOf(name, stage), {
        subscriptions: { [`${root}/command/${name}/+`]: 2 },
        sleeps: index % 2 === 1,
      }),
    })),
    ...operators.map((name): Member => {
      const channels = actuators.flatMap((actuator): Channel[] => [
        { flow: "command", topic: `${root}/command/${actuator}/set`, qos: 1 },
        { flow: "order", topic: `${root}/command/${actuator}/do`, qos: 2 },
      ]);
      return { name, behaviour: regular(placeOf(name, stage), { channels, periodMs }), at: "cloud" };
    }),
  ];
}

/** Hears what is said at both ends, also by itself: once, or the bridge goes round in circles. */
function talker(name: string, isAtCloud: boolean, stage: Stage): Member {
  const channels: Channel[] = [
    { flow: "remark", topic: `${stage.root}/chat/${name}/remark`, qos: 1 },
    { flow: "vote", topic: `${stage.root}/chat/${name}/vote`, qos: 2 },
  ];
  const subscriptions = { [`${stage.root}/chat/+/+`]: 2 } as const;
  const behaviour = regular(placeOf(name, stage), { channels, subscriptions, periodMs: 2 * periodMsMin });
  return { name, behaviour, ...(isAtCloud ? { at: "cloud" } : {}) };
}

/** The cloud knows them by another topic, and gets QoS 2 at QoS 1. */
function meterChannels(name: string, { root }: Stage): Channel[] {
  const mapped = (last: string) => ({
    topic: `${root}/site-7/${name}/${last}`,
    publishedOn: `${root}/meter/${name}/${last}`,
  });
  return [
    { flow: "count", ...mapped("count"), qos: 2, qosMaxOverLine: 1 },
    { flow: "quality", ...mapped("quality"), qos: 1 },
  ];
}
