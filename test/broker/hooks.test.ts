import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { Client, Subscription } from "../../src/broker/edge-broker.ts";
import { payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { embed } from "./embedded.ts";

describe("authorizePublish", () => {
  async function pair(options: Parameters<typeof embed>[0]) {
    const { broker, port } = await embed(options);
    const receiver = await RawClient.connected(port, { clientId: "receiver" });
    await receiver.subscribe({ "#": 1 });
    const sender = await RawClient.connected(port, { clientId: "sender" });
    return { broker, port, receiver, sender };
  }

  it("with an error closes the connection, clientError tells of it, and nobody gets the message [MQTT-3.3.5-2]", async () => {
    const { broker, receiver, sender } = await pair({
      authorizePublish: (_client, packet, callback) =>
        callback(packet.topic === "forbidden" ? new Error("wrong topic") : null),
    });
    const told = once(broker, "clientError");
    sender.publish("forbidden", "x", { qos: 1, messageId: 1 });
    const [client, error] = await told;
    expect([client.id, error.message]).toEqual(["sender", expect.stringContaining("wrong topic")]);
    await sender.closed;
    await receiver.ping();
    expect([sender.packets, receiver.packets]).toEqual([[], []]);
  });

  async function changesAll(qos: 0 | 1 | 2): Promise<void> {
    const { port, receiver, sender } = await pair({
      authorizePublish(_client, packet, callback) {
        if (packet.topic === "payload") packet.payload = Buffer.from("changed");
        if (packet.topic === "topic") packet.topic = "another/topic";
        if (packet.topic === "kept") packet.retain = true;
        callback(null);
      },
    });
    const id = (messageId: number) => (qos > 0 ? { qos, messageId } : {});
    sender.publish("payload", "original", id(1));
    sender.publish("topic", "original", id(2));
    sender.publish("kept", "original", id(3));
    expect(await receiver.message()).toMatchObject({ topic: "payload", payload: "changed" });
    expect(await receiver.message()).toMatchObject({ topic: "another/topic", payload: "original" });
    expect(await receiver.message()).toMatchObject({ topic: "kept", payload: "original", retain: false });
    const late = await RawClient.connected(port, { clientId: "late" });
    await late.subscribe({ "#": 0 });
    expect(await late.message()).toMatchObject({ topic: "kept", retain: true });
  }

  it("may change payload, topic and retain at QoS 1", () => changesAll(1));
  it("may change payload, topic and retain at QoS 2", () => changesAll(2));
  it("may change payload, topic and retain at QoS 0", () => changesAll(0));

  it("may take its time, and keeps the order of what a client publishes", async () => {
    const { receiver, sender } = await pair({
      authorizePublish(_client, packet, callback) {
        if (Number(packet.payload.toString()) % 3 === 0) setImmediate(callback, null);
        else callback(null);
      },
    });
    for (let i = 0; i < 100; i++) sender.publish("order", `${i}`, i % 2 === 0 ? {} : { qos: 1, messageId: i });
    for (let i = 0; i < 100; i++) {
      const { payload, messageId } = await receiver.message();
      expect(payload).toBe(`${i}`);
      if (messageId !== undefined) receiver.send({ cmd: "puback", messageId });
    }
  });

  it("is asked about a will, with the client that left it", async () => {
    const asked: unknown[] = [];
    const { port, receiver } = await pair({
      authorizePublish(client, packet, callback) {
        asked.push([client?.id, packet.topic]);
        callback(packet.topic === "will/bad" ? new Error("no") : null);
      },
    });
    for (const topic of ["will/bad", "will/good"]) {
      const will = { topic, payload: Buffer.from("x"), qos: 0, retain: false } as const;
      await (await RawClient.connected(port, { clientId: topic, will })).cut();
    }
    expect((await receiver.message()).topic).toBe("will/good");
    expect(asked).toEqual([
      ["will/bad", "will/bad"],
      ["will/good", "will/good"],
    ]);
  });

  it("that throws at a will keeps it back, and harms nobody", async () => {
    const { broker, port } = await embed({
      authorizePublish(_client, packet, callback) {
        if (packet.topic === "will") throw new TypeError("the hook is broken");
        callback(null);
      },
    });
    const will = { topic: "will", payload: Buffer.from("x"), qos: 1, retain: false } as const;
    const gone = await RawClient.connected(port, { clientId: "gone", will });
    const other = await RawClient.connected(port, { clientId: "other" });
    const left = once(broker, "clientDisconnect");
    await gone.cut();
    await left;
    await other.ping();
  });
});

describe("authorizeSubscribe", () => {
  const options = {
    authorizeSubscribe(
      _client: Client,
      subscription: Subscription,
      callback: (error: Error | null, subscription?: Subscription | null) => void,
    ) {
      if (subscription.topic === "no") return callback(null, null);
      if (subscription.topic === "error") return callback(new Error("wrong filter"));
      if (subscription.topic === "lower") subscription.qos = 0;
      if (subscription.topic === "alias") subscription.topic = "real";
      if (subscription.topic === "later") return setImmediate(callback, null, subscription);
      callback(null, subscription);
    },
  };

  it("refuses with null, changes topic and QoS, and may take its time", async () => {
    const { port } = await embed(options as never);
    const client = await RawClient.connected(port);
    expect(await client.subscribe({ no: 1, lower: 2, alias: 1, later: 2 })).toEqual([128, 0, 1, 2]);
    for (const [i, topic] of ["no", "alias", "lower", "later", "real"].entries()) {
      client.publish(topic, "x", { qos: 1, messageId: i + 1 });
    }
    expect(await client.message()).toMatchObject({ topic: "lower", qos: 0 });
    expect(await client.message()).toMatchObject({ topic: "later", qos: 1 });
    expect(await client.message()).toMatchObject({ topic: "real", qos: 1 });
  });

  it("with an error closes the connection, and clientError tells of it", async () => {
    const { broker, port } = await embed(options as never);
    const told = once(broker, "clientError");
    const client = await RawClient.connected(port, { clientId: "c" });
    client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "error", qos: 0 }] });
    const [refused, error] = await told;
    expect([refused.id, error.message]).toEqual(["c", expect.stringContaining("wrong filter")]);
    await client.closed;
    expect(client.packets).toEqual([]);
  });

  // The hook's error is taken for a defect of the device, which is restarted.
  it("with an error is a refusal, not a crash of the device", async () => {
    const { broker, port } = await embed(options as never);
    for (let attempt = 0; attempt < 8; attempt++) {
      const told = once(broker, "clientError");
      const client = await RawClient.connected(port, { clientId: "stubborn", clean: false });
      client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "error", qos: 0 }] });
      const [, error] = await told;
      expect(error.code).toBe("ERR_NOT_AUTHORIZED");
      await client.closed;
    }
  });

  // Stored subscriptions are restored without asking.
  it("is asked again when a stored session is restored", async () => {
    let allowed = true;
    const { broker, port } = await embed({
      authorizeSubscribe: (_client, subscription, callback) => callback(null, allowed ? subscription : null),
    });
    const client = await RawClient.connected(port, { clientId: "c", clean: false });
    await client.subscribe({ revoked: 1 });
    await client.disconnect();
    allowed = false;
    const again = await RawClient.connected(port, { clientId: "c", clean: false });
    broker.publish({ cmd: "publish", topic: "revoked", payload: "x", qos: 1, dup: false, retain: false }, () => {});
    await again.ping();
    expect(again.packets).toEqual([]);
  });

  it("that answers after the session was ended leaves nothing of it in the store", async () => {
    const running = await embed();
    let answer: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      running.broker.authorizeSubscribe = (_client, subscription, callback) => {
        answer = () => callback(null, subscription);
        resolve();
      };
    });
    const first = await RawClient.connected(running.port, { clientId: "c", clean: false });
    first.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] });
    await asked;
    const clean = await RawClient.connected(running.port, { clientId: "c", clean: true });
    answer();
    await clean.disconnect();
    const last = await RawClient.connected(running.port, { clientId: "c", clean: false });
    expect(last.sessionPresent).toBe(false);
  });
});

