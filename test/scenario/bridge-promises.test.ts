import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { GatewayProcess } from "../../devices/gateway-process.ts";
import { bundleGateway } from "../devices/bundle-gateway.ts";
import { ExactPublisher } from "../support/exact-publisher.ts";
import { ExactSubscriber } from "../support/exact-subscriber.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startGateway, testConfig } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { bridged, cloud, drained, keptPort, reportOf, until } from "./bridge-house.ts";
import { hasMosquittoBroker, MosquittoBroker } from "./bridge-mosquitto.ts";
import { UpstreamStub } from "./bridge-upstream-stub.ts";
import { MqttJsClient, urlOf } from "./mqtt-js-client.ts";
import { Device5 } from "./mqtt5-device.ts";
import { SeededRandom } from "./seeded-random.ts";

const root = temporaryDirectory();
const inFlightMax = 50;

/** What goes up everywhere. */
const upIds = ["u1", "u2"];
/** What each upstream sends. */
const downIds = (index: number) => [`d1-${index}`, `d2-${index}`];

/** A gateway in a process of its own that is killed and started again, with bridges to upstreams on these ports. */
async function killableGateway(upstreamPorts: readonly number[]) {
  const main = await bundleGateway();
  const directory = await mkdtemp(join(tmpdir(), "waypost-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const port = await keptPort();
  const bridges = upstreamPorts.flatMap((upstreamPort, index) => {
    const up = upIds.map((id) => ({ filter: `exact/${id}` }));
    const down = downIds(index).map((id) => ({ filter: `exact/${id}`, direction: "down" }));
    return [
      `bridges.b${index}.url=mqtt://127.0.0.1:${upstreamPort}`,
      `bridges.b${index}.retryMaxSeconds=1`,
      `bridges.b${index}.inFlightMax=${inFlightMax}`,
      `bridges.b${index}.topics=${JSON.stringify([...up, ...down])}`,
    ];
  });
  const settings = [
    "listeners.web.port=0",
    `listeners.mqtt.port=${port}`,
    `store.directory=${directory}`,
    "mailboxes.messagesMax=100000",
    ...bridges,
  ];
  const start = async () => {
    const running = GatewayProcess.launch(main, settings);
    onTestFinished(() => void running.kill());
    await running.ready();
    return running;
  };
  return { port, start };
}

/** An upstream that is away until it is started; it is gone when the test is finished. */
async function upstreamOf(kind: "Mosquitto" | "another gateway") {
  const port = await keptPort();
  if (kind === "Mosquitto") {
    const mosquitto = new MosquittoBroker(() => [`listener ${port} 127.0.0.1`]);
    onTestFinished(() => mosquitto.remove());
    return { port, start: () => mosquitto.start() };
  }
  const settings = { listeners: { mqtt: { type: "tcp", port } }, mailboxes: { messagesMax: 100_000 } };
  return { port, start: async () => void (await startGateway(settings)) };
}

/** Resolves after so many calls of `event`. */
function countDown(events: number): { happened: Promise<void>; event: () => void } {
  let left = events;
  let event = () => {};
  const happened = new Promise<void>((resolve) => {
    event = () => {
      if (--left === 0) resolve();
    };
  });
  return { happened, event };
}

/** Publishes until so many are on their way or there; `event` is called for each that is accepted. */
function publishTo(publisher: ExactPublisher, port: number, max: number, event = () => {}): Promise<void> {
  return publisher.run(port, () => {
    if (publisher.count >= max) publisher.end();
    event();
  });
}

/** Messages that came more than once. */
function repeated(subscriber: ExactSubscriber): number {
  let count = 0;
  for (const got of subscriber.got.values()) count += got.length - new Set(got).size;
  return count;
}

/** An upstream, what is published there, and who gets there what goes up. */
async function sideOf(kind: "Mosquitto" | "another gateway", index: number) {
  const upstream = await upstreamOf(kind);
  const subscriber = new ExactSubscriber(`far ${index}`, 2);
  const down = downIds(index).map((id, at) => new ExactPublisher(id, at === 0 ? 1 : 2, 20));
  return { ...upstream, subscriber, down, took: () => {} };
}

describe("a gateway that is killed", () => {
  const kinds = ["another gateway", ...(hasMosquittoBroker ? (["Mosquitto"] as const) : [])] as const;
  const what = "while its upstreams were away, and again while it exchanges with them what waited";

  it(`${what}, loses nothing that it acknowledged, keeps the order, and delivers once at QoS 2`, async () => {
    const sides = await Promise.all(kinds.map(sideOf));
    const near = await killableGateway(sides.map(({ port }) => port));
    const random = new SeededRandom(Number(process.env.WAYPOST_SEED ?? 1));
    const up = upIds.map((id, at) => new ExactPublisher(id, at === 0 ? 1 : 2, 20));
    const atNear = new ExactSubscriber("near", 2);
    let gateway = await near.start();
    await atNear.subscribe(near.port);
    const { happened: isFilled, event: accepted } = countDown(400);
    const filling = up.map((each) => publishTo(each, near.port, 700, accepted));
    await isFilled;
    await gateway.kill();
    await Promise.all(filling);
    const taking: Promise<void>[] = [];
    for (const side of sides) {
      await side.start();
      await side.subscriber.subscribe(side.port);
      taking.push(side.subscriber.run(side.port, () => side.took()));
    }
    const sending: Promise<void>[] = [];
    const kills = 2;
    for (let kill = 0; kill < kills; kill++) {
      // What comes later has come through the gateway since it is back.
      if (kill > 0) gateway = await near.start();
      const waits = sides.map((side) => {
        // So much is more than the window: the bridge has subscribed by then.
        const { happened, event } = countDown(4 * inFlightMax + random.below(100));
        side.took = event;
        return happened;
      });
      if (kill === 0) gateway = await near.start();
      const runs = [atNear.run(near.port, () => {})];
      if (kill === 1) runs.push(...up.map((each) => publishTo(each, near.port, 700)));
      await Promise.all(waits);
      if (kill === 0)
        sending.push(...sides.flatMap(({ down, port }) => down.map((each) => publishTo(each, port, 200))));
      await gateway.kill();
      await Promise.all(runs);
    }
    for (const each of up) each.end();
    gateway = await near.start();
    const receiving = atNear.run(near.port, () => {});
    await Promise.all([...sending, ...up.map((each) => each.run(near.port, () => {}))]);
    for (const { subscriber, down } of sides) {
      await Promise.all(up.map(({ topic, count }) => subscriber.has(topic, count)));
      await Promise.all(down.map(({ topic, count }) => atNear.has(topic, count)));
      subscriber.leave();
    }
    atNear.leave();
    await Promise.all([...taking, receiving]);
    expect(await gateway.stop()).toBeUndefined();
    for (const { subscriber, down } of sides) {
      expect(up.flatMap((each) => subscriber.faults(each))).toEqual([]);
      expect(down.flatMap((each) => atNear.faults(each))).toEqual([]);
      // At QoS 1 a kill may repeat what was in flight, on the way in and on the way out.
      expect(repeated(subscriber)).toBeLessThanOrEqual((kills + 1) * (inFlightMax + 20));
      expect(Math.min(...[...up, ...down].map(({ accepted }) => accepted.length))).toBeGreaterThan(50);
    }
  });
});

describe("an upstream that is restarted", () => {
  const rules = [{ filter: "exact/#" }, { filter: "down/#", direction: "down" }];

  it("with its sessions gets what was in flight again, once at QoS 2, and still has what it took meanwhile", async () => {
    const clock = new ManualClock();
    const port = await keptPort();
    const upstreamSettings = {
      listeners: { mqtt: { type: "tcp", port } },
      store: { engine: "nedb", directory: join(root, "with") },
      mailboxes: { messagesMax: 100_000 },
    };
    let upstream = await startGateway(upstreamSettings);
    const near = await startGateway(cloud(port, rules), clock);
    const device = await MqttJsClient.connected(urlOf("TCP", near));
    await device.client.subscribeAsync("down/#", { qos: 2 });
    await bridged(near, clock);
    const subscriber = new ExactSubscriber("far", 2);
    await subscriber.subscribe(port);
    const publishers = [new ExactPublisher("p1", 1, 20), new ExactPublisher("p2", 2, 20)];
    const sending = publishers.map((each) => publishTo(each, near.port, 1000));
    for (let restart = 0; restart < 2; restart++) {
      const { happened, event } = countDown(300);
      const taking = subscriber.run(port, event);
      await happened;
      await upstream.gateway.stop();
      await taking;
      upstream = await startGateway(upstreamSettings);
      // The clock of the bridge stands still: it is not back yet.
      const publisher = await Device5.connect(port, "publisher");
      for (const qos of [1, 2] as const) await publisher.publishWhole("down/a", `${restart}, ${qos}`, { qos });
      await until(() => reportOf(near).state !== "connected");
      await bridged(near, clock);
      const came = await device.take(2);
      expect(came.map(({ payload, qos }) => [payload, qos])).toEqual([1, 2].map((qos) => [`${restart}, ${qos}`, qos]));
    }
    const taking = subscriber.run(port, () => {});
    await Promise.all(sending);
    await Promise.all(publishers.map(({ topic, count }) => subscriber.has(topic, count)));
    await drained(near);
    subscriber.leave();
    await taking;
    expect(publishers.flatMap((each) => subscriber.faults(each))).toEqual([]);
    expect(device.messages).toEqual([]);
    expect(reportOf(near).totals.connections).toBe(3);
  });

  it("without its sessions gets what it had not acknowledged, and is subscribed to again", async () => {
    const clock = new ManualClock();
    const upstream = await new UpstreamStub().start(await keptPort());
    upstream.isPrompt = false;
    const near = await startGateway(cloud(upstream.port, rules), clock);
    const device = await Device5.connect(near.port, "device");
    await bridged(near, clock);
    for (const qos of [1, 2, 1, 2] as const) device.publish("exact/a", `${upstream.came.length}, ${qos}`, { qos });
    await upstream.has(4);
    upstream.acknowledge(2); // the second of them to the end
    await until(() => reportOf(near).inFlight === 2);
    await upstream.stop();
    await until(() => reportOf(near).state !== "connected");
    upstream.isPrompt = true;
    upstream.came.length = 0;
    await upstream.start();
    await bridged(near, clock);
    await drained(near);
    expect(upstream.came.map(({ payload, qos }) => [payload, qos])).toEqual([
      ["0, 1", 1],
      ["0, 2", 2],
    ]);
    expect(upstream.subscribed).toEqual([["down/#"], ["down/#"]]);
  });
});

describe.skipIf(!hasMosquittoBroker)("a bridge that comes back to Mosquitto", () => {
  // Mosquitto 2.0 sends all that waited at once, also beyond the receive maximum of the bridge, which is 1,000.
  it("gets each message once, however many have waited there", async () => {
    const clock = new ManualClock();
    const far = await upstreamOf("Mosquitto");
    await far.start();
    const topics = [{ filter: "exact/#", direction: "down" }];
    const mailboxes = { messagesMax: 100_000 };
    const store = { engine: "nedb", directory: join(root, "back") }; // what is on the disk is acknowledged, later than it comes
    const settings = { ...cloud(far.port, topics), mailboxes, store };
    const near = await startGateway(settings, clock);
    const subscriber = new ExactSubscriber("device", 2);
    await subscriber.subscribe(near.port);
    const taking = subscriber.run(near.port, () => {});
    await bridged(near, clock);
    await near.gateway.reconfigure(testConfig({ ...settings, ...cloud(far.port, topics, { enabled: false }) }));
    const publishers = [new ExactPublisher("p1", 1, 20), new ExactPublisher("p2", 2, 20)];
    await Promise.all(publishers.map((each) => publishTo(each, far.port, 1500)));
    await near.gateway.reconfigure(testConfig(settings));
    await bridged(near, clock);
    await Promise.race([
      Promise.all(publishers.map(({ topic, count }) => subscriber.has(topic, count))),
      until(() => reportOf(near).lastError !== null),
    ]);
    subscriber.leave();
    await taking;
    expect(reportOf(near)).toMatchObject({ lastError: null, totals: { connections: 2 } });
    expect(publishers.flatMap((each) => subscriber.faults(each))).toEqual([]);
    expect(repeated(subscriber)).toBe(0);
  });
});

describe("what an upstream says of itself", () => {
  const limits = { receiveMaximum: 2, maximumPacketSize: 200, maximumQoS: 1, retainAvailable: false };

  it("is kept to: how much may be in flight, how large, at what QoS, and that it retains nothing", async () => {
    const clock = new ManualClock();
    const upstream = await new UpstreamStub().start(await keptPort());
    upstream.properties = limits;
    upstream.isPrompt = false;
    const near = await startGateway(
      { ...cloud(upstream.port, [{ filter: "#" }]), deadLetters: { messagesMax: 9 } },
      clock,
    );
    const device = await Device5.connect(near.port, "device");
    await bridged(near, clock);
    const payloads = ["1", "2", "x".repeat(300), "4", "5", "6"];
    for (const payload of payloads) await device.publishWhole("a", payload, { qos: 2, retain: true });
    await upstream.has(2);
    for (let acknowledged = 1; acknowledged <= 5; acknowledged++) {
      expect(upstream.came.length).toBe(Math.min(acknowledged + 1, 5));
      expect(reportOf(near).inFlight).toBe(Math.min(2, 6 - acknowledged));
      upstream.acknowledge(1);
      await until(() => reportOf(near).totals.forwarded === acknowledged);
      await upstream.has(Math.min(acknowledged + 2, 5));
    }
    expect(upstream.payloads).toEqual(["1", "2", "4", "5", "6"]);
    for (const { qos, retain, bytes } of upstream.came) {
      expect({ qos, retain }).toEqual({ qos: 1, retain: false });
      expect(bytes).toBeLessThanOrEqual(200);
    }
    expect(reportOf(near)).toMatchObject({ messages: 0, inFlight: 0, drops: { "too-large": 1 } });
    const [letter] = near.gateway.administration.deadLetters({ max: 9 }).letters;
    expect(letter).toMatchObject({ reason: "too-large", destination: { kind: "bridge", name: "cloud" }, topic: "a" });
  });

  it.skipIf(!hasMosquittoBroker)("is kept to with Mosquitto, which throws out whoever does not", async () => {
    const clock = new ManualClock();
    const port = await keptPort();
    const mosquitto = new MosquittoBroker(() => [
      `listener ${port} 127.0.0.1`,
      "max_qos 1",
      "retain_available false",
      "max_packet_size 300",
      "max_inflight_messages 2",
    ]);
    onTestFinished(() => mosquitto.remove());
    await mosquitto.start();
    const near = await startGateway(cloud(port, [{ filter: "#" }]), clock);
    const device = await Device5.connect(near.port, "device");
    const far = await MqttJsClient.connected(`mqtt://127.0.0.1:${port}`);
    await far.client.subscribeAsync("a", { qos: 1 });
    await bridged(near, clock);
    const payloads = ["1", "2", "x".repeat(400), ...Array.from({ length: 20 }, (_, n) => `${n + 4}`)];
    for (const payload of payloads) await device.publishWhole("a", payload, { qos: 2, retain: true });
    const expected = payloads.filter(({ length }) => length < 400);
    expect((await far.take(expected.length)).map(({ payload }) => payload)).toEqual(expected);
    await drained(near);
    expect(reportOf(near)).toMatchObject({ drops: { "too-large": 1 }, totals: { connections: 1 } });
  });
});
