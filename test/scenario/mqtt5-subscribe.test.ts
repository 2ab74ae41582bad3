import { describe, expect, it } from "vitest";
import { field, frame } from "../support/frame.ts";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5 } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const livesSeconds = 3600;

async function device(changes: object = {}) {
  const running = await startGateway(changes);
  return { ...running, device: await Device5.connect(running.port, "device", { livesSeconds }) };
}

describe("SUBACK", () => {
  it("has a reason code for each filter, in their order, the QoS that is granted [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1]", async () => {
    const { device: client } = await device();
    const filters = { "a/b": 2, "#": 0, "+/b": 1, "$share/g/a": 2, "no/#/more": 1, "last/+": 1 } as const;
    expect(await client.subscribe(filters)).toEqual([2, 0, 1, 2, 0x8f, 1]);
  });

  it.each([
    ["a/#/b", 0x8f],
    ["a#", 0x8f],
    ["a+/b", 0x8f],
    ["$share//a", 0x8f],
    ["$share/g", 0x8f],
    ["$share/g/", 0x8f],
    ["$share/g+/a", 0x8f],
    ["$share/#/a", 0x8f],
    ["$share/", 0x8f],
    ["$share/g/a/#/b", 0x8f],
    ["a/b/c/d/e", 0x8f],
  ])(
    "refuses the filter %s with 0x8F, and the connection stays [MQTT-3.9.3-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2]",
    async (filter, code) => {
      const { device: client } = await device({ limits: { topicLevelsMax: 4 } });
      expect(await client.subscribe({ [filter]: 1, sound: 1 })).toEqual([code, 1]);
      await client.ping();
    },
  );

  it("refuses what is over the number of subscriptions with 0x97", async () => {
    const { device: client } = await device({ limits: { subscriptionsPerDeviceMax: 2 } });
    expect(await client.subscribe({ a: 1, b: 1, c: 1 })).toEqual([1, 1, 0x97]);
    expect(await client.subscribe({ a: 0, d: 1 })).toEqual([0, 0x97]);
  });

  it("says what a hook says, and 0x87 where it only refuses", async () => {
    const { gateway, device: client } = await device();
    gateway.broker.authorizeSubscribe = (_client, subscription, done) => {
      if (subscription.topic === "fails") done(Object.assign(new Error("no"), { reasonCode: 0x97 }));
      else done(null, subscription.topic === "no" ? null : subscription);
    };
    expect(await client.subscribe({ no: 1, yes: 2, fails: 1 })).toEqual([0x87, 2, 0x97]);
  });

  it("grants no more than the gateway is set to [MQTT-3.8.4-8]", async () => {
    const { device: client } = await device({ protocol: { qosMax: 1 } });
    expect(await client.subscribe({ a: 0, b: 1, c: 2 })).toEqual([0, 1, 1]);
  });

  it.each([
    ["wildcardSubscriptions", "a/#", 0xa2],
    ["sharedSubscriptions", "$share/g/a", 0x9e],
  ])("refuses what %s forbids: %s", async (key, filter, code) => {
    const { device: client } = await device({ protocol: { [key]: false } });
    expect(await client.subscribe({ [filter]: 1, "a/b": 1 })).toEqual([code, 1]);
  });

  it("names the reason, unless the client wants none [MQTT-3.1.2-29]", async () => {
    const { port, device: client } = await device();
    const subscribe = { cmd: "subscribe", messageId: 5, subscriptions: [{ topic: "a/#/b", qos: 0 }] };
    client.send(subscribe);
    const suback = (await client.next("suback")) as { properties?: { reasonString?: string } };
    expect(suback.properties?.reasonString).toMatch(/#/);
    const quiet = await Device5.connect(port, "quiet", { properties: { requestProblemInformation: false } });
    quiet.send(subscribe);
    expect(((await quiet.next("suback")) as { properties?: object }).properties ?? {}).toEqual({});
  });
});

describe("a SUBSCRIBE that ends the connection", () => {
  const subscribe = (properties: number[], filter: string, options: number) =>
    frame(0x82, [0, 1], properties, field(filter), [options]);

  it.each([
    ["no local on a shared subscription [MQTT-3.8.3-4]", subscribe([0], "$share/g/a", 0x05), 0x82],
    ["reserved bits of the options [MQTT-3.8.3-5]", subscribe([0], "a", 0x41), 0x81],
    ["reserved bits of the options, the highest [MQTT-3.8.3-5]", subscribe([0], "a", 0x81), 0x81],
    ["a retain handling of 3", subscribe([0], "a", 0x31), 0x82],
    ["a QoS of 3", subscribe([0], "a", 0x03), 0x82],
    ["no filter [MQTT-3.8.3-2]", frame(0x82, [0, 1], [0]), 0x82],
    ["a filter that is no UTF-8 [MQTT-3.8.3-1]", frame(0x82, [0, 1], [0], field([0xff]), [0]), 0x81],
    ["wrong flags [MQTT-3.8.1-1]", frame(0x80, [0, 1], [0], field("a"), [0]), 0x81],
    ["the packet id 0", frame(0x82, [0, 0], [0], field("a"), [0]), 0x81],
    ["a subscription identifier of 0", subscribe([2, 0x0b, 0], "a", 1), 0x82],
    ["two subscription identifiers", subscribe([4, 0x0b, 1, 0x0b, 2], "a", 1), 0x82],
    ["a property of another packet", subscribe([2, 0x01, 1], "a", 1), 0x81],
  ])("%s", async (_, bytes, code) => {
    const { device: client } = await device();
    client.write(bytes);
    expect(await client.sentAway()).toBe(code);
  });

  it("an identifier where the gateway takes none: 0xA1", async () => {
    const { device: client } = await device({ protocol: { subscriptionIdentifiers: false } });
    client.write(subscribe([2, 0x0b, 1], "a", 1));
    expect(await client.sentAway()).toBe(0xa1);
  });
});

describe("UNSUBSCRIBE", () => {
  it("is answered for each filter in its order: 0, 0x11 for none, 0x8F [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.11.3-1]", async () => {
    const { device: client } = await device();
    await client.subscribe({ "a/#": 1, "$share/g/b": 1 });
    const codes = await client.unsubscribe("a/+", "a/#", "a/#/b", "$share/g/b", "$share/h/b", "a");
    expect(codes).toEqual([0x11, 0, 0x8f, 0, 0x11, 0x11]);
    expect(await client.unsubscribe("a/#")).toEqual([0x11]);
  });

  it("of one filter twice finds it once [MQTT-3.10.4-6]", async () => {
    const { device: client } = await device();
    await client.subscribe({ a: 1 });
    expect(await client.unsubscribe("a", "a")).toEqual([0, 0x11]);
  });

  it("ends what the filter brought and nothing else; what was sent before comes to its end [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-3]", async () => {
    const { port, device: client } = await device();
    const publisher = await Device5.connect(port, "publisher");
    await client.subscribe({ "t/#": 2, "t/a": 1, "T/#": 1 });
    void publisher.publishWhole("t/b", "before", { qos: 2 });
    const before = await client.message();
    expect(await client.unsubscribe("t/#")).toEqual([0]);
    expect(await publisher.publishWhole("t/b", "gone")).toBe(0x10);
    const publishing = publisher.publishWhole("t/a", "stays", { qos: 2 });
    await client.acknowledge(before);
    expect(await client.take()).toMatchObject({ payload: "stays", qos: 1 });
    await publishing;
  });

  it.each([
    ["no filter [MQTT-3.10.3-2]", frame(0xa2, [0, 1], [0]), 0x82],
    ["wrong flags [MQTT-3.10.1-1]", frame(0xa0, [0, 1], [0], field("a")), 0x81],
    ["a filter that is no UTF-8 [MQTT-3.10.3-1]", frame(0xa2, [0, 1], [0], field([0xff])), 0x81],
  ])("ends the connection for %s", async (_, bytes, code) => {
    const { device: client } = await device();
    client.write(bytes);
    expect(await client.sentAway()).toBe(code);
  });
});

describe("a subscription to a filter that is subscribed already", () => {
  it("takes the place of the old one, with all its options [MQTT-3.8.4-3]", async () => {
    const { port, device: client } = await device();
    const publisher = await Device5.connect(port, "publisher");
    const publish = (payload: string) => publisher.publishWhole("t/a", payload, { qos: 2, retain: true });
    const takes = async (payload: string) => {
      const publishing = publish(payload);
      const { qos, retain, properties } = await client.take();
      await publishing;
      expect(await client.messages()).toEqual([]);
      return { qos, retain, identifier: properties.subscriptionIdentifier };
    };
    await client.subscribe({ "t/#": { qos: 2, rap: true, rh: 2 } }, { subscriptionIdentifier: 1 });
    expect(await takes("1")).toEqual({ qos: 2, retain: true, identifier: 1 });
    await client.subscribe({ "t/#": { qos: 1, rh: 2 } }, { subscriptionIdentifier: 2 });
    expect(await takes("2")).toEqual({ qos: 1, retain: false, identifier: 2 });
    await client.subscribe({ "t/#": { qos: 1, rap: true, rh: 2 } });
    expect(await takes("3")).toEqual({ qos: 1, retain: true, identifier: undefined });
  });

  it("is the one that a restart finds", async () => {
    const first = await restarts(root);
    const before = await Device5.connect(first.port, "device", { livesSeconds });
    await before.subscribe({ "t/#": { qos: 2, nl: true } }, { subscriptionIdentifier: 1 });
    await before.subscribe({ "t/#": { qos: 1, rap: true } }, { subscriptionIdentifier: 2 });
    await before.disconnect();
    const { port } = await first.stopped();
    const back = await Device5.connect(port, "device", { livesSeconds });
    const publishing = back.publishWhole("t/a", "own", { qos: 2, retain: true });
    const { qos, retain, properties } = await back.take();
    expect({ qos, retain, properties }).toEqual({ qos: 1, retain: true, properties: { subscriptionIdentifier: 2 } });
    await publishing;
  });

  it("loses no message meanwhile [MQTT-3.8.4-4]", async () => {
    const { port, device: client } = await device();
    const publisher = await Device5.connect(port, "publisher");
    const published = [];
    const changed = [];
    for (let n = 0; n < 300; n++) {
      published.push(publisher.publishWhole("t/a", `${n}`, { qos: 1 }).catch(() => 0));
      if (n % 10 === 0) changed.push(client.subscribe({ "t/#": { qos: 1, rap: n % 20 === 0 } }));
      if (n === 0) await Promise.all(changed);
    }
    const taken: string[] = [];
    while (taken.at(-1) !== "299") taken.push((await client.take()).payload);
    await Promise.all([...published, ...changed]);
    const first = Number(taken[0]);
    expect(taken).toEqual(Array.from({ length: 300 - first }, (_, n) => `${n + first}`));
    expect(first).toBeLessThanOrEqual(1);
  });
});
