import { describe, expect, it } from "vitest";
import { devicePair } from "../support/device-pair.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { packetIds } from "../support/packet-ids.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";

/** A promise and what resolves it. */
function gate() {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { released, release };
}

describe("QoS 1 from a client", () => {
  it("is published once and answered with PUBACK [MQTT-4.3.2-2]", async () => {
    const { publisher, subscriber } = await devicePair(1);
    await publishAcknowledged(publisher, "t/a", "one", { qos: 1, messageId: 5 });
    expect(await payloadsSoFar(subscriber)).toEqual(["one"]);
  });

  it("is a new publication when its packet id comes again after PUBACK, whatever DUP says [MQTT-4.3.2-2]", async () => {
    const { publisher, subscriber } = await devicePair(1);
    publisher.publish("t/a", "one", { qos: 1, messageId: 5 });
    publisher.publish("t/a", "one", { qos: 1, messageId: 5, dup: true });
    await publisher.ping();
    expect(packetIds(publisher, "puback")).toEqual([5, 5]);
    expect(await messagesSoFar(subscriber)).toMatchObject([
      { payload: "one", dup: false },
      { payload: "one", dup: false },
    ]);
  });

  it("is answered in the order in which the messages came [MQTT-4.6.0-2]", async () => {
    const { publisher } = await devicePair(1);
    const ids = [9, 3, 700, 1, 2];
    for (const messageId of ids) publisher.publish("t/a", "x", { qos: 1, messageId });
    await publisher.ping();
    expect(packetIds(publisher, "puback")).toEqual(ids);
  });

  it.each([
    [1, "puback", "[MQTT-4.6.0-2]"],
    [2, "pubrec", "[MQTT-4.6.0-3]"],
  ] as const)(
    "QoS %i is answered (%s) in order where the store takes its time for the first %s",
    async (qos, answer, _statement) => {
      const { gateway, publisher, subscriber } = await devicePair(2);
      await subscriber.disconnect();
      const { released, release } = gate();
      const { store } = gateway.broker;
      const keep = store.keep.bind(store);
      store.keep = (...args) => {
        const stored = keep(...args);
        const whenAccepted = (done: (error?: unknown) => void) => void released.then(() => stored.whenAccepted(done));
        return { accepted: false, whenAccepted };
      };
      publisher.publish("t/slow", "first", { qos, messageId: 1 });
      publisher.publish("nobody", "second", { qos, messageId: 2 });
      await publisher.ping();
      const before = packetIds(publisher, answer);
      release();
      while (packetIds(publisher, answer).length < 2) await publisher.ping();
      expect(before).toEqual([]);
      expect(packetIds(publisher, answer)).toEqual([1, 2]);
    },
  );
});

