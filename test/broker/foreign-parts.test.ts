import callbackPersistence from "aedes-persistence";
import mqemitter from "mqemitter";
import { describe, expect, it } from "vitest";
import type { AedesOptions } from "../../src/broker/edge-broker.ts";
import { RawClient } from "../support/raw-client.ts";
import { done, embed, foreignPersistence } from "./embedded.ts";

/** What someone who embeds aedes may bring: another mq, another persistence, or both. */
const foreign: [name: string, options: () => AedesOptions][] = [
  ["mqemitter", () => ({ mq: mqemitter() })],
  ["mqemitter with a concurrency of 1", () => ({ mq: mqemitter({ concurrency: 1 }) })],
  ["aedes-persistence", () => ({ persistence: (callbackPersistence as unknown as () => unknown)() as never })],
  ["asyncPersistence of aedes-persistence", () => ({ persistence: foreignPersistence() as never })],
  ["both", () => ({ mq: mqemitter(), persistence: foreignPersistence() as never })],
];

describe.each(foreign)("with %s", (_name, options) => {
  it("overlapping subscriptions get a message once, at the highest QoS granted", async () => {
    const { port } = await embed(options());
    const client = await RawClient.connected(port);
    await client.subscribe({ "a/#": 0, "a/+": 2, "a/b": 1 });
    client.publish("a/b", "x", { qos: 2, messageId: 1 });
    client.publish("end", "x", { qos: 1, messageId: 2 });
    expect(await client.message()).toMatchObject({ topic: "a/b", qos: 2 });
    await client.next("puback");
    await client.ping();
    expect(client.packets.filter(({ cmd }) => cmd === "publish")).toEqual([]);
  });

  it("a subscription that is changed or ended takes effect at once", async () => {
    const { port } = await embed(options());
    const client = await RawClient.connected(port);
    await client.subscribe({ a: 0 });
    await client.subscribe({ a: 1 }, 2);
    client.publish("a", "1", { qos: 1, messageId: 3 });
    expect(await client.message()).toMatchObject({ payload: "1", qos: 1 });
    client.send({ cmd: "unsubscribe", messageId: 4, unsubscriptions: ["a"] });
    client.publish("a", "2", { qos: 1, messageId: 5 });
    await client.next("unsuback");
    await client.ping();
    expect(client.packets.filter(({ cmd }) => cmd === "publish")).toEqual([]);
  });

  it("a persistent session gets what came while it was away, in order and once", async () => {
    const { broker, port } = await embed(options());
    const away = await RawClient.connected(port, { clientId: "away", clean: false });
    expect(await away.subscribe({ "a/#": 1, "a/b": 2 })).toEqual([1, 2]);
    await away.cut();
    const sender = await RawClient.connected(port, { clientId: "sender" });
    for (let i = 1; i <= 20; i++) {
      sender.publish("a/b", `${i}`, { qos: 2, messageId: i });
      await sender.next("pubrec");
      sender.send({ cmd: "pubrel", messageId: i });
    }
    const back = await RawClient.connected(port, { clientId: "away", clean: false });
    expect(back.sessionPresent).toBe(true);
    for (let i = 1; i <= 20; i++) {
      const { payload, qos, messageId } = await back.message();
      expect([payload, qos]).toEqual([`${i}`, 2]);
      back.send({ cmd: "pubrec", messageId: messageId as number });
      back.send({ cmd: "pubcomp", messageId: messageId as number });
    }
    await back.ping();
    await back.disconnect();
    const third = await RawClient.connected(port, { clientId: "away", clean: false });
    await third.ping();
    expect(third.packets).toEqual([]);
    await third.disconnect();
    expect(broker.closed).toBe(false);
  });

  it("retained messages are kept, replaced and removed", async () => {
    const { port } = await embed(options());
    const client = await RawClient.connected(port);
    client.publish("r/1", "old", { retain: true });
    client.publish("r/1", "new", { retain: true, qos: 1, messageId: 1 });
    client.publish("r/2", "gone", { retain: true });
    client.publish("r/2", "", { retain: true });
    await client.ping();
    const late = await RawClient.connected(port, { clientId: "late" });
    await late.subscribe({ "r/#": 1, "r/+": 0 });
    expect(await late.message()).toMatchObject({ topic: "r/1", payload: "new", retain: true });
    await late.ping();
    expect(late.packets).toEqual([]);
  });

  it("a will is published once, and not after DISCONNECT", async () => {
    const { port } = await embed(options());
    const watcher = await RawClient.connected(port, { clientId: "watcher" });
    await watcher.subscribe({ "will/#": 1 });
    const will = (topic: string) => ({ topic, payload: Buffer.from("x"), qos: 1, retain: false }) as const;
    await (await RawClient.connected(port, { clientId: "good", will: will("will/good") })).disconnect();
    await (await RawClient.connected(port, { clientId: "bad", will: will("will/bad") })).cut();
    expect((await watcher.message()).topic).toBe("will/bad");
    await watcher.ping();
    expect(watcher.packets).toEqual([]);
  });

  it("$ topics are hidden from wildcards [MQTT-4.7.2-1]", async () => {
    const { broker, port } = await embed(options());
    const client = await RawClient.connected(port);
    await client.subscribe({ "#": 0, "+/b": 0, "$dollar/+": 0 });
    const packet = { cmd: "publish", qos: 0, dup: false, retain: false, payload: "x" } as const;
    await done((callback) => broker.publish({ ...packet, topic: "$other/b" }, callback));
    await done((callback) => broker.publish({ ...packet, topic: "$dollar/b" }, callback));
    expect((await client.message()).topic).toBe("$dollar/b");
    await client.ping();
    expect(client.packets).toEqual([]);
  });
});

describe("an acknowledgement waits until the store has the message for every receiver that is here", () => {
  async function acknowledgementWaits(options: AedesOptions): Promise<void> {
    const persistence = foreignPersistence();
    const enqueue = persistence.outgoingEnqueue.bind(persistence);
    let store: () => void = () => {};
    let tell: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      tell = resolve;
    });
    persistence.outgoingEnqueue = async (...args) => {
      await new Promise<void>((resolve) => {
        store = resolve;
        tell();
      });
      await enqueue(...args);
    };
    const { port } = await embed({ ...options, persistence: persistence as never });
    const receiver = await RawClient.connected(port, { clientId: "receiver", clean: false });
    await receiver.subscribe({ a: 1 });
    const sender = await RawClient.connected(port, { clientId: "sender" });
    sender.publish("a", "x", { qos: 1, messageId: 1 });
    await asked;
    await sender.ping();
    expect(sender.packets).toEqual([]);
    store();
    await sender.next("puback");
  }

  it("with the router", () => acknowledgementWaits({}));
  // The function that a foreign mq calls reports done before the device's own record is stored.
  it("with mqemitter", () => acknowledgementWaits({ mq: mqemitter() }));
});

describe("a store that fails", () => {
  it("while retained messages are called up does not end the process", async () => {
    const persistence = foreignPersistence();
    const { broker, port } = await embed({ persistence: persistence as never });
    const client = await RawClient.connected(port, { clientId: "c", clean: false });
    client.publish("a", "x", { qos: 1, messageId: 1, retain: true });
    await client.next("puback");
    broker.store.outgoingEnqueue = async () => {
      throw new TypeError("the disk is full");
    };
    await client.subscribe({ a: 1 });
    await client.message();
    await new Promise((resolve) => setImmediate(resolve)); // an unhandled rejection would fail the run
    await client.ping();
  });
});
