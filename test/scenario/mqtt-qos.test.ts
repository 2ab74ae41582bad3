import { describe, expect, it } from "vitest";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

/** A publisher, and a subscriber to `t/#` with a persistent session. */
async function pair(qos: 0 | 1 | 2, changes: object = {}) {
  const running = await startGateway(changes);
  const publisher = await RawClient.connected(running.port, { clientId: "publisher", clean: false });
  const subscriber = await RawClient.connected(running.port, { clientId: "subscriber", clean: false });
  await subscriber.subscribe({ "t/#": qos });
  const back = () => RawClient.connected(running.port, { clientId: "subscriber", clean: false });
  return { ...running, publisher, subscriber, back };
}

/** Publishes numbered messages at one QoS, and waits until the gateway has taken all. */
async function publishNumbered(publisher: RawClient, qos: 0 | 1 | 2, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) publisher.publish("t/n", `${n}`, { qos, messageId: n });
  await publisher.ping();
  if (qos === 2) for (let n = from; n <= to; n++) publisher.send({ cmd: "pubrel", messageId: n });
  await publisher.ping();
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);
const idsOf = (client: RawClient, cmd: string) =>
  client.packets.filter((packet) => packet.cmd === cmd).map(({ messageId }) => messageId);

describe("QoS 1 from a client", () => {
  it("is published once and answered with PUBACK [MQTT-4.3.2-2]", async () => {
    const { publisher, subscriber } = await pair(1);
    await publishAcknowledged(publisher, "t/a", "one", { qos: 1, messageId: 5 });
    expect(await payloadsSoFar(subscriber)).toEqual(["one"]);
  });

  it("is a new publication when its packet id comes again after PUBACK, whatever DUP says [MQTT-4.3.2-2]", async () => {
    const { publisher, subscriber } = await pair(1);
    publisher.publish("t/a", "one", { qos: 1, messageId: 5 });
    publisher.publish("t/a", "one", { qos: 1, messageId: 5, dup: true });
    await publisher.ping();
    expect(idsOf(publisher, "puback")).toEqual([5, 5]);
    expect(await messagesSoFar(subscriber)).toMatchObject([
      { payload: "one", dup: false },
      { payload: "one", dup: false },
    ]);
  });

  it("is answered in the order in which the messages came [MQTT-4.6.0-2]", async () => {
    const { publisher } = await pair(1);
    const ids = [9, 3, 700, 1, 2];
    for (const messageId of ids) publisher.publish("t/a", "x", { qos: 1, messageId });
    await publisher.ping();
    expect(idsOf(publisher, "puback")).toEqual(ids);
  });

  it.each([
    [1, "puback", "[MQTT-4.6.0-2]"],
    [2, "pubrec", "[MQTT-4.6.0-3]"],
  ] as const)(
    "QoS %i is answered (%s) in order where the store takes its time for the first %s",
    async (qos, answer) => {
      const { gateway, publisher, subscriber } = await pair(2);
      await subscriber.disconnect();
      let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
      const { store } = gateway.broker;
      const enqueue = store.outgoingEnqueue.bind(store);
      store.outgoingEnqueue = (receiver, packet) => released.then(() => enqueue(receiver, packet));
      publisher.publish("t/slow", "first", { qos, messageId: 1 });
      publisher.publish("nobody", "second", { qos, messageId: 2 });
      await publisher.ping();
      const before = idsOf(publisher, answer);
      release();
      while (idsOf(publisher, answer).length < 2) await publisher.ping();
      expect(before).toEqual([]);
      expect(idsOf(publisher, answer)).toEqual([1, 2]);
    },
  );
});

