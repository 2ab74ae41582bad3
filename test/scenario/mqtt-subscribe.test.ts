import { describe, expect, it } from "vitest";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

async function pair(changes: object = {}) {
  const running = await startGateway(changes);
  const publisher = await RawClient.connected(running.port, { clientId: "publisher" });
  const subscriber = await RawClient.connected(running.port, { clientId: "subscriber" });
  return { ...running, publisher, subscriber };
}

async function unsubscribe(client: RawClient, ...unsubscriptions: string[]): Promise<void> {
  client.send({ cmd: "unsubscribe", messageId: 9, unsubscriptions });
  expect(await client.next("unsuback")).toMatchObject({ messageId: 9 });
}

describe("SUBSCRIBE", () => {
  it("is answered with SUBACK and its packet id [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-2.3.1-7]", async () => {
    const { subscriber } = await pair();
    subscriber.send({ cmd: "subscribe", messageId: 4660, subscriptions: [{ topic: "a", qos: 1 }] });
    expect(await subscriber.next()).toMatchObject({ cmd: "suback", messageId: 4660, granted: [1] });
  });

  it("gets one return code for each filter, in their order [MQTT-3.8.4-4] [MQTT-3.8.4-5] [MQTT-3.9.3-1]", async () => {
    const { gateway, subscriber } = await pair();
    gateway.broker.authorizeSubscribe = (_client, subscription, done) =>
      done(null, subscription.topic === "no" ? null : subscription);
    expect(await subscriber.subscribe({ a: 2, no: 1, b: 0, c: 1 })).toEqual([2, 128, 0, 1]);
  });

  it("gets 0, 1, 2 or 128 and nothing else [MQTT-3.9.3-2]", async () => {
    const { subscriber } = await pair({ limits: { subscriptionsPerDeviceMax: 3 } });
    expect(await subscriber.subscribe({ a: 0, b: 1, c: 2 })).toEqual([0, 1, 2]);
    expect(await subscriber.subscribe({ d: 1 })).toEqual([128]);
  });

  it("works as if several had come one by one, where it names several filters [MQTT-3.8.4-4]", async () => {
    const { publisher, subscriber } = await pair();
    subscriber.bytes("82 0a 00 01 00 01 61 00 00 01 61 01"); // a at QoS 0, and then a at QoS 1
    expect(await subscriber.next("suback")).toMatchObject({ granted: [0, 1] });
    await publishAcknowledged(publisher, "a", "x");
    expect(await messagesSoFar(subscriber)).toMatchObject([{ payload: "x", qos: 1 }]);
  });

  it("is refused for more than subscriptionsPerDeviceMax, but may replace one and reuse the place of one that ended", async () => {
    const { publisher, subscriber } = await pair({ limits: { subscriptionsPerDeviceMax: 2 } });
    expect(await subscriber.subscribe({ a: 0 })).toEqual([0]);
    expect(await subscriber.subscribe({ b: 0 })).toEqual([0]);
    expect(await subscriber.subscribe({ c: 0 })).toEqual([128]);
    expect(await subscriber.subscribe({ a: 1 })).toEqual([1]);
    await unsubscribe(subscriber, "b");
    expect(await subscriber.subscribe({ d: 0 })).toEqual([0]);
    for (const topic of ["a", "b", "c", "d"]) publisher.publish(topic, topic);
    await publisher.ping();
    expect(await payloadsSoFar(subscriber)).toEqual(["a", "d"]);
  });

  it("counts the filters of one packet against subscriptionsPerDeviceMax too", async () => {
    const { publisher, subscriber } = await pair({ limits: { subscriptionsPerDeviceMax: 2 } });
    expect(await subscriber.subscribe({ a: 0, b: 0, c: 0 })).toEqual([0, 0, 128]);
    for (const topic of ["a", "b", "c"]) publisher.publish(topic, topic);
    await publisher.ping();
    expect(await payloadsSoFar(subscriber)).toEqual(["a", "b"]);
  });

  it("is refused for a filter over topicBytesMax or topicLevelsMax", async () => {
    const { subscriber } = await pair({ limits: { topicBytesMax: 10, topicLevelsMax: 3 } });
    const answer = await subscriber.subscribe({ ääääää: 0, äääää: 0, "a/b/c/d": 0, "a/b/c": 0 });
    expect(answer).toEqual([128, 0, 128, 0]);
  });

  it.each(["a#", "#/a", "a/#/b", "a/b#", "a+", "+a", "a/+b", "a/b+/c", "##", "++"])(
    "with the filter %j closes the connection [MQTT-4.7.1-2] [MQTT-4.7.1-3]",
    async (filter) => {
      const { subscriber } = await pair();
      subscriber.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: filter, qos: 0 }] });
      await subscriber.closed;
      expect(subscriber.packets).toEqual([]);
    },
  );
});

