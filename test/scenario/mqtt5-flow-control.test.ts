import { describe, expect, it } from "vitest";
import { type Connect5Options, connected5 } from "../support/client-5.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

/** A device that takes so many messages at a time, and a publisher. */
async function pair(receiveMaximum: number | undefined, changes: object = {}) {
  const { port, gateway } = await startGateway(changes);
  const back = (maximum = receiveMaximum, options: Connect5Options = {}) =>
    connected5(port, {
      clientId: "device",
      clean: false,
      lives: 1000,
      properties: maximum === undefined ? {} : { receiveMaximum: maximum },
      ...options,
    });
  const publisher = await RawClient.connected(port, { clientId: "publisher" });
  const publish = async (qos: 0 | 1 | 2, ...payloads: string[]) => {
    for (const payload of payloads) await publishAcknowledged(publisher, "t", payload, { qos });
  };
  return { port, gateway, back, device: await back(), publish };
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

describe("the receive maximum of a client", () => {
  it.each([1, 2] as const)(
    "bounds what is in flight at QoS %i; the rest comes as it acknowledges [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2]",
    async (qos) => {
      const { device, publish } = await pair(3);
      await device.subscribe({ t: qos });
      await publish(qos, ...numbers(10));
      const all: string[] = [];
      for (const expected of [3, 3, 3, 1]) {
        const some = await messagesSoFar(device);
        expect(some).toHaveLength(expected);
        for (const { payload, messageId } of some) {
          all.push(payload);
          if (qos === 1) device.send({ cmd: "puback", messageId: messageId as number });
          else {
            device.send({ cmd: "pubrec", messageId: messageId as number });
            await device.next("pubrel");
            device.send({ cmd: "pubcomp", messageId: messageId as number });
          }
        }
      }
      expect(all).toEqual(numbers(10));
    },
  );

  it("counts a message at QoS 2 until PUBCOMP [MQTT-4.9.0-2]", async () => {
    const { device, publish } = await pair(1);
    await device.subscribe({ t: 2 });
    await publish(2, "first", "second");
    const { messageId } = await device.message();
    device.send({ cmd: "pubrec", messageId: messageId as number });
    await device.next("pubrel");
    expect(await payloadsSoFar(device)).toEqual([]);
    device.send({ cmd: "pubcomp", messageId: messageId as number });
    expect(await device.message()).toMatchObject({ payload: "second" });
  });

  it("is given back by a PUBREC that says that the message was not taken [MQTT-4.9.0-2]", async () => {
    const { device, publish } = await pair(1);
    await device.subscribe({ t: 2 });
    await publish(2, "first", "second");
    const { messageId } = await device.message();
    device.send({ cmd: "pubrec", messageId: messageId as number, reasonCode: 0x97 });
    expect(await device.message()).toMatchObject({ payload: "second" });
  });

  it("does not hold back QoS 0, nor any other packet [MQTT-3.3.4-10] [MQTT-4.9.0-3]", async () => {
    const { device, publish } = await pair(1);
    await device.subscribe({ t: 1 });
    await publish(1, "in flight", "waits");
    await publish(0, "at QoS 0");
    expect(await device.subscribe({ u: 1 })).toEqual([1]);
    device.publish("v", "x", { qos: 1, messageId: 9 });
    expect(await device.next("puback")).toMatchObject({ messageId: 9 });
    device.send({ cmd: "unsubscribe", messageId: 10, unsubscriptions: ["u"] });
    expect(await device.next("unsuback")).toMatchObject({ messageId: 10 });
    expect(await payloadsSoFar(device)).toEqual(["in flight", "at QoS 0"]);
  });

  it("holds for retained messages too [MQTT-3.3.4-9]", async () => {
    const { port, device } = await pair(2);
    const other = await RawClient.connected(port);
    for (const n of numbers(5)) await publishAcknowledged(other, `r/${n}`, n, { retain: true });
    await device.subscribe({ "r/#": 1 });
    expect(await messagesSoFar(device)).toHaveLength(2);
  });

  it("that is not said is 65,535: only sessions.inFlightMax counts", async () => {
    const { device, publish } = await pair(undefined, { sessions: { inFlightMax: 7 } });
    await device.subscribe({ t: 1 });
    await publish(1, ...numbers(10));
    expect(await messagesSoFar(device)).toHaveLength(7);
  });

  it("is not raised by acknowledgements of what was never sent", async () => {
    const { device, publish } = await pair(1);
    await device.subscribe({ t: 1 });
    for (const messageId of [100, 200, 300]) {
      device.send({ cmd: "puback", messageId });
      device.send({ cmd: "pubcomp", messageId });
    }
    await publish(1, ...numbers(3));
    expect(await payloadsSoFar(device)).toEqual(["0"]);
  });
});

describe("what was in flight when the connection was lost", () => {
  it.each([1, 2] as const)(
    "is sent again within a smaller receive maximum, in order, with its packet ids, at QoS %i [MQTT-4.4.0-1] [MQTT-3.3.4-9]",
    async (qos) => {
      const { device, back, publish } = await pair(5);
      await device.subscribe({ t: qos });
      await publish(qos, ...numbers(8));
      const before = await messagesSoFar(device);
      expect(before.map(({ payload }) => payload)).toEqual(numbers(5));
      await device.cut();
      const again = await back(2);
      const seen: typeof before = [];
      while (seen.length < 8) {
        const some = await messagesSoFar(again);
        expect(some.length).toBeGreaterThan(0);
        expect(some.length).toBeLessThanOrEqual(2);
        seen.push(...some);
        for (const { messageId } of some) {
          if (qos === 1) again.send({ cmd: "puback", messageId: messageId as number });
          else {
            again.send({ cmd: "pubrec", messageId: messageId as number });
            await again.next("pubrel");
            again.send({ cmd: "pubcomp", messageId: messageId as number });
          }
        }
      }
      expect(seen.map(({ payload }) => payload)).toEqual(numbers(8));
      expect(seen.map(({ dup }) => dup)).toEqual(numbers(8).map((n) => Number(n) < 5));
      expect(seen.slice(0, 5).map(({ messageId }) => messageId)).toEqual(before.map(({ messageId }) => messageId));
    },
  );

  it("is not sent again while the connection lasts [MQTT-4.4.0-1]", async () => {
    const { device, publish } = await pair(5);
    await device.subscribe({ t: 1 });
    await publish(1, "once");
    expect(await payloadsSoFar(device)).toEqual(["once"]);
    for (let i = 0; i < 10; i++) await device.ping();
    expect(await payloadsSoFar(device)).toEqual([]);
  });

  it("is not sent again where it was refused by the client's PUBACK or PUBREC [MQTT-4.4.0-2]", async () => {
    const { device, back, publish } = await pair(5);
    await device.subscribe({ t: 2 });
    await publish(1, "one");
    await publish(2, "two");
    const [one, two] = await messagesSoFar(device);
    device.send({ cmd: "puback", messageId: one?.messageId as number, reasonCode: 0x80 });
    device.send({ cmd: "pubrec", messageId: two?.messageId as number, reasonCode: 0x83 });
    await device.ping();
    expect(device.packets).toEqual([]); // no PUBREL
    await device.cut();
    expect(await payloadsSoFar(await back())).toEqual([]);
  });

  it("is not sent to a fresh session [MQTT-4.4.0-1]", async () => {
    const { device, back, publish } = await pair(5);
    await device.subscribe({ t: 1 });
    await publish(1, "gone");
    await device.cut();
    expect(await payloadsSoFar(await back(5, { clean: true }))).toEqual([]);
  });

  it("PUBRELs among it are sent again before anything newer [MQTT-4.4.0-1]", async () => {
    const { device, back, publish } = await pair(2);
    await device.subscribe({ t: 2 });
    await publish(2, "first", "second", "third");
    const [first] = await messagesSoFar(device);
    device.send({ cmd: "pubrec", messageId: first?.messageId as number });
    await device.next("pubrel");
    await device.cut();
    const again = await back(2);
    expect(await again.next()).toMatchObject({ cmd: "pubrel", messageId: first?.messageId });
    expect(await again.message()).toMatchObject({ payload: "second", dup: true });
    again.send({ cmd: "pubcomp", messageId: first?.messageId as number });
    expect(await again.message()).toMatchObject({ payload: "third", dup: false });
  });
});

describe("the receive maximum of the gateway", () => {
  const changes = { sessions: { inboundInFlightMax: 3 } };

  it("is sessions.inboundInFlightMax; one message more ends the connection with 0x93 [MQTT-3.3.4-7]", async () => {
    const { device } = await pair(undefined, changes);
    expect(device.connack?.properties).toMatchObject({ receiveMaximum: 3 });
    for (let messageId = 1; messageId <= 4; messageId++) device.publish("t", "x", { qos: 2, messageId });
    const answers = await device.ending();
    expect(answers.at(-1)).toMatchObject({ cmd: "disconnect", reasonCode: 0x93 });
    expect(answers.filter(({ cmd }) => cmd === "pubrec")).toHaveLength(3);
  });

  it("counts QoS 1 while the acknowledgement waits", async () => {
    const { gateway, device } = await pair(undefined, changes);
    const held: (() => void)[] = [];
    gateway.broker.published = (packet, _client, done) => {
      if (packet.topic === "held") held.push(done as () => void);
      else done();
    };
    for (let messageId = 1; messageId <= 3; messageId++) device.publish("held", "x", { qos: 1, messageId });
    await device.ping();
    for (const release of held.splice(0)) release();
    for (let i = 0; i < 3; i++) await device.next("puback");
    for (let messageId = 1; messageId <= 4; messageId++) device.publish("held", "x", { qos: 1, messageId });
    expect(await device.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x93 }]);
  });

  it("is not exceeded by QoS 0, however many", async () => {
    const { device } = await pair(undefined, changes);
    for (let messageId = 1; messageId <= 3; messageId++) device.publish("t", "x", { qos: 2, messageId });
    for (let i = 0; i < 50; i++) device.publish("t", "x");
    await device.ping();
  });

  it("is given back by PUBACK, by PUBCOMP, and by a PUBREC that refuses", async () => {
    const { gateway, device } = await pair(undefined, changes);
    gateway.broker.authorizePublish = (_client, { topic }, done) => done(topic === "no" ? new Error("no") : null);
    for (let round = 0; round < 5; round++) {
      for (let messageId = 1; messageId <= 3; messageId++) device.publish("t", "x", { qos: 1, messageId });
      for (let messageId = 1; messageId <= 3; messageId++) await device.next("puback");
      for (let messageId = 1; messageId <= 3; messageId++) device.publish("no", "x", { qos: 2, messageId });
      for (let messageId = 1; messageId <= 3; messageId++) await device.next("pubrec");
      for (let messageId = 1; messageId <= 3; messageId++) {
        device.publish("t", "x", { qos: 2, messageId });
        await device.next("pubrec");
        device.send({ cmd: "pubrel", messageId });
      }
      for (let messageId = 1; messageId <= 3; messageId++) await device.next("pubcomp");
    }
  });

  it("begins anew with each connection, also for one that has handshakes to finish", async () => {
    const { device, back } = await pair(undefined, changes);
    for (let messageId = 1; messageId <= 3; messageId++) device.publish("t", "x", { qos: 2, messageId });
    await device.ping();
    await device.cut();
    const again = await back();
    for (let messageId = 1; messageId <= 3; messageId++) again.publish("t", "x", { qos: 2, messageId, dup: true });
    for (let messageId = 1; messageId <= 3; messageId++) {
      expect(await again.next("pubrec")).toMatchObject({ messageId, reasonCode: 0 });
    }
    for (let messageId = 1; messageId <= 3; messageId++) {
      again.send({ cmd: "pubrel", messageId });
      expect(await again.next("pubcomp")).toMatchObject({ messageId, reasonCode: 0 });
    }
    again.publish("t", "x", { qos: 2, messageId: 4 });
    expect(await again.next("pubrec")).toMatchObject({
      messageId: 4,
      reasonCode: expect.toSatisfy((code) => code < 0x80),
    });
  });

  it("refuses what is new with 0x97 while the handshakes of an earlier connection are not finished", async () => {
    const { device, back } = await pair(undefined, changes);
    for (let messageId = 1; messageId <= 3; messageId++) device.publish("t", "x", { qos: 2, messageId });
    await device.ping();
    await device.cut();
    const again = await back();
    again.publish("t", "x", { qos: 2, messageId: 4 });
    expect(await again.next("pubrec")).toMatchObject({ messageId: 4, reasonCode: 0x97 });
    again.send({ cmd: "pubrel", messageId: 1 });
    await again.next("pubcomp");
    again.publish("t", "x", { qos: 2, messageId: 4 });
    const pubrec = await again.next("pubrec");
    expect((pubrec as { reasonCode?: number }).reasonCode).toBeLessThan(0x80);
  });

  it("does not bind clients of 3.1.1 that acknowledge as they should", async () => {
    const { port } = await pair(undefined, changes);
    const old = await RawClient.connected(port);
    for (let messageId = 1; messageId <= 20; messageId++) old.publish("t", "x", { qos: 1, messageId });
    for (let messageId = 1; messageId <= 20; messageId++) await old.next("puback");
  });
});