describe("QoS 2 from a client", () => {
  it("is answered with PUBREC, and PUBREL with PUBCOMP, all with the same packet id [MQTT-4.3.3-2]", async () => {
    const { publisher, subscriber } = await pair(2);
    publisher.publish("t/a", "once", { qos: 2, messageId: 77 });
    expect(await publisher.next()).toMatchObject({ cmd: "pubrec", messageId: 77 });
    publisher.send({ cmd: "pubrel", messageId: 77 });
    expect(await publisher.next()).toMatchObject({ cmd: "pubcomp", messageId: 77 });
    expect(await payloadsSoFar(subscriber)).toEqual(["once"]);
  });

  it("is published once, however often it is repeated before PUBREL [MQTT-4.3.3-2]", async () => {
    const { publisher, subscriber } = await pair(2);
    publisher.publish("t/a", "once", { qos: 2, messageId: 5 });
    publisher.publish("t/a", "once", { qos: 2, messageId: 5, dup: true });
    publisher.publish("t/a", "once", { qos: 2, messageId: 5, dup: true });
    await publisher.ping();
    expect(idsOf(publisher, "pubrec")).toEqual([5, 5, 5]);
    expect(await payloadsSoFar(subscriber)).toEqual(["once"]);
  });

  it("is a new message when its packet id comes again after PUBREL [MQTT-4.3.3-2]", async () => {
    const { publisher, subscriber } = await pair(2);
    await publishAcknowledged(publisher, "t/a", "one", { qos: 2, messageId: 5 });
    await publishAcknowledged(publisher, "t/a", "two", { qos: 2, messageId: 5 });
    expect(await payloadsSoFar(subscriber)).toEqual(["one", "two"]);
  });

  it.each(["cut", "taken over"])(
    "is published once when it is repeated after the connection was %s [MQTT-4.3.3-2]",
    async (how) => {
      const { port, publisher, subscriber } = await pair(2);
      publisher.publish("t/a", "once", { qos: 2, messageId: 5 });
      await publisher.next("pubrec");
      if (how === "cut") await publisher.cut();
      const again = await RawClient.connected(port, { clientId: "publisher", clean: false });
      expect(again.sessionPresent).toBe(true);
      again.publish("t/a", "once", { qos: 2, messageId: 5, dup: true });
      expect(await again.next()).toMatchObject({ cmd: "pubrec", messageId: 5 });
      again.send({ cmd: "pubrel", messageId: 5 });
      expect(await again.next()).toMatchObject({ cmd: "pubcomp", messageId: 5 });
      expect(await payloadsSoFar(subscriber)).toEqual(["once"]);
    },
  );

  it("is a new message after a clean session, which forgets packet ids [MQTT-3.1.2-6]", async () => {
    const { port, publisher, subscriber } = await pair(2);
    publisher.publish("t/a", "one", { qos: 2, messageId: 5 });
    await publisher.next("pubrec");
    await publisher.cut();
    const clean = await RawClient.connected(port, { clientId: "publisher", clean: true });
    clean.publish("t/a", "two", { qos: 2, messageId: 5, dup: true });
    await clean.next("pubrec");
    expect(await payloadsSoFar(subscriber)).toEqual(["one", "two"]);
  });

  it("gets PUBCOMP for the PUBREL of a packet id that is not known [MQTT-4.3.3-2]", async () => {
    const { publisher } = await pair(2);
    publisher.send({ cmd: "pubrel", messageId: 4711 });
    expect(await publisher.next()).toMatchObject({ cmd: "pubcomp", messageId: 4711 });
  });

  it("keeps the order of a repeated message and the one after it [MQTT-4.6.0-5] [MQTT-4.6.0-6]", async () => {
    const { publisher, subscriber } = await pair(2);
    publisher.socket.cork();
    publisher.publish("t/a", "first", { qos: 2, messageId: 1, dup: true });
    publisher.publish("t/a", "second", { qos: 2, messageId: 2 });
    publisher.socket.uncork();
    await publisher.next("pubrec");
    await publisher.next("pubrec");
    expect(await payloadsSoFar(subscriber)).toEqual(["first", "second"]);
  });

  it("is answered in the order in which the messages came [MQTT-4.6.0-3]", async () => {
    const { publisher } = await pair(2);
    const ids = [9, 3, 700, 1, 2];
    for (const messageId of ids) publisher.publish("t/a", "x", { qos: 2, messageId, dup: messageId === 3 });
    await publisher.ping();
    expect(idsOf(publisher, "pubrec")).toEqual(ids);
  });

  it("is answered after a takeover only when the store has accepted it, and published once [MQTT-4.3.3-2]", async () => {
    const { gateway, port, publisher, subscriber } = await pair(2);
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { store } = gateway.broker;
    const keep = store.incomingStorePacket.bind(store);
    store.incomingStorePacket = (client, packet) => released.then(() => keep(client, packet));
    publisher.publish("t/a", "once", { qos: 2, messageId: 5 });
    await publisher.ping();
    const again = await RawClient.connected(port, { clientId: "publisher", clean: false });
    again.publish("t/a", "once", { qos: 2, messageId: 5, dup: true });
    await again.ping();
    const before = idsOf(again, "pubrec");
    release();
    expect(await again.next()).toMatchObject({ cmd: "pubrec", messageId: 5 });
    expect(before).toEqual([]);
    expect(await payloadsSoFar(subscriber)).toEqual(["once"]);
  });

  it("may have inboundInFlightMax unfinished handshakes; one more closes the connection", async () => {
    const { publisher, subscriber } = await pair(2, { sessions: { inboundInFlightMax: 3 } });
    for (const messageId of [1, 2, 3, 4]) publisher.publish("t/a", `${messageId}`, { qos: 2, messageId });
    await publisher.closed;
    expect(idsOf(publisher, "pubrec")).toEqual([1, 2, 3]);
    expect(await payloadsSoFar(subscriber)).toEqual(["1", "2", "3"]);
  });
});