describe("authorizeForward", () => {
  const options = {
    authorizeForward(client: Client, packet: { topic: string; payload: Buffer | string }) {
      if (client.id === "blind" && packet.topic.startsWith("secret")) return null;
      if (packet.topic.startsWith("stamped")) packet.payload = Buffer.from(`${packet.payload} for ${client.id}`);
      return packet;
    },
  };

  it.each<0 | 1 | 2>([0, 1, 2])("decides for each receiver apart, at QoS %s", async (qos) => {
    const { port } = await embed(options as never);
    const seeing = await RawClient.connected(port, { clientId: "seeing" });
    const blind = await RawClient.connected(port, { clientId: "blind" });
    for (const client of [seeing, blind]) await client.subscribe({ "#": qos });
    seeing.publish("secret/a", "x", { qos, messageId: 1 });
    seeing.publish("stamped/a", "hello", { qos, messageId: 2 });
    expect(await seeing.message()).toMatchObject({ topic: "secret/a" });
    expect(await seeing.message()).toMatchObject({ topic: "stamped/a", payload: "hello for seeing", qos });
    expect(await blind.message()).toMatchObject({ topic: "stamped/a", payload: "hello for blind", qos });
  });

  it("is asked about stored and retained messages too", async () => {
    const { port } = await embed(options as never);
    const away = await RawClient.connected(port, { clientId: "blind", clean: false });
    await away.subscribe({ "#": 1 });
    await away.disconnect();
    const sender = await RawClient.connected(port, { clientId: "sender" });
    sender.publish("secret/waiting", "x", { qos: 1, messageId: 1 });
    sender.publish("stamped/waiting", "hello", { qos: 1, messageId: 2 });
    sender.publish("secret/retained", "x", { qos: 0, retain: true });
    sender.publish("stamped/retained", "hi", { qos: 0, retain: true });
    await sender.ping();
    const back = await RawClient.connected(port, { clientId: "blind", clean: false });
    expect(await back.message()).toMatchObject({ topic: "stamped/waiting", payload: "hello for blind" });
    await back.subscribe({ "+/retained": 1 });
    expect(await back.message()).toMatchObject({ topic: "stamped/retained", payload: "hi for blind", retain: true });
    await back.ping();
    expect(back.packets).toEqual([]);
  });

  it("is asked once, also where it lowers the QoS to 0", async () => {
    const { port } = await embed({
      authorizeForward: (_client, packet) =>
        ({ ...packet, qos: 0, payload: Buffer.from(`${packet.payload}!`) }) as typeof packet,
    });
    const client = await RawClient.connected(port, { clientId: "c" });
    await client.subscribe({ a: 1 });
    await publishAcknowledged(client, "a", "x");
    expect(await payloadsSoFar(client)).toEqual(["x!"]);
  });
});

