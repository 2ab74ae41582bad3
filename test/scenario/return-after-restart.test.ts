import { describe, expect, it } from "vitest";
import { awayDevice } from "../support/away-device.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { restarts } from "../support/restarts.ts";
import { takeAll } from "../support/take-all.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);
const device = (port: number, clientId = "device") => RawClient.connected(port, { clientId, clean: false });

describe.each(["stopped", "killed"] as const)("after the gateway was %s and started again", (how) => {
  async function house(changes: Record<string, object> = {}) {
    const clock = new ManualClock();
    const running = await restarts(root, changes, clock);
    await awayDevice(running.port, "device", { "t/#": 2, "one/#": 1 });
    const publisher = await device(running.port, "publisher");
    return { ...running, clock, publisher };
  }

  it("a device finds its session, its subscriptions and all that waits, in its order, before what is newer", async () => {
    const before = await house();
    for (const n of numbers(1, 30)) {
      await publishAcknowledged(before.publisher, Number(n) % 3 ? "t/1" : "one/1", n, { qos: Number(n) % 2 ? 1 : 2 });
    }
    const { port } = await before[how]();
    const publisher = await RawClient.connected(port);
    for (const n of numbers(31, 40)) await publishAcknowledged(publisher, "t/1", n, { qos: 1 });
    const back = await device(port);
    expect(back.sessionPresent).toBe(true);
    const messages = await messagesSoFar(back);
    expect(messages.map(({ payload }) => payload)).toEqual(numbers(1, 40));
    for (const { payload, qos, dup } of messages) {
      const n = Number(payload);
      expect({ n, qos, dup }).toEqual({ n, qos: n > 30 || n % 2 || n % 3 === 0 ? 1 : 2, dup: false });
    }
  });

  it("a device has a session also where it never subscribed, and whatever number of sessions is allowed by then", async () => {
    const before = await house();
    for (const id of ["a", "b", "c"]) await (await device(before.port, id)).disconnect();
    const { port } = await before[how]({ sessions: { countMax: 1 } });
    for (const id of ["a", "b", "c"]) expect((await device(port, id)).sessionPresent).toBe(true);
  });

  it("what was sent is sent again with DUP under its packet id, and the rest without [MQTT-3.3.1-1] [MQTT-4.4.0-1]", async () => {
    const before = await house({ sessions: { inFlightMax: 4 } });
    for (const n of numbers(1, 8)) {
      await publishAcknowledged(before.publisher, "t/1", n, { qos: Number(n) % 2 ? 1 : 2 });
    }
    const first = await messagesSoFar(await device(before.port));
    expect(first.map(({ payload }) => payload)).toEqual(numbers(1, 4));
    const { port } = await before[how]({ sessions: { inFlightMax: 100 } });
    const again = await messagesSoFar(await device(port));
    expect(again.slice(0, 4)).toEqual(first.map((message) => ({ ...message, dup: true })));
    expect(again.slice(4).map(({ payload, dup }) => ({ payload, dup }))).toEqual(
      numbers(5, 8).map((payload) => ({ payload, dup: false })),
    );
  });

  it("what was acknowledged does not come again", async () => {
    const before = await house();
    for (const n of numbers(1, 6))
      await publishAcknowledged(before.publisher, "t/1", n, { qos: Number(n) % 2 ? 1 : 2 });
    expect(await takeAll(await device(before.port), 6)).toEqual(numbers(1, 6));
    const { port } = await before[how]();
    const back = await device(port);
    await back.ping();
    expect(back.packets).toEqual([]);
  });

  it("a QoS 2 message that was received is not published again, whatever its DUP, until it is released [MQTT-4.3.3-2]", async () => {
    const before = await house();
    for (const messageId of [7, 8]) {
      before.publisher.publish("t/1", `${messageId}`, { qos: 2, messageId });
      await before.publisher.next("pubrec");
    }
    const { port } = await before[how]();
    const publisher = await device(port, "publisher");
    expect(publisher.sessionPresent).toBe(true);
    publisher.publish("t/1", "7", { qos: 2, messageId: 7, dup: true });
    expect(await publisher.next("pubrec")).toMatchObject({ messageId: 7 });
    for (const messageId of [7, 8]) {
      publisher.send({ cmd: "pubrel", messageId });
      expect(await publisher.next("pubcomp")).toMatchObject({ messageId });
    }
    await publishAcknowledged(publisher, "t/1", "another", { qos: 2, messageId: 7 });
    expect(await payloadsSoFar(await device(port))).toEqual(["7", "8", "another"]);
  });

  it("a QoS 2 message that its receiver has is only released, until it is complete [MQTT-4.3.3-1]", async () => {
    const before = await house();
    await publishAcknowledged(before.publisher, "t/1", "once", { qos: 2 });
    const first = await device(before.port);
    const { messageId } = await first.message();
    first.send({ cmd: "pubrec", messageId: messageId as number });
    await first.next("pubrel");
    const middle = await before[how]();
    const second = await device(middle.port);
    expect(await second.next()).toMatchObject({ cmd: "pubrel", messageId });
    second.send({ cmd: "pubcomp", messageId: messageId as number });
    await second.ping();
    const last = await middle[how]();
    const third = await device(last.port);
    await third.ping();
    expect([...second.packets, ...third.packets]).toEqual([]);
  });

  it("retained messages are there, as they were last", async () => {
    const before = await house();
    for (const [topic, payload] of [
      ["r/1", "old"],
      ["r/1", "last"],
      ["r/2", "gone"],
      ["r/2", ""],
      ["r/3", "kept"],
    ] as const) {
      await publishAcknowledged(before.publisher, topic, payload, { qos: 1, retain: true });
    }
    const { port } = await before[how]();
    const reader = await RawClient.connected(port);
    await reader.subscribe({ "r/#": 1 });
    const found = (await messagesSoFar(reader)).map(({ topic, payload, retain }) => ({ topic, payload, retain }));
    expect(found.sort((a, b) => (a.topic < b.topic ? -1 : 1))).toEqual([
      { topic: "r/1", payload: "last", retain: true },
      { topic: "r/3", payload: "kept", retain: true },
    ]);
  });

  it("a subscription that was given up stays so, and a session that was discarded has nothing left", async () => {
    const before = await house();
    await awayDevice(before.port, "other", { "t/#": 1 });
    await publishAcknowledged(before.publisher, "t/1", "discarded");
    const client = await device(before.port);
    client.send({ cmd: "unsubscribe", messageId: 9, unsubscriptions: ["t/#"] });
    await client.next("unsuback");
    await (await RawClient.connected(before.port, { clientId: "other", clean: true })).disconnect();
    const { port } = await before[how]();
    const publisher = await RawClient.connected(port);
    await publishAcknowledged(publisher, "t/1", "later");
    expect(await payloadsSoFar(await device(port))).toEqual(["discarded"]);
    const other = await device(port, "other");
    expect(other.sessionPresent).toBe(false);
    expect(await messagesSoFar(other)).toEqual([]);
  });
});
