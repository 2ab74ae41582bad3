import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5 } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const lives = { livesSeconds: 3600 };

async function house(changes: object = {}) {
  const running = await startGateway(changes);
  const device = await Device5.connect(running.port, "device");
  await device.subscribe({ "t/#": 1 });
  const publisher = await Device5.connect(running.port, "publisher", lives);
  const back = () => Device5.connect(running.port, "publisher", lives);
  return { ...running, device, publisher, back };
}

describe("QoS 2 from a client", () => {
  const packetId = 7;
  const once = { qos: 2 as const, packetId };

  it("PUBREC, and PUBREL is answered with PUBCOMP of the same packet id [MQTT-4.3.3-8] [MQTT-4.3.3-11]", async () => {
    const { publisher, device } = await house();
    publisher.publish("t/a", "x", once);
    expect((await device.take()).payload).toBe("x");
    expect(await publisher.answer("pubrec", packetId)).toBe(0);
    publisher.send({ cmd: "pubrel", messageId: packetId, properties: { userProperties: { a: "b" } } });
    expect(await publisher.answer("pubcomp", packetId)).toBe(0);
  });

  it("another message under a packet id that is in use is refused with 0x91 [MQTT-4.3.3-10]", async () => {
    const { publisher, device } = await house();
    publisher.publish("t/a", "first", once);
    await device.take();
    await publisher.answer("pubrec", packetId);
    publisher.publish("t/a", "second", once);
    expect(await publisher.answer("pubrec", packetId)).toBe(0x91);
    expect(await device.messages()).toEqual([]);
    publisher.send({ cmd: "pubrel", messageId: packetId });
    expect(await publisher.answer("pubcomp", packetId)).toBe(0);
  });

  it("is recognised when it comes again by another connection, whatever DUP says [MQTT-4.3.3-10] [MQTT-4.4.0-1]", async () => {
    const { publisher, device, back } = await house();
    publisher.publish("t/a", "x", once);
    await device.take();
    await publisher.answer("pubrec", packetId);
    await publisher.cut();
    const again = await back();
    for (const dup of [true, false]) {
      again.publish("t/a", "x", { ...once, dup });
      expect([0, 0x91]).toContain(await again.answer("pubrec", packetId));
    }
    again.send({ cmd: "pubrel", messageId: packetId });
    expect(await again.answer("pubcomp", packetId)).toBe(0);
    expect(await device.messages()).toEqual([]);
  });

  it("after PUBCOMP the packet id is that of another message [MQTT-4.3.3-12]", async () => {
    const { publisher, device } = await house();
    for (const payload of ["1", "2", "3"]) {
      const publishing = publisher.publishWhole("t/a", payload, { ...once, dup: payload === "2" });
      expect((await device.take()).payload).toBe(payload);
      expect(await publishing).toBe(0);
    }
  });

  it("after a PUBREC that fails the packet id is that of another message [MQTT-4.3.3-9]", async () => {
    const { gateway, publisher, device } = await house();
    gateway.broker.authorizePublish = (_client, { topic }, done) => done(topic === "t/no" ? new Error("no") : null);
    expect(await publisher.publishWhole("t/no", "1", once)).toBe(0x87);
    const publishing = publisher.publishWhole("t/yes", "2", once);
    expect((await device.take()).payload).toBe("2");
    expect(await publishing).toBe(0);
  });

  it("after a PUBREC that had no room the packet id is that of another message, of a persistent session too [MQTT-4.3.3-9]", async () => {
    const { port, publisher, device } = await house({ mailboxes: { messagesMax: 1 } });
    await device.unsubscribe("t/#");
    const away = await Device5.connect(port, "away", lives);
    await away.subscribe({ "t/#": 2 });
    await away.disconnect();
    expect(await publisher.publishWhole("t/a", "1", once)).toBe(0);
    expect(await publisher.publishWhole("t/a", "2", once)).toBe(0x97);
    const there = await Device5.connect(port, "away", lives);
    expect((await there.take()).payload).toBe("1");
    await there.ping();
    expect(await publisher.publishWhole("t/a", "3", once)).toBe(0);
    expect(await there.payloads()).toEqual(["3"]);
  });

  it("over the limit of unfinished handshakes from before, it is refused with 0x97 or ends the connection with 0x93", async () => {
    const { publisher, back } = await house({ sessions: { inboundInFlightMax: 2 } });
    expect(publisher.connack?.properties?.receiveMaximum).toBe(2);
    for (const id of [1, 2]) {
      publisher.publish("t/a", "x", { qos: 2, packetId: id });
      expect(await publisher.answer("pubrec", id)).toBe(0);
    }
    await publisher.cut();
    const again = await back();
    again.publish("t/a", "x", { qos: 2, packetId: 3 });
    expect(await again.answer("pubrec", 3)).toBe(0x97);
    for (const id of [1, 2]) {
      again.send({ cmd: "pubrel", messageId: id });
      expect(await again.answer("pubcomp", id)).toBe(0);
    }
    expect([0, 0x10]).toContain(await again.publishWhole("t/a", "x", { qos: 2 }));
  });

  it("is recognised after the gateway was killed [MQTT-4.3.3-10]", async () => {
    const first = await restarts(root, {}, new ManualClock());
    const device = await Device5.connect(first.port, "device", lives);
    await device.subscribe({ "t/#": 2 });
    await device.disconnect();
    const publisher = await Device5.connect(first.port, "publisher", lives);
    publisher.publish("t/a", "x", once);
    await publisher.answer("pubrec", packetId);
    const { port } = await first.killed();
    const again = await Device5.connect(port, "publisher", lives);
    again.publish("t/a", "x", { ...once, dup: true });
    expect(await again.answer("pubrec", packetId)).toBe(0);
    again.send({ cmd: "pubrel", messageId: packetId });
    expect(await again.answer("pubcomp", packetId)).toBe(0);
    const back = await Device5.connect(port, "device", lives);
    expect((await back.takeAll()).map(({ payload }) => payload)).toEqual(["x"]);
  });
});