describe("the granted QoS", () => {
  it.each([
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 1],
    [1, 2],
    [2, 0],
    [2, 1],
    [2, 2],
  ] as const)("granted %i and published %i deliver at the lower of both [MQTT-3.8.4-6]", async (granted, published) => {
    const { publisher, subscriber } = await pair();
    expect(await subscriber.subscribe({ "a/+": granted })).toEqual([granted]);
    await publishAcknowledged(publisher, "a/b", "x", { qos: published });
    expect(await messagesSoFar(subscriber)).toMatchObject([{ payload: "x", qos: Math.min(granted, published) }]);
  });

  it("is replaced, up or down, by a subscription to the same filter, with no message lost or doubled [MQTT-3.8.4-3]", async () => {
    const { publisher, subscriber } = await pair();
    for (const qos of [0, 2, 1, 1, 0] as const) {
      expect(await subscriber.subscribe({ "a/#": qos })).toEqual([qos]);
      await publishAcknowledged(publisher, "a/b", "x", { qos: 2 });
      expect(await messagesSoFar(subscriber)).toMatchObject([{ payload: "x", qos }]);
    }
  });

  it("falls back to that of the other subscriptions when one of several that overlap ends", async () => {
    const { publisher, subscriber } = await pair();
    await subscriber.subscribe({ "a/b": 2, "a/+": 1, "#": 0 });
    for (const [filter, qos] of [
      ["a/b", 2],
      ["a/+", 1],
      ["#", 0],
    ] as const) {
      await publishAcknowledged(publisher, "a/b", "x", { qos: 2 });
      expect(await messagesSoFar(subscriber)).toMatchObject([{ qos }]);
      await unsubscribe(subscriber, filter);
    }
    await publishAcknowledged(publisher, "a/b", "x", { qos: 2 });
    expect(await messagesSoFar(subscriber)).toEqual([]);
  });
});

describe("topic filters", () => {
  it.each([
    [
      "sport/tennis/player1/#",
      ["sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/player1/a/b"],
      ["sport/tennis", "sport/tennis/player2"],
    ],
    ["sport/#", ["sport", "sport/", "sport/a/b/c"], ["sports", "sportive/a", "/sport"]],
    ["#", ["a", "/", "/a", "a/b/c", "a//b"], ["$a", "$a/b"]],
    ["+", ["a", "finance", " "], ["/finance", "a/", "a/b", "$a"]],
    ["/+", ["/finance", "/"], ["finance", "/a/b"]],
    ["+/+", ["/finance", "a/", "/", "a/b"], ["a", "a/b/c", "$a/b"]],
    ["sport/tennis/+", ["sport/tennis/player1", "sport/tennis/"], ["sport/tennis", "sport/tennis/player1/ranking"]],
    ["sport/+", ["sport/"], ["sport"]],
    ["+/tennis/#", ["sport/tennis", "/tennis/a/b"], ["tennis", "a/b/tennis", "$a/tennis"]],
    ["sport/+/player1", ["sport/tennis/player1", "sport//player1"], ["sport/player1", "sport/a/b/player1"]],
    ["+/+/+", ["//", "a/b/c"], ["/", "a/b/c/d"]],
    ["a/b", ["a/b"], ["a/B", "a/b/", "/a/b", "a"]],
    ["$a/#", ["$a", "$a/b"], ["a", "a/b", "$b"]],
    ["$a/+", ["$a/b"], ["$a", "a/b"]],
    ["$a/b", ["$a/b"], ["$a"]],
    ["/", ["/"], ["a", "//"]],
    ["__proto__/+", ["__proto__/constructor", "__proto__/"], ["constructor/a"]],
  ])(
    "%s matches what the specification says [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.2-1] [MQTT-4.7.3-4]",
    async (filter, matching, others) => {
      const { publisher, subscriber } = await pair();
      // First as live messages, then as retained ones: these are found by other means.
      await subscriber.subscribe({ [filter]: 0 });
      for (const topic of [...others, ...matching]) publisher.publish(topic, topic, { retain: true });
      await publisher.ping();
      const live = await payloadsSoFar(subscriber);
      expect(live.sort()).toEqual([...matching].sort());
      await unsubscribe(subscriber, filter);
      await subscriber.subscribe({ [filter]: 0 });
      const ours = new Set([...matching, ...others]);
      const retained = (await payloadsSoFar(subscriber)).filter((payload) => ours.has(payload));
      expect(retained.sort()).toEqual([...matching].sort());
    },
  );

  it("that begin with a wildcard hide topics that begin with $ [MQTT-4.7.2-1]", async () => {
    const { gateway, subscriber } = await pair();
    await subscriber.subscribe({ "#": 1, "+/broker/#": 1, "+/other": 1 });
    expect(await messagesSoFar(subscriber)).toEqual([]);
    gateway.broker.announce("other", "x");
    expect(await messagesSoFar(subscriber)).toEqual([]);
    await subscriber.subscribe({ "$SYS/#": 1 });
    expect((await messagesSoFar(subscriber)).length).toBeGreaterThan(0);
  });

  it("that begin with a wildcard hide them also from a device that is away", async () => {
    const { port, publisher } = await pair();
    const away = await RawClient.connected(port, { clientId: "away", clean: false });
    await away.subscribe({ "#": 1, "+/x": 1 });
    await away.disconnect();
    await publishAcknowledged(publisher, "$a/x", "hidden");
    await publishAcknowledged(publisher, "a/x", "seen");
    const back = await RawClient.connected(port, { clientId: "away", clean: false });
    expect(await payloadsSoFar(back)).toEqual(["seen"]);
  });
});

