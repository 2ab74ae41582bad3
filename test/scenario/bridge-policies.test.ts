import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { startGateway } from "../support/start-gateway.ts";
import { bridged, cloud, drained, keptPort, reportOf, until } from "./bridge-house.ts";
import { UpstreamStub } from "./bridge-upstream-stub.ts";
import { Device5 } from "./mqtt5-device.ts";
import { turns } from "./multicast-house.ts";

const place = { kind: "bridge", name: "cloud" } as const;
const numbered = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name} ${n + 1}`);

/** A gateway whose clock stands still, with a bridge to an upstream that is away, and a device that publishes. */
async function gatewayWith(topics: readonly object[], more: object = {}, changes: object = {}) {
  const clock = new ManualClock();
  const upstream = new UpstreamStub();
  const port = await keptPort();
  const running = await startGateway({ ...cloud(port, topics, more), ...changes }, clock);
  const device = await Device5.connect(running.port, "publisher");
  return {
    ...running,
    clock,
    upstream,
    administration: running.gateway.administration,
    /** Each is acknowledged before the next is published. */
    publish: async (topic: string, payloads: readonly string[], qos: 0 | 1 | 2 = 1) => {
      for (const payload of payloads) await device.publishWhole(topic, payload, { qos });
    },
    /** The upstream is there. */
    open: async () => {
      await upstream.start(port);
      await bridged(running, clock);
    },
    report: () => reportOf(running),
    /** What has come when nothing waits any more. */
    arrived: async () => {
      await drained(running);
      return upstream.payloads;
    },
  };
}

/** Ten messages that have waited, the first of them in flight alone, and then fresh ones; returns what came in its order. */
async function order(policy: object, freshTopic: string, meanwhile: (name: "drain") => void = () => {}) {
  const house = await gatewayWith([{ filter: "#", ...policy }], { inFlightMax: 1 });
  await house.publish("old", numbered("old", 10));
  house.upstream.isPrompt = false;
  await house.open();
  await house.upstream.has(1);
  await house.publish(freshTopic, numbered("fresh", 4));
  meanwhile("drain");
  house.upstream.isPrompt = true;
  house.upstream.acknowledge();
  const came = await house.arrived();
  const of = (name: string) => came.filter((payload) => payload.startsWith(name));
  expect(of("old")).toEqual(numbered("old", 10));
  expect(of("fresh")).toEqual(numbered("fresh", 4));
  return { came, places: of("fresh").map((payload) => came.indexOf(payload)) };
}

const inOrder = [...numbered("old", 10), ...numbered("fresh", 4)];

describe("while messages wait from an outage, what is fresh", () => {
  it("has half of the line with live-first", async () => {
    const { places } = await order({}, "fresh");
    for (const [index, at] of places.entries()) expect(at).toBeLessThanOrEqual(2 * index + 2);
    expect(places[3]).toBeGreaterThanOrEqual(6); // and not more
  });

  it("has the share of it that the rule says", async () => {
    const { places } = await order({ liveSharePercent: 25 }, "fresh");
    for (const [index, at] of places.entries()) expect(at).toBeLessThanOrEqual(4 * index + 4);
    expect(places[1]).toBeGreaterThanOrEqual(6);
  });

  it("overtakes none of its own topic, unless it may", async () => {
    expect((await order({}, "old")).came).toEqual(inOrder);
    const { places } = await order({ keepTopicOrder: false }, "old");
    expect(places[0]).toBeLessThanOrEqual(2);
  });

  it("goes behind them with oldest-first", async () => {
    expect((await order({ outage: "oldest-first" }, "fresh")).came).toEqual(inOrder);
  });
});

describe("a rule", () => {
  it("keeps of each topic the latest value alone, where that is enough", async () => {
    const house = await gatewayWith([{ filter: "#", lastValue: true }]);
    await house.publish("a", numbered("a", 5));
    await house.publish("b", numbered("b", 3));
    expect(house.report()).toMatchObject({ messages: 2, drops: { superseded: 6 } });
    await house.open();
    expect(await house.arrived()).toEqual(["a 5", "b 3"]);
  });

  it("takes of each topic one message in an interval", async () => {
    const house = await gatewayWith([{ filter: "#", sampleSeconds: 10 }]);
    await house.publish("a", numbered("a", 2));
    await house.publish("b", numbered("b", 2));
    house.clock.advance(10_000);
    await house.publish("a", ["later"]);
    expect(house.report().drops).toEqual({ sampled: 2 });
    await house.open();
    expect(await house.arrived()).toEqual(["a 1", "b 1", "later"]);
  });

  it("lets messages wait for so long, and counts those that expire", async () => {
    const house = await gatewayWith([{ filter: "short/#", timeToLiveSeconds: 5 }, { filter: "long/#" }]);
    await house.publish("short/a", ["gone"]);
    await house.publish("long/a", ["stays"]);
    house.clock.advance(7000);
    await house.publish("short/a", ["in time"]);
    await house.open();
    expect((await house.arrived()).sort()).toEqual(["in time", "stays"]);
    expect(house.report().drops).toEqual({ expired: 1 });
  });

  it.each([
    ["reject-newest", ["1", "2", "3"], "mailbox-full"],
    ["remove-oldest", ["3", "4", "5"], "mailbox-removed"],
  ] as const)("with no room does as it says: %s", async (whenFull, expected, reason) => {
    const topics = [{ filter: "narrow/#", messagesMax: 3, whenFull }, { filter: "wide/#" }];
    const house = await gatewayWith(topics, {}, { deadLetters: { messagesMax: 100 } });
    await house.publish("narrow/a", ["1", "2", "3", "4", "5"]);
    await house.publish("wide/a", ["6", "7", "8", "9"]);
    expect(house.report()).toMatchObject({ messages: 7, drops: { [reason]: 2 } });
    const { letters } = house.administration.deadLetters({ max: 10 });
    expect(letters.map((letter) => letter.destination)).toEqual([place, place]);
    await house.open();
    const came = await house.arrived();
    expect(came.filter((payload) => payload < "6" === expected.includes(payload as never))).toEqual(came);
    expect(came.filter((payload) => payload < "6")).toEqual(expected);
  });

  it("with no room lets go what has the lowest priority, where it says so", async () => {
    const topics = [{ filter: "#", messagesMax: 3, whenFull: "remove-low-priority" }];
    const classes = [{ topics: ["urgent/#"], priority: 9 }];
    const house = await gatewayWith(topics, {}, { mailboxes: { classes } });
    await house.publish("a", ["1", "2", "3"]);
    await house.publish("urgent/a", ["4", "5"]);
    expect(house.report()).toMatchObject({ messages: 3, drops: { "low-priority-removed": 2 } });
    await house.open();
    expect((await house.arrived()).filter((payload) => payload > "3")).toEqual(["4", "5"]);
  });

  it("with no room holds publishers back, where it says so", async () => {
    const house = await gatewayWith([{ filter: "#", messagesMax: 3, whenFull: "flow-control" }]);
    const published = house.publish("a", numbered("a", 6));
    await until(() => house.report().messages === 3);
    await house.open();
    await published;
    expect(await house.arrived()).toEqual(numbered("a", 6));
    expect(house.report().drops).toEqual({});
  });

  it("of a higher priority goes first", async () => {
    const topics = [{ filter: "low/#", priority: 0 }, { filter: "high/#", priority: 9 }, { filter: "some/#" }];
    const house = await gatewayWith(topics, { inFlightMax: 1 });
    for (const name of ["low", "some", "high"]) await house.publish(`${name}/a`, numbered(name, 3));
    await house.open();
    expect(await house.arrived()).toEqual(["high", "some", "low"].flatMap((name) => numbered(name, 3)));
  });

  it("keeps what is published at QoS 0 while the upstream is away where it is told to, and no other does", async () => {
    const house = await gatewayWith([{ filter: "kept/#", qosMin: 1 }, { filter: "passing/#" }]);
    await house.publish("kept/a", ["kept"], 0);
    await house.publish("passing/a", ["lost"], 0);
    expect(house.report()).toMatchObject({ messages: 1, drops: { away: 1 } });
    await house.open();
    await house.publish("passing/a", ["passes"], 0);
    await house.publish("kept/a", ["again"], 0);
    const came = (await house.upstream.has(3)).map(({ payload, qos }) => [payload, qos]);
    expect(came.sort()).toEqual([
      ["again", 1],
      ["kept", 1],
      ["passes", 0],
    ]);
    await drained(house);
  });
});

describe("a bridge", () => {
  it("stays below its ceiling in bytes per second, and near it", async () => {
    const bytesPerSecondMax = 10_000;
    const house = await gatewayWith([{ filter: "#" }], { bytesPerSecondMax });
    for (let n = 0; n < 80; n++) await house.publish("a", ["x".repeat(970)]);
    await house.open();
    const seconds = 4;
    const before = house.report().totals.bytesSent;
    for (let n = 0; n < seconds * 20; n++) {
      house.clock.advance(50);
      await turns(3);
    }
    const sent = house.report().totals.bytesSent - before;
    expect(sent).toBeGreaterThan(seconds * bytesPerSecondMax * 0.9);
    expect(sent).toBeLessThan((seconds + 0.25) * bytesPerSecondMax + 1100);
  });

  it("that is paused sends nothing and goes on receiving, until it is resumed", async () => {
    const house = await gatewayWith([{ filter: "up/#" }, { filter: "down/#", direction: "down" }]);
    await house.open();
    const device = await Device5.connect(house.port, "device");
    await device.subscribe({ "down/#": 1 });
    await house.administration.pause(place);
    await house.publish("up/a", ["1", "2"]);
    house.upstream.send({ cmd: "publish", topic: "down/a", payload: "comes", qos: 1, messageId: 7 });
    expect((await device.take()).payload).toBe("comes");
    expect(house.report()).toMatchObject({ paused: true, messages: 2, inFlight: 0 });
    await house.administration.resume(place);
    expect(await house.arrived()).toEqual(["1", "2"]);
  });

  it("that is asked to drain sends what waits before all that is fresh, and says when it has", async () => {
    const house = await gatewayWith([{ filter: "#" }], { inFlightMax: 1 });
    await house.publish("old", numbered("old", 10));
    expect((await house.administration.drainBridge("cloud")).draining).toBe(true);
    house.upstream.isPrompt = false;
    await house.open();
    await house.upstream.has(1);
    await house.publish("fresh", numbered("fresh", 4));
    expect(house.report().draining).toBe(true);
    house.upstream.isPrompt = true;
    house.upstream.acknowledge();
    expect(await house.arrived()).toEqual(inOrder);
    house.clock.advance(1000);
    expect(house.report().draining).toBe(false);
  });

  it("that is asked to drain is paused no more", async () => {
    const house = await gatewayWith([{ filter: "#" }]);
    await house.administration.pause(place);
    await house.publish("a", ["1"]);
    await house.administration.drainBridge("cloud");
    expect(house.report()).toMatchObject({ paused: false, draining: true });
    await house.open();
    expect(await house.arrived()).toEqual(["1"]);
  });

  it("forgets what waits when it is purged, and what comes later goes", async () => {
    const house = await gatewayWith([{ filter: "#" }]);
    await house.publish("a", ["1", "2", "3"]);
    expect(await house.administration.purge(place)).toEqual({ messages: 3 });
    expect(house.report()).toMatchObject({ messages: 0, bytes: 0, oldestSeconds: null });
    await house.publish("a", ["4"]);
    await house.open();
    expect(await house.arrived()).toEqual(["4"]);
  });

  it("can hand what waits to a queue, and take it from one", async () => {
    const house = await gatewayWith([{ filter: "a/#" }], {}, { queues: { jobs: { topics: ["jobs/#"] } } });
    const { administration } = house;
    await house.publish("a/1", ["1", "2", "3"]);
    const jobs = { kind: "queue", name: "jobs" } as const;
    expect(await administration.move(place, jobs, 2)).toEqual({ messages: 2, left: 1 });
    expect(administration.queue("jobs").messages).toBe(2);
    expect(await administration.move(jobs, place)).toEqual({ messages: 2, left: 0 });
    // What no rule of it takes it does not take from anybody.
    await house.publish("jobs/1", ["stays"]);
    expect(await administration.move(jobs, place)).toEqual({ messages: 0, left: 1 });
    await house.open();
    expect(await house.arrived()).toEqual(["3", "1", "2"]);
  });
});
