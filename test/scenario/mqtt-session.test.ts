import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

const persistent = { clientId: "device", clean: false };
const clean = { clientId: "device", clean: true };

/** A publisher, and a way to connect the device. */
async function house(changes: object = {}, clock?: ManualClock) {
  const running = await startGateway(changes, clock);
  const publisher = await RawClient.connected(running.port, { clientId: "publisher" });
  const device = (options: { clientId: string; clean: boolean } = persistent) =>
    RawClient.connected(running.port, options);
  return { ...running, publisher, device };
}

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

describe("takeover", () => {
  it.each([clean, persistent])("closes the connection that has the client id so far: %j [MQTT-3.1.4-2]", async (options) => {
    const { log, device } = await house();
    const first = await device(options);
    const second = await device(options);
    await first.closed;
    await second.ping();
    expect(log.complaints).toEqual([]);
  });

  it("hands on a session with messages in flight: they are sent again, in order, before what is newer [MQTT-4.4.0-1]", async () => {
    const { publisher, device } = await house({ sessions: { inFlightMax: 10 } });
    const first = await device();
    await first.subscribe({ a: 2 });
    for (const n of numbers(1, 15)) publisher.publish("a", n, { qos: Number(n) % 2 === 0 ? 2 : 1, messageId: Number(n) });
    await publisher.ping();
    const before = await messagesSoFar(first);
    expect(before.map(({ payload }) => payload)).toEqual(numbers(1, 10));
    const second = await device();
    await first.closed;
    expect(second.sessionPresent).toBe(true);
    expect(await messagesSoFar(second)).toEqual(before.map((message) => ({ ...message, dup: true })));
    for (const { messageId, qos } of before) {
      second.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId: messageId as number });
      if (qos === 2) second.send({ cmd: "pubcomp", messageId: messageId as number });
    }
    expect((await messagesSoFar(second)).map(({ payload, dup }) => [payload, dup])).toEqual(
      numbers(11, 15).map((n) => [n, false]),
    );
  });

  it("loses and doubles nothing that is published meanwhile", async () => {
    const { publisher, device } = await house();
    let client = await device();
    await client.subscribe({ a: 1 });
    const received: string[] = [];
    for (let n = 0; n < 100; n++) {
      publisher.publish("a", `${n}`, { qos: 1, messageId: n + 1 });
      if (n % 10 !== 5) continue;
      const next = device();
      publisher.publish("a", `${n}+`, { qos: 1, messageId: 1000 + n });
      client = await next;
      for (const { payload, messageId } of await messagesSoFar(client)) {
        received.push(payload);
        client.send({ cmd: "puback", messageId: messageId as number });
      }
      await client.ping();
    }
    await publisher.ping();
    received.push(...(await payloadsSoFar(client)));
    const expected = Array.from({ length: 100 }, (_, n) => (n % 10 === 5 ? [`${n}`, `${n}+`] : [`${n}`])).flat();
    expect(received).toEqual(expected);
  });

  it("by many at once leaves the last one connected, and nobody else disturbed", async () => {
    const { port, publisher, gateway } = await house();
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(port)));
    for (const client of clients) client.connect(persistent);
    const open = () => clients.filter(({ isClosed }) => !isClosed);
    await Promise.race([Promise.all(clients.map(({ closed }) => closed)), onlyOneLeft(clients)]);
    expect(open()).toHaveLength(1);
    await open()[0]?.ping();
    await publisher.ping();
    expect(Object.keys(gateway.broker.clients).sort()).toEqual(["device", "publisher"]);
  });
});

async function onlyOneLeft(clients: RawClient[]): Promise<void> {
  while (clients.filter(({ isClosed }) => !isClosed).length > 1) {
    await Promise.race(clients.filter(({ isClosed }) => !isClosed).map(({ closed }) => closed));
  }
}

describe("a mailbox that fills while its device is away", () => {
  async function awayWhileEightCome(whenFull: string) {
    const running = await house({ mailboxes: { messagesMax: 5, whenFull } });
    const first = await running.device();
    await first.subscribe({ a: 1 });
    await first.disconnect();
    for (const n of numbers(1, 8)) await publishAcknowledged(running.publisher, "a", n);
    return running;
  }

  it("keeps the oldest with reject-newest, and says so once", async () => {
    const { device, log } = await awayWhileEightCome("reject-newest");
    expect(await payloadsSoFar(await device())).toEqual(numbers(1, 5));
    expect(log.complaints).toHaveLength(1);
    expect(log.complaints[0]?.fields).toMatchObject({ device: "device", reason: "mailbox-full" });
  });

  it("keeps the newest with remove-oldest, and says so once", async () => {
    const { device, log } = await awayWhileEightCome("remove-oldest");
    expect(await payloadsSoFar(await device())).toEqual(numbers(4, 8));
    expect(log.complaints).toHaveLength(1);
    expect(log.complaints[0]?.fields).toMatchObject({ device: "device", reason: "mailbox-removed" });
  });

  it.each(["reject-newest", "remove-oldest"])("leaves nothing in the store when all is settled: %s", async (whenFull) => {
    const { device, gateway } = await awayWhileEightCome(whenFull);
    const client = await device();
    for (const { messageId } of await messagesSoFar(client)) {
      client.send({ cmd: "puback", messageId: messageId as number });
    }
    await client.ping();
    expect(await gateway.broker.store.outgoingStream({ id: "device" }).toArray()).toEqual([]);
  });

  it("is limited in bytes too", async () => {
    const { publisher, device } = await house({ mailboxes: { bytesMax: 10_000 } });
    const first = await device();
    await first.subscribe({ a: 1 });
    await first.disconnect();
    for (const size of [4000, 4000, 4000, 1]) await publishAcknowledged(publisher, "a", "x".repeat(size));
    expect((await payloadsSoFar(await device())).map(({ length }) => length)).toEqual([4000, 4000, 1]);
  });

  it("does not touch what is in flight", async () => {
    const { publisher, device } = await house({ mailboxes: { messagesMax: 2 }, sessions: { inFlightMax: 3 } });
    const first = await device();
    await first.subscribe({ a: 1 });
    for (const n of numbers(1, 9)) await publishAcknowledged(publisher, "a", n);
    await first.cut();
    const second = await device();
    for (const n of numbers(1, 3)) expect(await second.message()).toMatchObject({ payload: n, dup: true });
    for (const { messageId } of await messagesSoFar(second)) expect(messageId).toBeUndefined();
    expect(await messagesSoFar(second)).toEqual([]);
  });
});