describe("QoS 1 from a client", () => {
  it("after PUBACK the same packet id is another message, whatever DUP says [MQTT-4.3.2-5]", async () => {
    const { publisher, device } = await house();
    for (const dup of [false, true, false]) {
      const publishing = publisher.publishWhole("t/a", "x", { qos: 1, packetId: 3, dup });
      expect((await device.take()).dup).toBe(false); // [MQTT-3.3.1-3]
      expect(await publishing).toBe(0);
    }
  });
});

describe("QoS 2 to a client", () => {
  async function sent() {
    const { port, publisher } = await house();
    const device = await Device5.connect(port, "exact", lives);
    await device.subscribe({ "t/#": 2 });
    void publisher.publishWhole("t/a", "x", { qos: 2 });
    const message = await device.message();
    expect(message).toMatchObject({ qos: 2, dup: false });
    return { device, message, messageId: message.packetId, back: () => Device5.connect(port, "exact", lives) };
  }

  it("is sent again until PUBREC, under its packet id and with DUP [MQTT-4.3.3-3] [MQTT-4.4.0-1]", async () => {
    const { device, message, back } = await sent();
    await device.cut();
    const again = await back();
    expect(await again.message()).toEqual({ ...message, dup: true });
  });

  it("after PUBREC only PUBREL is sent again [MQTT-4.3.3-5] [MQTT-4.3.3-6]", async () => {
    const { device, messageId, back } = await sent();
    device.send({ cmd: "pubrec", messageId });
    await device.answer("pubrel", messageId);
    await device.cut();
    const again = await back();
    expect(await again.next()).toMatchObject({ cmd: "pubrel", messageId });
    again.send({ cmd: "pubcomp", messageId });
    await again.ping();
    await again.cut();
    const last = await back();
    await last.ping();
    expect(last.packets).toEqual([]);
  });

  it("a PUBREC that comes again, failing or not, is answered by what is known of its packet id", async () => {
    const { device, messageId } = await sent();
    device.send({ cmd: "pubrec", messageId });
    expect(await device.answer("pubrel", messageId)).toBe(0);
    device.send({ cmd: "pubrec", messageId });
    expect(await device.answer("pubrel", messageId)).toBe(0);
    device.send({ cmd: "pubcomp", messageId });
    device.send({ cmd: "pubrec", messageId });
    expect(await device.answer("pubrel", messageId)).toBe(0x92);
  });
});
