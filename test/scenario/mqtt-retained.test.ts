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

const retain = true;

describe("a retained message", () => {
  it("is sent to each new subscription that matches it, with RETAIN set [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-8]", async () => {
    const { publisher, subscriber } = await pair();
    await publishAcknowledged(publisher, "a/b", "kept", { retain });
    await publishAcknowledged(publisher, "a/c", "other", { retain });
    await subscriber.subscribe({ "a/b": 1 });
    expect(await messagesSoFar(subscriber)).toMatchObject([{ topic: "a/b", payload: "kept", retain: true, qos: 1 }]);
  });

  it("goes to established subscriptions without RETAIN, like any other message [MQTT-3.3.1-9]", async () => {
    const { publisher, subscriber } = await pair();
    await subscriber.subscribe({ "a/#": 2 });
    for (const qos of [0, 1, 2] as const) await publishAcknowledged(publisher, "a/b", `${qos}`, { qos, retain });
    expect(await messagesSoFar(subscriber)).toMatchObject([
      { payload: "0", qos: 0, retain: false },
      { payload: "1", qos: 1, retain: false },
      { payload: "2", qos: 2, retain: false },
    ]);
  });

  it.each([
    [0, 0],
    [0, 2],
    [1, 0],
    [1, 2],
    [2, 0],
    [2, 1],
    [2, 2],
  ] as const)(
    "published at QoS %i arrives at a subscription of QoS %i at the lower of both [MQTT-3.8.4-6]",
    async (published, granted) => {
      const { publisher, subscriber } = await pair();
      await publishAcknowledged(publisher, "a", "kept", { qos: published, retain });
      await subscriber.subscribe({ "+": granted });
      expect(await messagesSoFar(subscriber)).toMatchObject([
        { qos: Math.min(published, granted), retain: true, dup: false },
      ]);
    },
  );

  it.each([0, 1, 2] as const)(
    "is replaced by the next one of its topic, at QoS %i too [MQTT-3.3.1-5] [MQTT-3.3.1-7]",
    async (qos) => {
      const { publisher, subscriber } = await pair();
      await publishAcknowledged(publisher, "a", "old", { qos: 2, retain });
      await publishAcknowledged(publisher, "a", "replaced", { qos, retain });
      await subscriber.subscribe({ a: 2 });
      expect(await messagesSoFar(subscriber)).toMatchObject([{ payload: "replaced", qos }]);
    },
  );

  it.each([0, 1, 2] as const)(
    "is removed by an empty one at QoS %i, which is delivered and not kept [MQTT-3.3.1-10] [MQTT-3.3.1-11]",
    async (qos) => {
      const { port, publisher, subscriber } = await pair();
      await publishAcknowledged(publisher, "a", "kept", { retain });
      await subscriber.subscribe({ a: 2 });
      await publishAcknowledged(publisher, "a", "", { qos, retain });
      expect((await messagesSoFar(subscriber)).map(({ payload, retain }) => [payload, retain])).toEqual([
        ["kept", true],
        ["", false],
      ]);
      const late = await RawClient.connected(port, { clientId: "late" });
      await late.subscribe({ a: 2, "#": 2 });
      expect(await messagesSoFar(late)).toEqual([]);
    },
  );

  it("is neither replaced nor removed by messages without RETAIN, which are not kept [MQTT-3.3.1-12]", async () => {
    const { publisher, subscriber } = await pair();
    await publishAcknowledged(publisher, "a", "kept", { retain });
    await publishAcknowledged(publisher, "a", "passing");
    await publishAcknowledged(publisher, "a", "");
    await publishAcknowledged(publisher, "b", "passing");
    await subscriber.subscribe({ "#": 1 });
    expect(await payloadsSoFar(subscriber)).toEqual(["kept"]);
  });

  it("is sent again when a subscription is replaced by one with the same filter [MQTT-3.8.4-3]", async () => {
    const { publisher, subscriber } = await pair();
    await publishAcknowledged(publisher, "a", "kept", { retain });
    for (const qos of [1, 1, 0, 1] as const) {
      await subscriber.subscribe({ a: qos });
      expect(await messagesSoFar(subscriber)).toMatchObject([{ payload: "kept", qos, retain: true }]);
    }
  });

  it("is sent once for one SUBSCRIBE whose filters overlap", async () => {
    const { publisher, subscriber } = await pair();
    await publishAcknowledged(publisher, "a/b", "kept", { retain });
    await subscriber.subscribe({ "a/b": 0, "a/+": 1, "#": 0 });
    expect(await messagesSoFar(subscriber)).toMatchObject([{ payload: "kept", qos: 1 }]);
  });

  it("whose topic begins with $ comes at the QoS of the filters that are not hidden from it [MQTT-4.7.2-1]", async () => {
    const { publisher, subscriber } = await pair();
    await publishAcknowledged(publisher, "$a/b", "kept", { qos: 2, retain });
    await subscriber.subscribe({ "#": 2, "+/b": 2, "$a/b": 0, "$a/+": 1 });
    expect(await messagesSoFar(subscriber)).toMatchObject([{ payload: "kept", qos: 1, retain: true }]);
  });

  it("comes after SUBACK and before later messages of its topic", async () => {
    const { publisher, subscriber } = await pair();
    await publishAcknowledged(publisher, "a", "kept", { retain });
    subscriber.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] });
    await subscriber.next("suback");
    await publishAcknowledged(publisher, "a", "later", { retain });
    expect(await payloadsSoFar(subscriber)).toEqual(["kept", "later"]);
  });

  it("outlives the session of its publisher [MQTT-3.1.2-7]", async () => {
    const { port, publisher, subscriber } = await pair();
    await publishAcknowledged(publisher, "a", "kept", { retain });
    await publisher.disconnect();
    await (await RawClient.connected(port, { clientId: "publisher", clean: true })).disconnect();
    await subscriber.subscribe({ a: 0 });
    expect(await payloadsSoFar(subscriber)).toEqual(["kept"]);
  });

  it("is not sent again to a session that is resumed", async () => {
    const { port, publisher } = await pair();
    await publishAcknowledged(publisher, "a", "kept", { retain });
    const first = await RawClient.connected(port, { clientId: "persistent", clean: false });
    await first.subscribe({ a: 0 });
    expect(await payloadsSoFar(first)).toEqual(["kept"]);
    await first.disconnect();
    const second = await RawClient.connected(port, { clientId: "persistent", clean: false });
    expect(await messagesSoFar(second)).toEqual([]);
  });

  it("that is in flight when the line is cut is sent again with DUP and RETAIN [MQTT-4.4.0-1]", async () => {
    const { port, publisher } = await pair();
    await publishAcknowledged(publisher, "a", "kept", { retain });
    const first = await RawClient.connected(port, { clientId: "persistent", clean: false });
    await first.subscribe({ a: 1 });
    const message = await first.message();
    await first.cut();
    const second = await RawClient.connected(port, { clientId: "persistent", clean: false });
    expect(await messagesSoFar(second)).toEqual([{ ...message, dup: true }]);
  });

  it("waits its turn in the window; all of a thousand arrive, and later messages after them", async () => {
    const { publisher, subscriber } = await pair();
    for (let n = 0; n < 1000; n++) publisher.publish(`r/${n}`, `${n}`, { qos: 1, retain, messageId: n + 1 });
    await publisher.ping();
    await subscriber.subscribe({ "r/#": 1 });
    publisher.publish("r/0", "live", { qos: 1, messageId: 1 });
    await publisher.ping();
    const received: string[] = [];
    while (received.length < 1001) {
      const { payload, messageId } = await subscriber.message();
      received.push(payload);
      subscriber.send({ cmd: "puback", messageId: messageId as number });
    }
    expect(new Set(received).size).toBe(1001);
    expect(received.at(-1)).toBe("live");
  });

  // Outbound.suspend puts what is left of the replay behind what already waits in the mailbox.
  it("that waits when the line is cut comes before later messages of its topic all the same [MQTT-4.6.0-6]", async () => {
    const { port, publisher } = await pair({ sessions: { inFlightMax: 1 } });
    await publishAcknowledged(publisher, "r/1", "first", { retain });
    await publishAcknowledged(publisher, "r/2", "old", { retain });
    const before = await RawClient.connected(port, { clientId: "persistent", clean: false });
    await before.subscribe({ "r/1": 1, "r/2": 1 });
    await publishAcknowledged(publisher, "r/2", "newer", { retain });
    await before.message();
    await before.cut();
    const after = await RawClient.connected(port, { clientId: "persistent", clean: false });
    const received: string[] = [];
    while (received.length < 3) {
      const { payload, messageId } = await after.message();
      received.push(payload);
      after.send({ cmd: "puback", messageId: messageId as number });
    }
    expect(received).toEqual(["first", "old", "newer"]);
  });
});
