import { display } from "../kind/display.ts";
import { dyingWorker } from "../kind/dying-worker.ts";
import { keyedProducer } from "../kind/keyed-producer.ts";
import { pickyWorker } from "../kind/picky-worker.ts";
import { producer } from "../kind/producer.ts";
import { stalledWorker } from "../kind/stalled-worker.ts";
import { worker } from "../kind/worker.ts";
import { names, placeOf } from "./place-of.ts";
import { queueShares } from "./queue-shares.ts";
import type { Member, Scenario, Stage } from "./scenario.ts";

const settleTimeoutSeconds = 3;
/** Long enough that nothing moves a key but the end of its worker. */
const keyedSettleTimeoutSeconds = 60;
/** Jobs of all producers together: the machine that runs the fleet must not become what is measured. */
const jobsPerSecondMax = 400;
const periodMsMin = 60;
const keysOfProducer = 3;
const slowJobMs = 100;

const jobsOf = ({ label }: Stage) => `${label}-jobs`;
const keyedOf = ({ label }: Stage) => `${label}-keyed`;

/** Each job is settled exactly once, whatever becomes of its workers; displays get their copies all the same. */
export const queue: Scenario = {
  name: "queue",
  summary: "producers fill two queues, workers settle each job once, although some die, stall or refuse",
  devicesMin: 14,
  small: { devices: 20, seconds: 4 },
  protocol: "mixed",
  lateSeconds: 20,
  waiting: false,
  enduring: true,
  destinations(stage) {
    const { root } = stage;
    const common = { consumerWindow: 5, deliveriesMax: 0 };
    return {
      groups: {},
      queues: {
        [jobsOf(stage)]: { ...common, topics: [`${root}/+/job`, `${root}/+/batch`], settleTimeoutSeconds },
        [keyedOf(stage)]: {
          ...common,
          topics: [`${root}/+/keyed/+`],
          settleTimeoutSeconds: keyedSettleTimeoutSeconds,
          dispatch: "by-key",
          keyTopicLevel: root.split("/").length + 3,
        },
      },
    };
  },
  cast(devices, stage) {
    const shares = queueShares(devices);
    const place = (name: string) => placeOf(name, stage);
    const [jobs, keyed] = [jobsOf(stage), keyedOf(stage)];
    const producers = shares.producers + shares.keyers;
    const periodMs = Math.max(periodMsMin, (producers * 1_000) / jobsPerSecondMax);
    return [
      ...displays(names("display", shares.displays), stage),
      ...workers(stage, shares),
      ...names("key-steady", shares.keyWorkers).map((name, index) => {
        const { random } = place(name);
        const jobMs = () => random.between(0, 4);
        return { name, behaviour: worker({ queue: keyed, qos: 1, jobMs, persistent: index % 2 === 0 }) };
      }),
      ...names("key-dying", shares.keyDying).map((name, index) => ({
        name,
        behaviour: dyingWorker(place(name), { queue: keyed, persistent: index % 2 === 0 }),
      })),
      ...names("producer", shares.producers).map((name, index) => ({
        name,
        behaviour: producer(place(name), { periodMs, queue: jobs, comesAndGoes: index % 3 === 1 }),
      })),
      ...names("keyer", shares.keyers).map((name, index) => ({
        name,
        behaviour: keyedProducer(place(name), {
          periodMs: 4 * periodMs,
          keys: keysOfProducer,
          family: `family-${Math.floor(index / 4)}`,
        }),
      })),
    ];
  },
};

function workers(stage: Stage, shares: ReturnType<typeof queueShares>): Member[] {
  const jobs = jobsOf(stage);
  const place = (name: string) => placeOf(name, stage);
  return [
    ...names("steady", shares.steady).map((name, index) => {
      const { random } = place(name);
      // Those of QoS 2 settle by PUBCOMP, as soon as they have the job.
      const qos = index % 2 === 0 ? 1 : 2;
      return {
        name,
        behaviour: worker({ queue: jobs, qos, jobMs: () => random.between(0, 5), persistent: qos === 1 }),
      };
    }),
    ...names("slow", shares.slow).map((name) => ({
      name,
      behaviour: worker({ queue: jobs, qos: 1, jobMs: () => slowJobMs, persistent: true }),
    })),
    ...names("dying", shares.dying).map((name, index) => ({
      name,
      behaviour: dyingWorker(place(name), { queue: jobs, persistent: index % 2 === 0 }),
    })),
    ...names("stalled", shares.stalled).map((name) => ({ name, behaviour: stalledWorker(jobs) })),
    ...names("picky", shares.picky).map((name) => ({ name, behaviour: pickyWorker(place(name), jobs) })),
  ];
}

/** Ordinary subscribers of the same topics. */
function displays(all: readonly string[], stage: Stage): Member[] {
  return all.map((name, index) => ({
    name,
    behaviour: display(placeOf(name, stage), {
      subscriptions: { [`${stage.root}/#`]: index % 2 === 0 ? 2 : 1 },
      sleeps: index % 2 === 1,
    }),
  }));
}
