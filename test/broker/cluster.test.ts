import { once } from "node:events";
import mqemitter from "mqemitter";
import { describe, expect, it } from "vitest";
import { RawClient } from "../support/raw-client.ts";
import { embed, foreignPersistence } from "./embedded.ts";

/** Two brokers with one mq and one persistence between them. */
async function cluster() {
  const mq = mqemitter();
  const persistence = foreignPersistence();
  persistence.destroy = async () => {}; // each of the two closes it
  const parts = { mq, persistence: persistence as never };
  const a = await embed({ id: "a", ...parts });
  const b = await embed({ id: "b", ...parts });
  return { a, b };
}

describe("two brokers with one mq and one persistence", () => {
  it.each<0 | 1 | 2>([0, 1, 2])("a message reaches the clients of both once, at QoS %s", async (qos) => {
    const { a, b } = await cluster();
    const onA = await RawClient.connected(a.port, { clientId: "on-a", clean: false });
    const onB = await RawClient.connected(b.port, { clientId: "on-b" });
    for (const client of [onA, onB]) await client.subscribe({ "t/#": 2, "t/+": 1 });
    const sender = await RawClient.connected(a.port, { clientId: "sender" });
    sender.publish("t/x", "x", { qos, messageId: 1 });
    for (const client of [onA, onB]) {
      expect(await client.message()).toMatchObject({ payload: "x", qos });
      await client.ping();
      expect(client.packets).toEqual([]);
    }
  });

  it("a client that connects to the other broker is taken over from the first", async () => {
    const { a, b } = await cluster();
    const first = await RawClient.connected(a.port, { clientId: "moving" });
    const gone = once(a.broker, "clientDisconnect");
    const second = await RawClient.connected(b.port, { clientId: "moving" });
    await first.closed;
    await gone;
    await second.ping();
    expect([a.broker.connectedClients, b.broker.connectedClients]).toEqual([0, 1]);
  });

  it("a session that is away gets what either broker was given, wherever it returns", async () => {
    const { a, b } = await cluster();
    const away = await RawClient.connected(a.port, { clientId: "away", clean: false });
    await away.subscribe({ t: 1 });
    await away.disconnect();
    for (const [i, { port }] of [a, b].entries()) {
      const sender = await RawClient.connected(port, { clientId: `sender-${i}` });
      sender.publish("t", `from ${i}`, { qos: 1, messageId: 1 });
      await sender.next("puback");
    }
    const back = await RawClient.connected(b.port, { clientId: "away", clean: false });
    expect(back.sessionPresent).toBe(true);
    const payloads = [];
    for (let i = 0; i < 2; i++) {
      const { payload, messageId } = await back.message();
      payloads.push(payload);
      back.send({ cmd: "puback", messageId: messageId as number });
    }
    await back.ping();
    expect([payloads.sort(), back.packets]).toEqual([["from 0", "from 1"], []]);
  });

  // The three that fail: the first broker keeps the device of a session that has moved on.
  it("a session that moved to the other broker and returns gets nothing twice", async () => {
    const { a, b } = await cluster();
    const first = await RawClient.connected(a.port, { clientId: "moving", clean: false });
    await first.subscribe({ t: 1 });
    await first.disconnect();
    const second = await RawClient.connected(b.port, { clientId: "moving", clean: false });
    const sender = await RawClient.connected(b.port, { clientId: "sender" });
    sender.publish("t", "once", { qos: 1, messageId: 1 });
    const { messageId } = await second.message();
    second.send({ cmd: "puback", messageId: messageId as number });
    await second.ping();
    await second.disconnect();
    const third = await RawClient.connected(a.port, { clientId: "moving", clean: false });
    await third.ping();
    expect(third.packets).toEqual([]);
  });

  it("a session that was ended with a clean one on the other broker is gone from both", async () => {
    const { a, b } = await cluster();
    const first = await RawClient.connected(a.port, { clientId: "ended", clean: false });
    await first.subscribe({ t: 1 });
    await first.disconnect();
    await (await RawClient.connected(b.port, { clientId: "ended", clean: true })).disconnect();
    const third = await RawClient.connected(a.port, { clientId: "ended", clean: false });
    expect(third.sessionPresent).toBe(false);
  });

  it("a subscription made on one broker holds when the session returns to the other", async () => {
    const { a, b } = await cluster();
    const first = await RawClient.connected(a.port, { clientId: "moving", clean: false });
    await first.subscribe({ one: 1 });
    await first.disconnect();
    const second = await RawClient.connected(b.port, { clientId: "moving", clean: false });
    await second.subscribe({ two: 1 });
    await second.disconnect();
    const third = await RawClient.connected(a.port, { clientId: "moving", clean: false });
    third.publish("two", "x", { qos: 1, messageId: 1 });
    await third.next("puback");
    await third.ping();
    expect(third.packets).toMatchObject([{ cmd: "publish", topic: "two" }]);
  });

  it("a will is published once, on both", async () => {
    const { a, b } = await cluster();
    const watchers = [
      await RawClient.connected(a.port, { clientId: "watch-a" }),
      await RawClient.connected(b.port, { clientId: "watch-b" }),
    ];
    for (const watcher of watchers) await watcher.subscribe({ will: 1 });
    const will = { topic: "will", payload: Buffer.from("x"), qos: 1, retain: false } as const;
    await (await RawClient.connected(a.port, { clientId: "dying", will })).cut();
    for (const watcher of watchers) {
      expect((await watcher.message()).topic).toBe("will");
      await watcher.ping();
      expect(watcher.packets).toEqual([]);
    }
  });
});