describe("QoS 2 from a client", () => {
  it("is answered with PUBREC, and PUBREL with PUBCOMP, all with the same packet id [MQTT-4.3.3-2]", async () => {
    const { publisher, subscriber } = await devicePair(2);
    publisher.publish("t/a", "once", { qos: 2, messageId: 77 });
    expect(await publisher.next()).toMatchObject({ cmd: "pubrec", messageId: 77 });
    publisher.send({ cmd: "pubrel", messageId: 77 });
    expect(await publisher.next()).toMatchObject({ cmd: "pubcomp", messageId: 77 });
    expect(await payloadsSoFar(subscriber)).toEqual(["once"]);
  });

  it("is published once, however often it is repeated before PUBREL [MQTT-4.3.3-2]", async () => {
    const { publisher, subscriber } = await devicePair(2);
    publisher.publish("t/a", "once", { qos: 2, messageId: 5 });
    publisher.publish("t/a", "once", { qos: 2, messageId: 5, dup: true });
    publisher.publish("t/a", "once", { qos: 2, messageId: 5, dup: true });
    await publisher.ping();
    expect(packetIds(publisher, "pubrec")).toEqual([5, 5, 5]);
    expect(await payloadsSoFar(subscriber)).toEqual(["once"]);
  });

  it("is a new message when its packet id comes again after PUBREL [MQTT-4.3.3-2]", async () => {
    const { publisher, subscriber } = await devicePair(2);
    await publishAcknowledged(publisher, "t/a", "one", { qos: 2, messageId: 5 });
    await publishAcknowledged(publisher, "t/a", "two", { qos: 2, messageId: 5 });
    expect(await payloadsSoFar(subscriber)).toEqual(["one", "two"]);
  });

  it.each(["cut", "taken over"])(
    "is published once when it is repeated after the connection was %s [MQTT-4.3.3-2]",
    async (how) => {
      const { port, publisher, subscriber } = await devicePair(2);
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
    const { port, publisher, subscriber } = await devicePair(2);
    publisher.publish("t/a", "one", { qos: 2, messageId: 5 });
    await publisher.next("pubrec");
    await publisher.cut();
    const clean = await RawClient.connected(port, { clientId: "publisher", clean: true });
    clean.publish("t/a", "two", { qos: 2, messageId: 5, dup: true });
    await clean.next("pubrec");
    expect(await payloadsSoFar(subscriber)).toEqual(["one", "two"]);
  });

  it("gets PUBCOMP for the PUBREL of a packet id that is not known [MQTT-4.3.3-2]", async () => {
    const { publisher } = await devicePair(2);
    publisher.send({ cmd: "pubrel", messageId: 4711 });
    expect(await publisher.next()).toMatchObject({ cmd: "pubcomp", messageId: 4711 });
  });

  it("keeps the order of a repeated message and the one after it [MQTT-4.6.0-5] [MQTT-4.6.0-6]", async () => {
    const { publisher, subscriber } = await devicePair(2);
    publisher.socket.cork();
    publisher.publish("t/a", "first", { qos: 2, messageId: 1, dup: true });
    publisher.publish("t/a", "second", { qos: 2, messageId: 2 });
    publisher.socket.uncork();
    await publisher.next("pubrec");
    await publisher.next("pubrec");
    expect(await payloadsSoFar(subscriber)).toEqual(["first", "second"]);
  });

  it("is answered in the order in which the messages came [MQTT-4.6.0-3]", async () => {
    const { publisher } = await devicePair(2);
    const ids = [9, 3, 700, 1, 2];
    for (const messageId of ids) publisher.publish("t/a", "x", { qos: 2, messageId, dup: messageId === 3 });
    await publisher.ping();
    expect(packetIds(publisher, "pubrec")).toEqual(ids);
  });

  it("is answered after a takeover only when the store has accepted it, and published once [MQTT-4.3.3-2]", async () => {
    const { gateway, port, publisher, subscriber } = await devicePair(2);
    const { released, release } = gate();
    const { store } = gateway.broker;
    const keep = store.incomingStorePacket.bind(store);
    store.incomingStorePacket = (client, packet) => released.then(() => keep(client, packet));
    publisher.publish("t/a", "once", { qos: 2, messageId: 5 });
    await publisher.ping();
    const again = await RawClient.connected(port, { clientId: "publisher", clean: false });
    again.publish("t/a", "once", { qos: 2, messageId: 5, dup: true });
    await again.ping();
    const before = packetIds(again, "pubrec");
    release();
    expect(await again.next()).toMatchObject({ cmd: "pubrec", messageId: 5 });
    expect(before).toEqual([]);
    expect(await payloadsSoFar(subscriber)).toEqual(["once"]);
  });

  it("may have inboundInFlightMax unfinished handshakes; one more closes the connection", async () => {
    const { publisher, subscriber } = await devicePair(2, { sessions: { inboundInFlightMax: 3 } });
    for (const messageId of [1, 2, 3, 4]) publisher.publish("t/a", `${messageId}`, { qos: 2, messageId });
    await publisher.closed;
    expect(packetIds(publisher, "pubrec")).toEqual([1, 2, 3]);
    expect(await payloadsSoFar(subscriber)).toEqual(["1", "2", "3"]);
  });
});

describe("a store that fails", () => {
  it("costs the publisher its connection, not its message: no PUBACK comes [MQTT-4.8.0-2]", async () => {
    const { gateway, publisher, subscriber } = await devicePair(1);
    await subscriber.disconnect();
    const whenAccepted = (done: (error?: unknown) => void) => done(new Error("the disk is full"));
    gateway.broker.store.keep = () => ({ accepted: false, whenAccepted });
    publisher.publish("t/a", "x", { qos: 1, messageId: 1 });
    await publisher.closed;
    expect(publisher.packets).toEqual([]);
  });

  it("lets a QoS 2 message be repeated and published once [MQTT-4.3.3-2] [MQTT-4.8.0-2]", async () => {
    const { gateway, port, publisher, subscriber } = await devicePair(2);
    const { store } = gateway.broker;
    Object.assign(store, { shared: true }); // as those are that may refuse
    const keep = store.incomingStorePacket.bind(store);
    store.incomingStorePacket = () => Promise.reject(new Error("the disk is full"));
    publisher.publish("t/a", "once", { qos: 2, messageId: 5 });
    await publisher.closed;
    expect(publisher.packets).toEqual([]);
    store.incomingStorePacket = keep;
    const again = await RawClient.connected(port, { clientId: "publisher", clean: false });
    again.publish("t/a", "once", { qos: 2, messageId: 5, dup: true });
    expect(await again.next()).toMatchObject({ cmd: "pubrec", messageId: 5 });
    expect(await payloadsSoFar(subscriber)).toEqual(["once"]);
  });
});
