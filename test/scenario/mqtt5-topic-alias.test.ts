import { describe, expect, it } from "vitest";
import { startGateway } from "../support/start-gateway.ts";
import { Device5 } from "./mqtt5-device.ts";

const alias = (topicAlias: number) => ({ properties: { topicAlias } });

async function house(changes: object = {}, topicAliasMaximum = 0) {
  const running = await startGateway(changes);
  const publisher = await Device5.connect(running.port, "publisher");
  const properties = topicAliasMaximum > 0 ? { topicAliasMaximum } : {};
  const device = await Device5.connect(running.port, "device", { livesSeconds: 60, properties });
  await device.subscribe({ "#": 2 });
  const taken = async () => {
    await publisher.ping();
    return (await device.takeAll()).map(({ topic, payload }) => `${topic} ${payload}`);
  };
  return { ...running, publisher, device, taken };
}

describe("topic aliases of a client", () => {
  it("stand for the topic that set them, each up to the maximum that CONNACK names [MQTT-3.3.2-12]", async () => {
    const { publisher, taken } = await house();
    const max = publisher.connack?.properties?.topicAliasMaximum as number;
    expect(max).toBe(32);
    for (let each = 1; each <= max; each++) publisher.publish(`t/${each}`, "set", alias(each));
    for (let each = max; each >= 1; each--) publisher.publish("", "used", alias(each));
    const messages = await taken();
    expect(messages.slice(0, max)).toEqual(Array.from({ length: max }, (_, i) => `t/${i + 1} set`));
    expect(messages.slice(max)).toEqual(Array.from({ length: max }, (_, i) => `t/${max - i} used`));
  });

  it("are set anew by a message that has a topic", async () => {
    const { publisher, taken } = await house();
    publisher.publish("t/a", "1", alias(3));
    publisher.publish("t/b", "2", alias(3));
    publisher.publish("", "3", alias(3));
    publisher.publish("t/a", "4");
    publisher.publish("", "5", alias(3));
    expect(await taken()).toEqual(["t/a 1", "t/b 2", "t/b 3", "t/a 4", "t/b 5"]);
  });

  it("work at every QoS, and in a repetition at QoS 2", async () => {
    const { publisher, device } = await house();
    expect(await publisher.publishWhole("t/a", "0", { qos: 0, ...alias(1) })).toBe(0);
    const publishing = publisher.publishWhole("", "1", { qos: 1, ...alias(1) });
    expect((await device.take()).topic).toBe("t/a");
    expect((await device.take()).topic).toBe("t/a");
    await publishing;
    const twice = publisher.publishWhole("", "2", { qos: 2, ...alias(1) });
    expect(await device.take()).toMatchObject({ topic: "t/a", payload: "2", qos: 2 });
    expect(await twice).toBe(0);
  });

  it("are not passed on to subscribers", async () => {
    const { publisher, device } = await house();
    publisher.publish("t/a", "x", alias(5));
    expect((await device.take()).properties).toEqual({});
  });

  it("are each connection's own [MQTT-3.3.2-7]", async () => {
    const { port, publisher, taken } = await house();
    const another = await Device5.connect(port, "another");
    publisher.publish("t/mine", "1", alias(1));
    await publisher.ping();
    another.publish("t/other", "2", alias(1));
    await another.ping();
    publisher.publish("", "3", alias(1));
    expect(await taken()).toEqual(["t/mine 1", "t/other 2", "t/mine 3"]);
  });

  it("are forgotten with the connection, whatever the session remembers [MQTT-3.3.2-7]", async () => {
    const { port, taken } = await house();
    const first = await Device5.connect(port, "returning", { livesSeconds: 60 });
    await first.publishWhole("t/a", "1", { qos: 0, ...alias(1) });
    await first.cut();
    const back = await Device5.connect(port, "returning", { livesSeconds: 60 });
    expect(back.sessionPresent).toBe(true);
    back.publish("", "2", alias(1));
    expect(await back.sentAway()).toBe(0x82);
    expect(await taken()).toEqual(["t/a 1"]);
  });

  it.each([
    ["0 [MQTT-3.3.2-8]", "t/a", 0, 0x94],
    ["over the maximum [MQTT-3.3.2-9]", "t/a", 33, 0x94],
    ["65,535, where 32 is the maximum [MQTT-3.3.2-9]", "", 65_535, 0x94],
    ["that was never set", "", 7, 0x82],
  ])("of %s ends the connection", async (_, topic, number, code) => {
    const { publisher, device } = await house();
    publisher.publish(topic, "x", alias(number));
    expect(await publisher.sentAway()).toBe(code);
    expect(await device.messages()).toEqual([]);
  });

  it("are none where the gateway takes none", async () => {
    const { publisher } = await house({ protocol: { topicAliasesMax: 0 } });
    expect(publisher.connack?.properties?.topicAliasMaximum).toBeUndefined();
    publisher.publish("t/a", "x", alias(1));
    expect(await publisher.sentAway()).toBe(0x94);
  });

  it("a message with neither topic nor alias is a protocol error", async () => {
    const { publisher } = await house();
    publisher.publish("", "x", { properties: { contentType: "x" } });
    expect(await publisher.sentAway()).toBe(0x82);
  });

  it("an alias that was set in a message that was refused stands all the same", async () => {
    const { taken, publisher } = await house({ protocol: { payloadFormatChecked: true } });
    const bad = { qos: 1 as const, properties: { topicAlias: 1, payloadFormatIndicator: true } };
    expect(await publisher.publishWhole("t/a", Buffer.from([0xff]), bad)).toBe(0x99);
    publisher.publish("", "x", alias(1));
    expect(await taken()).toEqual(["t/a x"]);
  });
});