describe("published", () => {
  it("is told of every message with its publisher, and the acknowledgement waits for it", async () => {
    const told: unknown[] = [];
    let release: () => void = () => {};
    const { broker, port } = await embed({
      published(packet, client, callback) {
        if (packet.topic.startsWith("$SYS/")) return callback();
        told.push([packet.topic, client?.id ?? null]);
        if (packet.topic === "held") release = callback as () => void;
        else callback();
      },
    });
    const client = await RawClient.connected(port, { clientId: "c" });
    broker.publish({ cmd: "publish", topic: "ours", payload: "x", qos: 0, dup: false, retain: false }, () => {});
    client.publish("held", "x", { qos: 1, messageId: 1 });
    await client.ping();
    expect(client.packets).toEqual([]);
    release();
    await client.next("puback");
    expect(told).toEqual([
      ["ours", null],
      ["held", "c"],
    ]);
  });

  it("with an error closes the connection of the publisher", async () => {
    const { broker, port } = await embed({
      published: (packet, _client, callback) => callback(packet.topic === "bad" ? new Error("no room") : undefined),
    });
    const told = once(broker, "clientError");
    const client = await RawClient.connected(port, { clientId: "c" });
    client.publish("bad", "x", { qos: 1, messageId: 1 });
    expect((await told)[1].message).toContain("no room");
    await client.closed;
    expect(client.packets).toEqual([]);
  });
});
