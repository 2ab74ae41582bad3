import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { freePort } from "../../devices/free-port.ts";
import { GatewayProcess } from "../../devices/gateway-process.ts";
import { createRandom } from "../../devices/random.ts";
import { bundleGateway } from "../devices/bundle-gateway.ts";
import { ExactPublisher } from "../support/exact-publisher.ts";
import { ExactSubscriber } from "../support/exact-subscriber.ts";
import { SeededRandom } from "./seeded-random.ts";

const KILLS = Number(process.env.WAYPOST_KILLS ?? 12);
const EVENTS_MAX = 2500;

/** A gateway on one directory and one port that is killed and started again. */
async function killable() {
  const main = await bundleGateway();
  const directory = await mkdtemp(join(tmpdir(), "waypost-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const port = await freePort(createRandom(Date.now(), "kill"));
  const settings = [
    "listeners.web.port=0",
    `listeners.mqtt.port=${port}`,
    `store.directory=${directory}`,
    "mailboxes.messagesMax=1000000",
  ];
  const start = async () => {
    const running = GatewayProcess.launch(main, settings);
    await running.ready();
    return running;
  };
  return { port, start };
}

/** Resolves after so many events. */
function countDown(events: number): { happened: Promise<void>; event: () => void } {
  let event = () => {};
  const happened = new Promise<void>((resolve) => {
    let left = events;
    event = () => {
      if (left-- <= 0) resolve();
    };
  });
  return { happened, event };
}

it(`loses nothing that was acknowledged and delivers once at QoS 2, killed ${KILLS} times`, {
  timeout: 60_000 + KILLS * 5_000,
}, async () => {
  const { port, start } = await killable();
  const random = new SeededRandom(Number(process.env.WAYPOST_SEED ?? 1));
  const publishers = [
    new ExactPublisher("p1", 1, 20),
    new ExactPublisher("p2", 2, 20),
    new ExactPublisher("p3", 1, 1),
    new ExactPublisher("p4", 2, 1),
  ];
  const subscribers = ([1, 2, 1, 2] as const).map((qos, index) => new ExactSubscriber(`s${index + 1}`, qos));
  let gateway = await start();
  for (const subscriber of subscribers) await subscriber.subscribe(port);
  for (let kill = 0; kill < KILLS; kill++) {
    const { happened, event } = countDown(random.below(EVENTS_MAX));
    // The first two are always here, the others now and then.
    const here = subscribers.filter((_, index) => index < 2 || random.below(3) === 0);
    const running = [...publishers, ...here].map((each) => each.run(port, event));
    await happened;
    await gateway.kill();
    await Promise.all(running);
    gateway = await start();
  }
  const draining = subscribers.map((each) => each.run(port, () => {}));
  for (const publisher of publishers) publisher.end();
  await Promise.all(publishers.map((each) => each.run(port, () => {})));
  for (const { topic, count } of publishers) await Promise.all(subscribers.map((each) => each.has(topic, count)));
  for (const subscriber of subscribers) subscriber.leave();
  await Promise.all(draining);
  expect(await gateway.stop()).toBeUndefined();
  const faults = subscribers.flatMap((each) => publishers.flatMap((publisher) => each.faults(publisher)));
  expect(faults).toEqual([]);
  if (process.env.WAYPOST_KILLS !== undefined) {
    console.log(publishers.map(({ id, accepted }) => `${id}: ${accepted.length} acknowledged`).join(", "));
  }
});