describe("topic aliases of the gateway", () => {
  const topicsOf = (messages: { topic: string; properties: Record<string, unknown> }[]) =>
    messages.map(({ topic, properties }) => [topic, properties.topicAlias]);

  it("are none for a client that wants none [MQTT-3.3.2-11]", async () => {
    const { publisher, device } = await house();
    for (let i = 0; i < 5; i++) publisher.publish("topic/a", `${i}`);
    await publisher.ping();
    expect(topicsOf(await device.messages())).toEqual(Array(5).fill(["topic/a", undefined]));
  });

  it("are set with the first message of a topic and stand for it from then on, at every QoS", async () => {
    const { publisher, device } = await house({}, 10);
    for (const qos of [0, 1, 2, 0] as const) {
      const publishing = publisher.publishWhole("topic/a", "x", { qos });
      const { topic, properties } = await device.take();
      expect([topic, properties.topicAlias]).toEqual([
        qos === 0 && device.bytes.indexOf("topic/a") < 0 ? "" : topic,
        1,
      ]);
      await publishing;
    }
    expect(device.bytes.toString("latin1").split("topic/a")).toHaveLength(2);
  });

  it("are never over the client's maximum [MQTT-3.3.2-11]", async () => {
    const { publisher, device } = await house({}, 3);
    for (let round = 0; round < 20; round++) for (let i = 0; i < 9; i++) publisher.publish(`topic/${i}`, `${i}`);
    await publisher.ping();
    const meant = new Map<number, string>();
    for (const { topic, payload, properties } of await device.messages()) {
      const number = properties.topicAlias as number | undefined;
      expect(number ?? 1).toBeLessThanOrEqual(3);
      if (number !== undefined && topic !== "") meant.set(number, topic);
      expect(topic || meant.get(number as number)).toBe(`topic/${payload}`);
    }
  });

  it("are for the topics that are used most: one that comes again and again gets one in its turn", async () => {
    const { publisher, device } = await house({}, 1);
    publisher.publish("topic/rare", "x");
    for (let i = 0; i < 50; i++) publisher.publish("topic/often", "x");
    await publisher.ping();
    const messages = topicsOf(await device.messages());
    expect(messages.slice(-20)).toEqual(Array(20).fill(["", 1]));
    for (let i = 0; i < 500; i++) publisher.publish("topic/later", "x");
    await publisher.ping();
    expect(topicsOf(await device.messages()).at(-1)).toEqual(["", 1]);
  });

  it("are set anew for a connection that takes the place of another, resends included [MQTT-3.3.2-7]", async () => {
    const { port, publisher, device } = await house({}, 5);
    const published = [1, 2].map((n) => publisher.publishWhole("topic/a", `${n}`, { qos: n as 1 | 2 }));
    expect(topicsOf([await device.message(), await device.message()]).sort()).toEqual([
      ["", 1],
      ["topic/a", 1],
    ]);
    await Promise.all(published);
    await device.cut();
    const back = await Device5.connect(port, "device", { livesSeconds: 60, properties: { topicAliasMaximum: 1 } });
    const again = await back.messages();
    expect(topicsOf(again)).toEqual([
      ["topic/a", 1],
      ["", 1],
    ]);
    for (const each of again) await back.acknowledge(each);
    await back.cut();
    const last = await Device5.connect(port, "device", { livesSeconds: 60 });
    publisher.publish("topic/a", "3");
    await publisher.ping();
    expect(topicsOf(await last.messages())).toEqual([["topic/a", undefined]]);
  });

  it("are as many as the gateway is set to, where the client takes more", async () => {
    const { publisher, device } = await house({ protocol: { topicAliasesMax: 2 } }, 1000);
    for (let i = 0; i < 6; i++) publisher.publish(`topic/${i}`, "x");
    await publisher.ping();
    const numbers = (await device.messages()).map(({ properties }) => properties.topicAlias);
    expect(numbers).toEqual([1, 2, undefined, undefined, undefined, undefined]);
  });

  it("go with retained messages and what else is said of a message", async () => {
    const { port, publisher } = await house();
    await publisher.publishWhole("topic/a", "x", { retain: true, properties: { contentType: "c" } });
    const reader = await Device5.connect(port, "reader", { properties: { topicAliasMaximum: 5 } });
    await reader.subscribe({ "topic/#": 0 }, { subscriptionIdentifier: 9 });
    await publisher.publishWhole("topic/a", "y", { properties: { contentType: "d" } });
    expect((await reader.messages()).map(({ topic, properties }) => ({ topic, ...properties }))).toEqual([
      { topic: "topic/a", topicAlias: 1, subscriptionIdentifier: 9, contentType: "c" },
      { topic: "", topicAlias: 1, subscriptionIdentifier: 9, contentType: "d" },
    ]);
  });
});