describe("UNSUBSCRIBE", () => {
  it("ends just the subscription with the same filter, character by character [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4]", async () => {
    const { publisher, subscriber } = await pair();
    await subscriber.subscribe({ "a/b": 1, "a/+": 1, "a/c": 1 });
    await unsubscribe(subscriber, "a/#");
    await unsubscribe(subscriber, "A/b");
    await unsubscribe(subscriber, "a/+");
    for (const topic of ["a/b", "a/c", "a/d"]) await publishAcknowledged(publisher, topic, topic);
    expect(await payloadsSoFar(subscriber)).toEqual(["a/b", "a/c"]);
  });

  it("is answered with UNSUBACK also where nothing was subscribed [MQTT-3.10.4-5]", async () => {
    const { subscriber } = await pair();
    await unsubscribe(subscriber, "never/subscribed");
  });

  it("with several filters ends all and is answered once [MQTT-3.10.4-6]", async () => {
    const { publisher, subscriber } = await pair();
    await subscriber.subscribe({ a: 1, b: 1, c: 1 });
    await unsubscribe(subscriber, "a", "nothing", "c");
    for (const topic of ["a", "b", "c"]) await publishAcknowledged(publisher, topic, topic);
    expect(await payloadsSoFar(subscriber)).toEqual(["b"]);
    expect(subscriber.packets).toEqual([]);
  });

  it("lets the delivery of what is in flight be completed [MQTT-3.10.4-3]", async () => {
    const { port, publisher } = await pair();
    const subscriber = await RawClient.connected(port, { clientId: "persistent", clean: false });
    await subscriber.subscribe({ a: 2 });
    await publishAcknowledged(publisher, "a", "begun", { qos: 2 });
    const { messageId } = await subscriber.message();
    await unsubscribe(subscriber, "a");
    await subscriber.cut();
    const back = await RawClient.connected(port, { clientId: "persistent", clean: false });
    expect(await back.message()).toMatchObject({ payload: "begun", dup: true, messageId });
    back.send({ cmd: "pubrec", messageId: messageId as number });
    expect(await back.next()).toMatchObject({ cmd: "pubrel", messageId });
  });

  it.each(["a#", "+a"])("with the filter %j closes the connection [MQTT-4.7.1-2] [MQTT-4.7.1-3]", async (filter) => {
    const { subscriber } = await pair();
    subscriber.send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: [filter] });
    await subscriber.closed;
    expect(subscriber.packets).toEqual([]);
  });
});
