import { type ConnectChoices, Device5, type Wanted } from "../scenario/mqtt5-device.ts";
import type { ManualClock } from "./manual-clock.ts";
import { type RunningGateway, startGateway, testConfig } from "./start-gateway.ts";

export interface ConsumerChoices extends ConnectChoices {
  qos?: 0 | 1 | 2;
  /** Name of the queue. */
  from?: string;
}

/** A consumer that is connected and has subscribed; it acknowledges only what it is told to. */
export async function consumerOf(port: number, id: string, choices: ConsumerChoices = {}): Promise<Device5> {
  const { qos = 1, from = "jobs", ...rest } = choices;
  const device = await Device5.connect(port, id, rest);
  if (!device.sessionPresent) await device.subscribe({ [`$queue/${from}`]: qos } as Wanted);
  await device.ping();
  return device;
}

/** What tests do with a gateway that has a queue. */
export function queueTools(running: RunningGateway) {
  const { gateway, port } = running;
  const { administration } = gateway;
  return {
    ...running,
    consumer: (id: string, choices: ConsumerChoices = {}) => consumerOf(port, id, choices),
    /** What the gateway says of the queue. */
    report: (name = "jobs") => administration.queue(name),
    /** Dead letters as `reason payload topic`, oldest first. */
    letters: () =>
      administration
        .deadLetters({ max: 1000 })
        .letters.map(({ id, reason, topic }) => {
          const payload = Buffer.from(administration.deadLetter(id).payload, "base64").toString();
          return `${reason} ${payload} ${topic}`;
        })
        .reverse(),
    pause: (name = "jobs") => administration.pause({ kind: "queue", name }),
    resume: (name = "jobs") => administration.resume({ kind: "queue", name }),
    /** Applies other settings of the queue `jobs`, which has the topics `jobs/#` unless they say otherwise. */
    reconfigure: (settings: object, changes: object = {}) =>
      gateway.reconfigure(testConfig({ ...changes, queues: { jobs: { topics: ["jobs/#"], ...settings } } })),
  };
}

/** A gateway with the queue `jobs` on `jobs/#`, and a publisher. */
export async function queueHouse(settings: object = {}, { clock, ...changes }: { clock?: ManualClock } & object = {}) {
  const queues = { jobs: { topics: ["jobs/#"], ...settings } };
  const running = await startGateway({ queues, ...changes }, clock);
  const publisher = await Device5.connect(running.port, "publisher");
  /** Publishes these payloads, acknowledged to the end, one after the other. */
  const publish = async (payloads: readonly string[], topic = "jobs/a", choices: object = {}) => {
    for (const payload of payloads) await publisher.publishWhole(topic, payload, { qos: 1, ...choices });
  };
  return { ...queueTools(running), publisher, publish };
}

/** `from` to `to` as texts. */
export function texts(to: number, from = 1): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);
}

export function payloadsOf(messages: readonly { payload: string }[]): string[] {
  return messages.map(({ payload }) => payload);
}

/** A message says whether it was delivered before, and in MQTT 5 how often. */
export function again(count: number): object {
  return { dup: true, properties: { userProperties: { "delivery-count": `${count}` } } };
}
