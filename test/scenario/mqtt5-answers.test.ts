import { describe, expect, it } from "vitest";
import { awayDevice } from "../support/away-device.ts";
import { startGateway } from "../support/start-gateway.ts";
import { Device5 } from "./mqtt5-device.ts";

const acknowledged = [1, 2] as const;
const refusal = (code: number) => Object.assign(new Error("no"), { reasonCode: code });

async function house(changes: object = {}) {
  const running = await startGateway(changes);
  const publisher = await Device5.connect(running.port, "publisher", { livesSeconds: 60 });
  return { ...running, publisher };
}

describe("the reason code of PUBACK and PUBREC [MQTT-3.4.2-1] [MQTT-3.5.2-1]", () => {
  it.each(acknowledged)("is 0x10 where nobody subscribed, at QoS %s", async (qos) => {
    const { port, publisher } = await house();
    expect(await publisher.publishWhole("t/a", "x", { qos })).toBe(0x10);
    await awayDevice(port, "away", { "t/#": qos });
    expect(await publisher.publishWhole("t/a", "x", { qos })).toBe(0);
    expect(await publisher.publishWhole("other", "x", { qos })).toBe(0x10);
  });

  it("is 0x10 also where the message is retained and nobody subscribed", async () => {
    const { publisher } = await house();
    expect(await publisher.publishWhole("t/a", "x", { retain: true })).toBe(0x10);
  });

  it.each(acknowledged)("is 0x97 where no receiver has room, and 0 where one has, at QoS %s", async (qos) => {
    const { port, publisher } = await house({ mailboxes: { messagesMax: 1 } });
    await awayDevice(port, "full", { "t/#": qos });
    expect(await publisher.publishWhole("t/a", "1", { qos })).toBe(0);
    expect(await publisher.publishWhole("t/a", "2", { qos })).toBe(0x97);
    await awayDevice(port, "another", { "t/#": qos });
    expect(await publisher.publishWhole("t/a", "3", { qos })).toBe(0);
    expect(await publisher.publishWhole("t/a", "4", { qos })).toBe(0x97);
    expect(await (await Device5.connect(port, "another", { livesSeconds: 60 })).payloads()).toEqual(["3"]);
  });

  it.each(acknowledged)("is 0x97 where the store has no room, at QoS %s", async (qos) => {
    const { port, publisher } = await house({ store: { engine: "memory", messagesMax: 1 } });
    await awayDevice(port, "away", { "t/#": qos });
    expect(await publisher.publishWhole("t/a", "1", { qos })).toBe(0);
    expect(await publisher.publishWhole("t/a", "2", { qos })).toBe(0x97);
  });

  it.each(acknowledged)(
    "is 0x87 where a hook refuses, and what the hook says where it says more, at QoS %s",
    async (qos) => {
      const { gateway, publisher } = await house();
      const { broker } = gateway;
      broker.authorizePublish = (_client, { topic }, done) => {
        if (topic === "t/quota") done(refusal(0x97));
        else if (topic === "t/odd") done(refusal(0x00));
        else done(topic === "t/no" ? new Error("no") : null);
      };
      expect(await publisher.publishWhole("t/no", "x", { qos })).toBe(0x87);
      expect(await publisher.publishWhole("t/quota", "x", { qos })).toBe(0x97);
      expect(await publisher.publishWhole("t/odd", "x", { qos })).toBe(0x87);
      expect(await publisher.publishWhole("t/yes", "x", { qos })).toBe(0x10);
    },
  );

  it("at QoS 0 there is none: a refused message is dropped and the connection stays", async () => {
    const { gateway, port, publisher } = await house();
    gateway.broker.authorizePublish = (_client, _packet, done) => done(new Error("no"));
    const device = await Device5.connect(port, "device");
    await device.subscribe({ "#": 0 });
    publisher.publish("t/a", "x");
    await publisher.ping();
    expect(await device.messages()).toEqual([]);
  });

  it.each(acknowledged)("is 0x87 for what only the gateway may publish, at QoS %s", async (qos) => {
    const { publisher } = await house();
    expect(await publisher.publishWhole("$SYS/broker/version", "x", { qos })).toBe(0x87);
  });

  it.each(acknowledged)("is 0x90 for a topic name that this gateway does not take, at QoS %s", async (qos) => {
    const { publisher } = await house({ limits: { topicLevelsMax: 3, topicBytesMax: 20 } });
    expect(await publisher.publishWhole("a/b/c/d", "x", { qos })).toBe(0x90);
    expect(await publisher.publishWhole("a".repeat(21), "x", { qos })).toBe(0x90);
    expect(await publisher.publishWhole("a/b/c", "x", { qos })).toBe(0x10);
  });

  it("goes with a reason string, unless the client wants none [MQTT-3.1.2-29]", async () => {
    const { port, gateway, publisher } = await house();
    gateway.broker.authorizePublish = (_client, _packet, done) => done(new Error("not on a sunday"));
    const packetId = publisher.publish("t/a", "x", { qos: 1 });
    const puback = await publisher.next("puback");
    expect(puback).toMatchObject({ messageId: packetId, reasonCode: 0x87 });
    expect((puback as { properties?: { reasonString?: string } }).properties?.reasonString).toMatch(/not on a sunday/);
    const properties = { requestProblemInformation: false };
    const quiet = await Device5.connect(port, "quiet", { properties });
    quiet.publish("t/a", "x", { qos: 1 });
    expect(((await quiet.next("puback")) as { properties?: object }).properties ?? {}).toEqual({});
  });

  it("goes without one where it would make the packet too large [MQTT-3.4.2-2] [MQTT-3.5.2-2]", async () => {
    const { port, gateway } = await house();
    gateway.broker.authorizePublish = (_client, _packet, done) => done(new Error("no".repeat(100)));
    const small = await Device5.connect(port, "small", { properties: { maximumPacketSize: 100 } });
    for (const qos of acknowledged) expect(await small.publishWhole("t/a", "x", { qos })).toBe(0x87);
    expect(small.bytes.includes("nono")).toBe(false);
  });

  it("is not there for 3.1.1: the acknowledgement has four bytes", async () => {
    const { port } = await house();
    const old = await Device5.connect(port, "old", { version: 4 });
    const before = old.bytes.length;
    await old.publishWhole("t/a", "x", { qos: 1 });
    expect(old.bytes.subarray(before)).toEqual(Buffer.from([0x40, 2, 0, 1]));
  });

  it("leaves in the order of the messages, refused ones among them [MQTT-4.6.0-2]", async () => {
    const { port, gateway, publisher } = await house();
    await awayDevice(port, "away", { "t/#": 1 });
    gateway.broker.authorizePublish = (_client, { topic }, done) => done(topic === "t/no" ? new Error("no") : null);
    const topics = ["t/a", "t/no", "t/a", "t/no", "other", "t/a"];
    const ids = topics.map((topic) => publisher.publish(topic, "x", { qos: 1 }));
    const codes = [];
    for (const id of ids) codes.push(await publisher.answer("puback", id));
    expect(codes).toEqual([0, 0x87, 0, 0x87, 0x10, 0]);
  });
});

