import { describe, expect, it } from "vitest";
import { house } from "../support/house.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";

const persistent = { clientId: "device", clean: false };
const clean = { clientId: "device", clean: true };
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

describe("session present", () => {
  it("is 0 for a first connection, and 1 when the session is there [MQTT-3.2.2-2] [MQTT-3.2.2-3] [MQTT-3.1.2-4]", async () => {
    const { device } = await house();
    const seen: unknown[] = [];
    for (let times = 0; times < 3; times++) {
      const client = await device();
      seen.push(client.sessionPresent);
      await client.disconnect();
    }
    expect(seen).toEqual([false, true, true]);
  });

  it("is 0 for a clean session, even where one was kept, and for what follows it [MQTT-3.2.2-1] [MQTT-3.1.2-6]", async () => {
    const { device } = await house();
    await (await device()).disconnect();
    const seen: unknown[] = [];
    for (const options of [clean, persistent, persistent]) {
      const client = await device(options);
      seen.push(client.sessionPresent);
      await client.disconnect();
    }
    expect(seen).toEqual([false, false, true]);
  });

  it("belongs to one client id, letter by letter [MQTT-3.1.3-2]", async () => {
    const { device } = await house();
    const ids = ["device", "Device", "device ", "constructor", "__proto__", "toString"];
    const seen: unknown[] = [];
    for (const clientId of [...ids, ...ids]) {
      const client = await device({ clientId, clean: false });
      seen.push(client.sessionPresent);
      await client.disconnect();
    }
    expect(seen).toEqual([...ids.map(() => false), ...ids.map(() => true)]);
  });
});

describe("a persistent session", () => {
  it("keeps its subscriptions and what comes at QoS 1 and 2 while the device is away [MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-4.1.0-1]", async () => {
    const { publisher, device } = await house();
    const first = await device();
    await first.subscribe({ "a/0": 0, "a/1": 1, "a/2": 2 });
    await first.disconnect();
    for (const topic of ["a/0", "a/1", "a/2", "a/3"]) await publishAcknowledged(publisher, topic, topic, { qos: 2 });
    const second = await device();
    expect(await messagesSoFar(second)).toMatchObject([
      { payload: "a/1", qos: 1, dup: false },
      { payload: "a/2", qos: 2, dup: false },
    ]);
    for (const topic of ["a/0", "a/3"]) await publishAcknowledged(publisher, topic, topic, { qos: 2 });
    expect(await messagesSoFar(second)).toMatchObject([{ payload: "a/0", qos: 0 }]);
  });

  it("keeps a message once where several of its subscriptions match [MQTT-3.3.5-1]", async () => {
    const { publisher, device } = await house();
    const first = await device();
    await first.subscribe({ "a/+": 1, "a/#": 2, "+/b": 0 });
    await first.disconnect();
    await publishAcknowledged(publisher, "a/b", "once", { qos: 2 });
    expect(await messagesSoFar(await device())).toMatchObject([{ payload: "once", qos: 2 }]);
  });

  it("does not get what comes after it has unsubscribed, before or after it was away [MQTT-3.10.4-2]", async () => {
    const { publisher, device } = await house();
    const first = await device();
    await first.subscribe({ a: 1, b: 1 });
    first.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["a"] });
    await first.next("unsuback");
    await first.disconnect();
    await publishAcknowledged(publisher, "a", "a");
    const second = await device();
    expect(await messagesSoFar(second)).toEqual([]);
    second.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["b"] });
    await second.next("unsuback");
    await second.disconnect();
    await publishAcknowledged(publisher, "b", "b");
    expect(await messagesSoFar(await device())).toEqual([]);
  });

  it("keeps the messages of one publisher in their order [MQTT-4.6.0-6]", async () => {
    const { publisher, device } = await house();
    const first = await device();
    await first.subscribe({ a: 1 });
    await first.cut();
    for (const n of numbers(1, 300)) publisher.publish("a", n, { qos: 1, messageId: Number(n) });
    await publisher.ping();
    const second = await device();
    const received: string[] = [];
    while (received.length < 300) {
      const { payload, messageId } = await second.message();
      received.push(payload);
      second.send({ cmd: "puback", messageId: messageId as number });
    }
    expect(received).toEqual(numbers(1, 300));
  });

  it("is discarded, with what waits in it, by a clean one [MQTT-3.1.2-6]", async () => {
    const { publisher, device } = await house();
    const first = await device();
    await first.subscribe({ a: 1 });
    await publishAcknowledged(publisher, "a", "in flight");
    await first.message();
    await first.cut();
    await publishAcknowledged(publisher, "a", "waiting");
    const second = await device(clean);
    await publishAcknowledged(publisher, "a", "later");
    expect(await messagesSoFar(second)).toEqual([]);
    await second.disconnect();
    expect(await messagesSoFar(await device())).toEqual([]);
  });

  it("expires sessions.expirySecondsMax after the device has left, and not before", async () => {
    const clock = new ManualClock();
    const { publisher, device } = await house({ sessions: { expirySecondsMax: 3600 } }, clock);
    const first = await device();
    await first.subscribe({ a: 1 });
    await first.disconnect();
    await publishAcknowledged(publisher, "a", "waits");
    clock.advance(3599_000);
    const second = await device();
    expect(second.sessionPresent).toBe(true);
    expect(await payloadsSoFar(second)).toEqual(["waits"]);
    await second.disconnect();
    clock.advance(3599_000);
    clock.advance(62_000); // expired sessions are looked for once a minute
    const third = await device();
    expect(third.sessionPresent).toBe(false);
    await publishAcknowledged(publisher, "a", "later");
    expect(await messagesSoFar(third)).toEqual([]);
  });

  it("lasts as long as its connection, whatever the expiry [MQTT-4.1.0-1] [MQTT-4.1.0-2]", async () => {
    const clock = new ManualClock();
    const { publisher, device } = await house({ sessions: { expirySecondsMax: 10 } }, clock);
    const first = await device();
    await first.subscribe({ a: 1 });
    clock.advance(3600_000);
    await publishAcknowledged(publisher, "a", "still here");
    expect(await payloadsSoFar(first)).toEqual(["still here"]);
    await first.cut();
    expect((await device()).sessionPresent).toBe(true);
  });
});

describe("a clean session", () => {
  it("ends with its connection [MQTT-3.1.2-6]", async () => {
    const { publisher, device } = await house();
    const first = await device(clean);
    await first.subscribe({ a: 1 });
    await publishAcknowledged(publisher, "a", "in flight");
    await first.message();
    await first.cut();
    await publishAcknowledged(publisher, "a", "away");
    const second = await device(clean);
    await publishAcknowledged(publisher, "a", "later");
    expect(await messagesSoFar(second)).toEqual([]);
  });

  it("that takes over a clean session starts empty [MQTT-3.1.2-6] [MQTT-3.1.4-3]", async () => {
    const { publisher, device } = await house();
    const first = await device(clean);
    await first.subscribe({ a: 1 });
    const second = await device(clean);
    await first.closed;
    await publishAcknowledged(publisher, "a", "later");
    expect(await messagesSoFar(second)).toEqual([]);
  });

  it("leaves nothing to a persistent one that takes it over [MQTT-3.1.4-3]", async () => {
    const { publisher, device } = await house();
    const first = await device(clean);
    await first.subscribe({ a: 1 });
    const second = await device(persistent);
    await first.closed;
    expect(second.sessionPresent).toBe(false);
    await publishAcknowledged(publisher, "a", "later");
    expect(await messagesSoFar(second)).toEqual([]);
  });
});