describe("QoS 1 to a client", () => {
  it("waits for PUBACK, and is not sent again on the same connection [MQTT-4.3.2-1]", async () => {
    const { publisher, subscriber, back } = await pair(1);
    await publishAcknowledged(publisher, "t/a", "one");
    expect(await subscriber.message()).toMatchObject({ payload: "one", qos: 1, dup: false });
    await subscriber.ping();
    expect(await messagesSoFar(subscriber)).toEqual([]);
    await subscriber.cut();
    const again = await back();
    expect(await again.message()).toMatchObject({ payload: "one", qos: 1, dup: true });
  });

  it("is over with PUBACK: the message is not sent again [MQTT-4.3.2-1]", async () => {
    const { publisher, subscriber, back } = await pair(1);
    await publishAcknowledged(publisher, "t/a", "one");
    const { messageId } = await subscriber.message();
    subscriber.send({ cmd: "puback", messageId: messageId as number });
    await subscriber.ping();
    await subscriber.cut();
    expect(await messagesSoFar(await back())).toEqual([]);
  });

  it("is not over with PUBREC or PUBCOMP, or with the PUBACK of another message", async () => {
    const { publisher, subscriber, back } = await pair(1);
    await publishAcknowledged(publisher, "t/a", "one");
    const messageId = (await subscriber.message()).messageId as number;
    subscriber.send({ cmd: "pubrec", messageId });
    subscriber.send({ cmd: "pubcomp", messageId });
    subscriber.send({ cmd: "puback", messageId: messageId === 1 ? 2 : messageId - 1 });
    await subscriber.ping();
    await subscriber.cut();
    expect(await messagesSoFar(await back())).toMatchObject([{ payload: "one", dup: true, messageId }]);
  });
});

