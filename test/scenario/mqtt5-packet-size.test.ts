import { describe, expect, it } from "vitest";
import { embedParts } from "../broker/embedded.ts";
import { connected5, refused5 } from "../support/client-5.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

/** A PUBLISH to `t` without properties is so much longer than its payload. */
const OVERHEAD = { 0: 6, 1: 8, 2: 8 } as const;

/** A device that takes packets of so many bytes, and a publisher. */
async function pair(maximumPacketSize: number, options: object = {}, properties: object = {}) {
  const { port, context, broker } = await embedParts();
  const back = (maximum: number | undefined = maximumPacketSize) =>
    connected5(port, {
      clientId: "device",
      clean: false,
      lives: 1000,
      ...options,
      properties: { ...properties, ...(maximum === undefined ? {} : { maximumPacketSize: maximum }) },
    });
  const publisher = await RawClient.connected(port, { clientId: "publisher" });
  return { port, broker, dropped: context.counters.dropped, back, device: await back(), publisher };
}

describe("a message over the maximum packet size of its receiver", () => {
  it.each([0, 1, 2] as const)(
    "is not sent at QoS %i, and counted; one of just that size is [MQTT-3.1.2-24] [MQTT-3.1.2-25]",
    async (qos) => {
      const { device, publisher, dropped } = await pair(50);
      await device.subscribe({ t: qos });
      const most = 50 - OVERHEAD[qos];
      await publishAcknowledged(publisher, "t", "x".repeat(most + 1), { qos, messageId: 1 });
      await publishAcknowledged(publisher, "t", "y".repeat(most), { qos, messageId: 2 });
      expect(await device.message()).toMatchObject({ payload: "y".repeat(most), qos });
      expect(dropped["too-large"]).toBe(1);
    },
  );

  it.each([1, 2] as const)(
    "takes no place in the window at QoS %i, and does not come again [MQTT-3.1.2-25]",
    async (qos) => {
      const { device, back, publisher, dropped } = await pair(50, {}, { receiveMaximum: 1 });
      await device.subscribe({ t: qos });
      for (let i = 1; i <= 5; i++) await publishAcknowledged(publisher, "t", "x".repeat(100), { qos, messageId: i });
      await publishAcknowledged(publisher, "t", "small", { qos, messageId: 6 });
      expect(await payloadsSoFar(device)).toEqual(["small"]);
      await device.cut();
      expect(await payloadsSoFar(await back(undefined))).toEqual(["small"]);
      expect(dropped["too-large"]).toBe(5);
    },
  );

  it("is not sent with an alias either, and the alias is not taken for set [MQTT-3.1.2-25]", async () => {
    const { device, publisher } = await pair(50, {}, { topicAliasMaximum: 10 });
    const topic = "a/rather/long/topic";
    await device.subscribe({ [topic]: 0 });
    await publishAcknowledged(publisher, topic, "x".repeat(40), { qos: 0 });
    await publishAcknowledged(publisher, topic, "small", { qos: 0 });
    expect(await messagesSoFar(device)).toMatchObject([{ topic, payload: "small" }]);
  });

  it.each([1, 2] as const)("that waited while it was away is dropped when it is back, at QoS %i", async (qos) => {
    const { device, back, publisher, dropped } = await pair(50);
    await device.subscribe({ t: qos });
    await device.disconnect();
    await publishAcknowledged(publisher, "t", "x".repeat(100), { qos, messageId: 1 });
    await publishAcknowledged(publisher, "t", "small", { qos, messageId: 2 });
    expect(await payloadsSoFar(await back())).toEqual(["small"]);
    expect(dropped["too-large"]).toBe(1);
  });

  it.each([1, 2] as const)("that was in flight by a connection that took it is not resent, at QoS %i", async (qos) => {
    const { device, back, publisher, dropped } = await pair(500);
    await device.subscribe({ t: qos });
    await publishAcknowledged(publisher, "t", "x".repeat(100), { qos, messageId: 1 });
    await publishAcknowledged(publisher, "t", "small", { qos, messageId: 2 });
    expect(await payloadsSoFar(device)).toHaveLength(2);
    await device.cut();
    expect(await payloadsSoFar(await back(50))).toEqual(["small"]);
    expect(dropped["too-large"]).toBe(1);
  });

  it("is not sent where it is retained", async () => {
    const { device, publisher, dropped } = await pair(50);
    await publishAcknowledged(publisher, "t/large", "x".repeat(100), { retain: true });
    await publishAcknowledged(publisher, "t/small", "small", { retain: true });
    await device.subscribe({ "t/#": 1 });
    expect(await payloadsSoFar(device)).toEqual(["small"]);
    expect(dropped["too-large"]).toBe(1);
  });

  it("goes to the others all the same", async () => {
    const { port, device, publisher } = await pair(50);
    const [five, three] = [await connected5(port, { clientId: "five" }), await RawClient.connected(port)];
    for (const client of [device, five, three]) await client.subscribe({ t: 1 });
    await publishAcknowledged(publisher, "t", "x".repeat(100));
    for (const client of [five, three]) expect(await payloadsSoFar(client)).toHaveLength(1);
    expect(await payloadsSoFar(device)).toEqual([]);
  });

  it("counts its properties too", async () => {
    const { port, device } = await pair(50);
    await device.subscribe({ t: 0 });
    const sender = await connected5(port, { clientId: "five" });
    sender.publish("t", "small", { properties: { userProperties: { key: "x".repeat(50) } } });
    await sender.ping();
    expect(await payloadsSoFar(device)).toEqual([]);
  });
});

