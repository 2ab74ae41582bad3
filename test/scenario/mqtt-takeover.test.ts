import { describe, expect, it } from "vitest";
import { house } from "../support/house.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";

const persistent = { clientId: "device", clean: false };
const clean = { clientId: "device", clean: true };
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

describe("takeover", () => {
  it.each([clean, persistent])(
    "closes the connection that has the client id so far: %j [MQTT-3.1.4-2]",
    async (options) => {
      const { log, device } = await house();
      const first = await device(options);
      const second = await device(options);
      await first.closed;
      await second.ping();
      expect(log.complaints).toEqual([]);
    },
  );

  it("hands on a session with messages in flight: they are sent again, in order, before what is newer [MQTT-4.4.0-1]", async () => {
    const { publisher, device } = await house({ sessions: { inFlightMax: 10 } });
    const first = await device();
    await first.subscribe({ a: 2 });
    for (const n of numbers(1, 15))
      publisher.publish("a", n, { qos: Number(n) % 2 === 0 ? 2 : 1, messageId: Number(n) });
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

  it("leaves device and store agreed on a subscription that the store was just taking up", async () => {
    const { gateway, publisher, device } = await house();
    const { store } = gateway.broker;
    const add = store.addSubscriptions.bind(store);
    let release: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      store.addSubscriptions = (client, subscriptions) =>
        new Promise<void>((released) => {
          release = released;
          resolve();
        }).then(() => add(client, subscriptions));
    });
    const first = await device();
    first.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] });
    await asked;
    const second = await device();
    await first.closed;
    release();
    await second.ping();
    expect(await store.subscriptionsByClient({ id: "device" })).toMatchObject([{ topic: "a", qos: 1 }]);
    await publishAcknowledged(publisher, "a", "x");
    expect(await payloadsSoFar(second)).toEqual(["x"]);
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