describe("QoS 2 to a client", () => {
  it("is PUBLISH, PUBREC, PUBREL, PUBCOMP with one packet id [MQTT-4.3.3-1]", async () => {
    const { publisher, subscriber, back } = await pair(2);
    await publishAcknowledged(publisher, "t/a", "once", { qos: 2 });
    const { messageId, qos, dup } = await subscriber.message();
    expect({ qos, dup }).toEqual({ qos: 2, dup: false });
    subscriber.send({ cmd: "pubrec", messageId: messageId as number });
    expect(await subscriber.next()).toMatchObject({ cmd: "pubrel", messageId });
    subscriber.send({ cmd: "pubcomp", messageId: messageId as number });
    await subscriber.ping();
    await subscriber.cut();
    const again = await back();
    await again.ping();
    expect(again.packets).toEqual([]);
  });

  it("is not sent again after PUBREC: only PUBREL is [MQTT-4.3.3-1] [MQTT-4.4.0-1]", async () => {
    const { publisher, subscriber, back } = await pair(2);
    await publishAcknowledged(publisher, "t/a", "once", { qos: 2 });
    const messageId = (await subscriber.message()).messageId as number;
    subscriber.send({ cmd: "pubrec", messageId });
    await subscriber.next("pubrel");
    await subscriber.cut();
    for (let times = 0; times < 2; times++) {
      const client = await back();
      await client.ping();
      expect(client.packets).toMatchObject([{ cmd: "pubrel", messageId }]);
    }
  });

  it("is sent again, with DUP, where PUBREC has not come [MQTT-4.3.3-1] [MQTT-4.4.0-1]", async () => {
    const { publisher, subscriber, back } = await pair(2);
    await publishAcknowledged(publisher, "t/a", "once", { qos: 2 });
    const { messageId } = await subscriber.message();
    await subscriber.cut();
    expect(await (await back()).message()).toMatchObject({ payload: "once", qos: 2, dup: true, messageId });
  });

  it("answers PUBRECs with PUBRELs in their order [MQTT-4.6.0-4]", async () => {
    const { publisher, subscriber } = await pair(2);
    await publishNumbered(publisher, 2, 1, 4);
    const ids = (await messagesSoFar(subscriber)).map(({ messageId }) => messageId as number);
    const shuffled = [ids[2], ids[0], ids[3], ids[1]] as number[];
    for (const messageId of shuffled) subscriber.send({ cmd: "pubrec", messageId });
    await subscriber.ping();
    expect(idsOf(subscriber, "pubrel")).toEqual(shuffled);
  });

  it("answers a PUBREC with PUBREL however often it comes, and whether the id is known or not", async () => {
    const { publisher, subscriber } = await pair(2);
    await publishAcknowledged(publisher, "t/a", "once", { qos: 2 });
    const messageId = (await subscriber.message()).messageId as number;
    const unknown = messageId === 9 ? 10 : 9;
    for (const id of [messageId, messageId, unknown]) subscriber.send({ cmd: "pubrec", messageId: id });
    await subscriber.ping();
    expect(idsOf(subscriber, "pubrel")).toEqual([messageId, messageId, unknown]);
  });

  it("survives a PUBCOMP that comes before PUBREC", async () => {
    const { publisher, subscriber, back } = await pair(2);
    await publishAcknowledged(publisher, "t/a", "once", { qos: 2 });
    const messageId = (await subscriber.message()).messageId as number;
    subscriber.send({ cmd: "pubcomp", messageId });
    await subscriber.ping();
    await subscriber.cut();
    expect(await (await back()).message()).toMatchObject({ payload: "once", dup: true, messageId });
  });
});