describe("an acknowledgement from the client", () => {
  const withAll = {
    reasonCode: 0x80,
    properties: { reasonString: "no room", userProperties: { a: ["1", "2"], b: "3" } },
  };

  async function received(qos: 1 | 2) {
    const { port, publisher } = await house();
    const device = await Device5.connect(port, "device", { livesSeconds: 60, properties: { receiveMaximum: 1 } });
    await device.subscribe({ "t/#": qos });
    const publishing = [publisher.publishWhole("t/a", "1", { qos }), publisher.publishWhole("t/a", "2", { qos })];
    const message = await device.message();
    const back = () => Device5.connect(port, "device", { livesSeconds: 60 });
    return { port, device, message, back, published: Promise.all(publishing) };
  }

  it("may say why at QoS 1: a PUBACK that fails ends the message like any other [MQTT-4.4.0-2]", async () => {
    const { device, message, back, published } = await received(1);
    device.send({ cmd: "puback", messageId: message.packetId, ...withAll });
    expect((await device.message()).payload).toBe("2");
    await published.catch(() => {});
    await device.cut();
    expect(await (await back()).payloads()).toEqual(["2"]);
  });

  it("that fails ends the handshake of QoS 2: no PUBREL, not again, its place is free [MQTT-4.3.3-4] [MQTT-4.4.0-2] [MQTT-4.9.0-2]", async () => {
    const { device, message, back } = await received(2);
    device.send({ cmd: "pubrec", messageId: message.packetId, ...withAll });
    expect(await device.next()).toMatchObject({ cmd: "publish" });
    await device.cut();
    const again = await back();
    const messages = await again.messages();
    expect(messages.map(({ payload }) => payload)).toEqual(["2"]);
    for (const each of messages) await again.acknowledge(each);
  });

  it("may say at QoS 2 that it has no subscribers, and goes on [MQTT-4.3.3-4]", async () => {
    const { device, message } = await received(2);
    device.send({ cmd: "pubrec", messageId: message.packetId, reasonCode: 0x10 });
    expect(await device.answer("pubrel", message.packetId)).toBe(0);
    device.send({ cmd: "pubcomp", messageId: message.packetId, ...withAll, reasonCode: 0x92 });
    expect((await device.take()).payload).toBe("2");
  });

  it.each([
    ["PUBREC", "pubrec", "pubrel"],
    ["PUBREL", "pubrel", "pubcomp"],
  ] as const)(
    "%s of a packet id that is not known is answered with 0x92 [MQTT-3.6.2-1] [MQTT-3.7.2-1]",
    async (_, cmd, answer) => {
      const { publisher } = await house();
      publisher.send({ cmd, messageId: 77, reasonCode: 0 });
      expect(await publisher.answer(answer, 77)).toBe(0x92);
    },
  );

  it("PUBACK and PUBCOMP of a packet id that is not known, and a PUBREC of one that fails, are let be", async () => {
    const { publisher } = await house();
    publisher.send({ cmd: "puback", messageId: 5, reasonCode: 0x10 });
    publisher.send({ cmd: "pubcomp", messageId: 5, reasonCode: 0x92 });
    publisher.send({ cmd: "pubrec", messageId: 5, reasonCode: 0x80 });
    await publisher.ping();
    expect(publisher.packets).toEqual([]);
  });
});