describe("an answer over the maximum packet size of the client", () => {
  it("is sent without its reason string [MQTT-3.4.2-2] [MQTT-3.9.2-1] [MQTT-3.14.2-3]", async () => {
    const { broker, device } = await pair(30);
    broker.authorizePublish = (_client, _packet, done) =>
      done(new Error("a very long reason, indeed too long to be told"));
    device.publish("no", "x", { qos: 1, messageId: 1 });
    expect(await device.next("puback")).toMatchObject({ reasonCode: 0x87 });
    expect(await device.subscribe({ "$queue/not-there-at-all": 0 })).toEqual([0x8f]);
    device.bytes([0x30, 0]);
    const [end] = await device.ending();
    expect(end).toMatchObject({ cmd: "disconnect", reasonCode: 0x81 });
    expect((end as { properties?: object }).properties ?? {}).not.toHaveProperty("reasonString");
  });

  it("is sent without its reason string where it is a CONNACK [MQTT-3.2.2-19]", async () => {
    const { port } = await startGateway({ limits: { clientIdBytesMax: 23 } });
    const properties = { maximumPacketSize: 20 };
    const [connack] = await refused5(port, { clientId: "x".repeat(24), properties });
    expect(connack).toMatchObject({ cmd: "connack", reasonCode: 0x85 });
    expect((connack as { properties?: object }).properties ?? {}).not.toHaveProperty("reasonString");
  });

  it("ends the connection with 0x95 where it cannot be less [MQTT-3.1.2-24]", async () => {
    const { device } = await pair(30);
    const subscriptions = Array.from({ length: 40 }, (_, i) => ({ topic: `t${i}`, qos: 0 as const }));
    device.send({ cmd: "subscribe", messageId: 1, subscriptions });
    expect(await device.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x95 }]);
  });

  it("refuses the client with 0x95 where it is the CONNACK, and sends no DISCONNECT [MQTT-3.14.0-1] [MQTT-3.2.0-2]", async () => {
    const { gateway, port } = await startGateway();
    const watcher = await connected5(port, { clientId: "watcher" });
    await watcher.subscribe({ "#": 0 });
    const will = { topic: "w", payload: Buffer.from("x"), qos: 0, retain: false } as const;
    const answer = await refused5(port, { clientId: "narrow", will, properties: { maximumPacketSize: 10 } });
    expect(answer).toMatchObject([{ cmd: "connack", reasonCode: 0x95, sessionPresent: false }]);
    expect(await payloadsSoFar(watcher)).toEqual([]);
    expect(Object.keys(gateway.broker.clients)).toEqual(["watcher"]);
  });

  it("is nothing at all where not even a refusal fits", async () => {
    const { port } = await startGateway();
    expect(await refused5(port, { properties: { maximumPacketSize: 4 } })).toEqual([]);
  });
});

describe("a packet over limits.packetBytesMax", () => {
  const limits = { packetBytesMax: 200 };

  it("ends the connection with 0x95; the maximum was told", async () => {
    const { port } = await startGateway({ limits });
    const client = await connected5(port);
    expect(client.connack?.properties).toMatchObject({ maximumPacketSize: 200 });
    client.publish("t", "x".repeat(200 - OVERHEAD[1] - 1), { qos: 1, messageId: 1 }); // two bytes of remaining length
    await client.next("puback");
    client.publish("t", "x".repeat(300), { qos: 1, messageId: 2 });
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x95 }]);
  });

  it("is refused with its first bytes: the rest is not waited for", async () => {
    const { port } = await startGateway({ limits });
    const client = await connected5(port);
    client.bytes([0x30, 0xff, 0xff, 0xff, 0x7f]);
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x95 }]);
  });
});