describe("order and window", () => {
  it.each([1, 2] as const)(
    "resends unacknowledged QoS %i publishes on reconnect in order, with DUP and the same packet id [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1]",
    async (qos) => {
      const { publisher, subscriber, back } = await pair(2);
      await publishNumbered(publisher, qos, 1, 10);
      const first = await messagesSoFar(subscriber);
      await subscriber.cut();
      const second = await messagesSoFar(await back());
      expect(first.map(({ payload }) => payload)).toEqual(numbers(1, 10));
      expect(second).toEqual(first.map((message) => ({ ...message, dup: true })));
    },
  );

  it("resends what is left after some acknowledgements came out of order [MQTT-4.4.0-1] [MQTT-4.6.0-1]", async () => {
    const { publisher, subscriber, back } = await pair(1);
    await publishNumbered(publisher, 1, 1, 6);
    const first = await messagesSoFar(subscriber);
    for (const n of [5, 2, 3]) subscriber.send({ cmd: "puback", messageId: first[n - 1]?.messageId as number });
    await subscriber.ping();
    await subscriber.cut();
    const second = await messagesSoFar(await back());
    expect(second).toEqual([1, 4, 6].map((n) => ({ ...first[n - 1], dup: true })));
  });

  it.each([1, 2] as const)(
    "sends at most 100 unacknowledged QoS %i messages; the rest follows as they are settled, in order",
    async (qos) => {
      const { publisher, subscriber } = await pair(2);
      await publishNumbered(publisher, qos, 1, 250);
      const first = await messagesSoFar(subscriber);
      expect(first.map(({ payload }) => payload)).toEqual(numbers(1, 100));
      const received = [...first];
      for (let n = 0; n < 250; n++) {
        const messageId = (received[n] ?? (await subscriber.message())).messageId as number;
        subscriber.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId });
        if (qos === 2) subscriber.send({ cmd: "pubcomp", messageId });
        received.push(...(await messagesSoFar(subscriber)));
        expect(received.length).toBe(Math.min(250, 101 + n));
      }
      expect(received.map(({ payload }) => payload)).toEqual(numbers(1, 250));
    },
  );

  it("keeps a QoS 2 message in the window until PUBCOMP", async () => {
    const { publisher, subscriber } = await pair(2, { sessions: { inFlightMax: 1 } });
    await publishNumbered(publisher, 2, 1, 2);
    const messageId = (await subscriber.message()).messageId as number;
    subscriber.send({ cmd: "pubrec", messageId });
    expect(await messagesSoFar(subscriber)).toEqual([]);
    subscriber.send({ cmd: "pubcomp", messageId });
    expect(await payloadsSoFar(subscriber)).toEqual(["2"]);
  });

  it("has a window of sessions.inFlightMax, across reconnects too", async () => {
    const { publisher, subscriber, back } = await pair(1, { sessions: { inFlightMax: 3 } });
    await publishNumbered(publisher, 1, 1, 8);
    expect(await payloadsSoFar(subscriber)).toEqual(numbers(1, 3));
    await subscriber.cut();
    const again = await back();
    const resent = await messagesSoFar(again);
    expect(resent.map(({ payload, dup }) => [payload, dup])).toEqual(numbers(1, 3).map((n) => [n, true]));
    again.send({ cmd: "puback", messageId: resent[0]?.messageId as number });
    expect(await messagesSoFar(again)).toMatchObject([{ payload: "4", dup: false }]);
  });

  it("never lets newer messages overtake those that are sent again [MQTT-4.6.0-1] [MQTT-4.6.0-6]", async () => {
    const { publisher, subscriber, back } = await pair(1, { sessions: { inFlightMax: 5 } });
    await publishNumbered(publisher, 1, 1, 8);
    await messagesSoFar(subscriber);
    await subscriber.cut();
    await publishNumbered(publisher, 1, 9, 12);
    const again = await back();
    publisher.publish("t/n", "13", { qos: 1, messageId: 13 });
    const received: string[] = [];
    while (received.length < 13) {
      const { payload, messageId } = await again.message();
      received.push(payload);
      again.send({ cmd: "puback", messageId: messageId as number });
    }
    expect(received).toEqual(numbers(1, 13));
    expect(await messagesSoFar(again)).toEqual([]);
  });

  it.each([0, 1, 2] as const)(
    "keeps the order of a publisher's QoS %i messages on one topic [MQTT-4.6.0-5] [MQTT-4.6.0-6]",
    async (qos) => {
      const { publisher, subscriber } = await pair(2, { sessions: { inFlightMax: 1000 } });
      await publishNumbered(publisher, qos, 1, 500);
      expect(await payloadsSoFar(subscriber)).toEqual(numbers(1, 500));
    },
  );

  it("gives no packet id that is in use, however many messages later [MQTT-2.3.1-4] [MQTT-4.3.2-1]", async () => {
    const { port, publisher, subscriber } = await pair(1);
    const other = await RawClient.connected(port, { clientId: "other" });
    await other.subscribe({ other: 0 });
    await publishAcknowledged(publisher, "t/a", "first");
    const first = await subscriber.message();
    // A whole round of packet ids, less one: the next message would have the first one's.
    const flood = Buffer.concat(
      new Array(65_534).fill(Buffer.from("30080005 6f74686572 78".replaceAll(" ", ""), "hex")),
    );
    publisher.bytes(flood);
    await publisher.ping();
    await publishAcknowledged(publisher, "t/a", "second");
    await publishAcknowledged(publisher, "t/a", "third");
    const ids = [first, ...(await messagesSoFar(subscriber))].map(({ messageId }) => messageId);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(3);
  });
});
