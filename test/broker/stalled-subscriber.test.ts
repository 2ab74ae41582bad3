import { once } from "node:events";
import mqttPacket from "mqtt-packet";
import { describe, expect, it } from "vitest";
import type { Connection } from "../../src/device/connection.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { embedParts } from "./embedded.ts";

const payload = Buffer.alloc(65536, 1);
const sendBufferBytesMax = 256 * 1024;

/** One client that has subscribed to everything and does not read, and two that talk. */
async function house(options: { clean: boolean; messagesMax?: number; bytesMax?: number }) {
  const { clean, messagesMax = 100, bytesMax = 16 * 1024 * 1024 } = options;
  const mailboxes = { messagesMax, bytesMax, whenFull: "reject-newest" as const, timeToLiveSeconds: 0 };
  const running = await embedParts({ settings: { sendBufferBytesMax, mailboxes, inFlightMax: 20 } });
  const stalled = await RawClient.connected(running.port, { clientId: "stalled", clean });
  await stalled.subscribe({ "#": 1 });
  stalled.socket.pause();
  const sender = await RawClient.connected(running.port, { clientId: "sender" });
  const reader = await RawClient.connected(running.port, { clientId: "reader" });
  await reader.subscribe({ "bulk/#": 0, "vital/#": 1 });
  const connection = running.broker.clients.stalled as unknown as Connection;
  return { ...running, stalled, sender, reader, connection };
}

type House = Awaited<ReturnType<typeof house>>;

/** Sends QoS 0 until the stalled client's buffers are full, and then ten more. Everyone else gets each of them. */
async function fill({ sender, reader, context, connection }: House): Promise<number> {
  let sent = 0;
  for (let beyond = 0; beyond < 10; sent++) {
    if (context.counters.dropped["slow-reader"] > 0) beyond++;
    sender.publish("bulk/x", payload);
    await reader.message();
    expect(connection.unsentBytes).toBeLessThan(sendBufferBytesMax + payload.length + 1024);
  }
  return sent;
}

const mailboxes = { messagesMax: 5, bytesMax: 1_000_000, whenFull: "reject-newest", timeToLiveSeconds: 0 } as const;

function deviceOf({ registry }: Awaited<ReturnType<typeof embedParts>>, id: string) {
  return [...registry.devices].find((device) => device.id === id);
}

describe("a subscriber that does not read", () => {
  it("costs QoS 0 messages, which are counted, and a bounded number of bytes; others get everything", async () => {
    const running = await house({ clean: true });
    const sent = await fill(running);
    const { context, stalled, log, connection } = running;
    const dropped = context.counters.dropped["slow-reader"];
    expect(dropped).toBeGreaterThanOrEqual(10);
    expect(context.counters.droppedTotal).toBe(dropped);
    expect(log.complaints).toHaveLength(1);
    expect(log.complaints[0]).toMatchObject({ fields: { devices: ["stalled"], reason: "slow-reader" } });
    stalled.socket.resume();
    for (let i = 0; i < sent - dropped; i++) expect((await stalled.next("publish")).cmd).toBe("publish");
    await stalled.ping();
    expect(stalled.packets.filter((packet) => packet.cmd === "publish" && packet.topic === "bulk/x")).toEqual([]);
    expect(connection.unsentBytes).toBe(0);
  });

  it.each([true, false])(
    "gets what waited in its mailbox, in order, when it reads again (clean: %s)",
    async (clean) => {
      const running = await house({ clean });
      await fill(running);
      const { sender, reader, stalled, connection, context } = running;
      const before = connection.unsentBytes;
      for (let i = 1; i <= 130; i++) {
        sender.publish("vital/x", `${i}`, { qos: 1, messageId: i });
        await sender.next("puback");
        const { payload: text, messageId } = await reader.message();
        expect(text).toBe(`${i}`);
        reader.send({ cmd: "puback", messageId: messageId as number });
      }
      expect(context.counters.dropped["mailbox-full"]).toBe(30);
      expect(connection.unsentBytes).toBe(before);
      expect(connection.device?.depth).toBe(100);
      stalled.socket.resume();
      for (let i = 1; i <= 100; i++) {
        const message = await vital(stalled);
        expect(message.payload.toString()).toBe(`${i}`);
        stalled.send({ cmd: "puback", messageId: message.messageId as number });
      }
      await stalled.ping();
      expect(connection.device?.depth).toBe(0);
      sender.publish("vital/x", "fresh", { qos: 1, messageId: 200 });
      expect((await vital(stalled)).payload.toString()).toBe("fresh");
    },
  );

  it("has a mailbox that is bounded in bytes too", async () => {
    const running = await house({ clean: true, bytesMax: 10 * 70_000 });
    await fill(running);
    const { sender, context, connection } = running;
    for (let i = 1; i <= 15; i++) {
      sender.publish("vital/large", payload, { qos: 1, messageId: i });
      await sender.next("puback");
    }
    expect(connection.device?.depth).toBe(10);
    expect(context.counters.dropped["mailbox-full"]).toBe(5);
  });

  it("that is cut off keeps what waited for its persistent session", async () => {
    const running = await house({ clean: false });
    await fill(running);
    const { sender, stalled, port } = running;
    for (let i = 1; i <= 20; i++) {
      sender.publish("vital/x", `${i}`, { qos: 1, messageId: i });
      await sender.next("puback");
    }
    await stalled.cut();
    const back = await RawClient.connected(port, { clientId: "stalled", clean: false });
    for (let i = 1; i <= 20; i++) {
      const message = await vital(back);
      expect(message.payload.toString()).toBe(`${i}`);
      back.send({ cmd: "puback", messageId: message.messageId as number });
    }
  });

  it("can be taken over", async () => {
    const running = await house({ clean: true });
    await fill(running);
    const again = await RawClient.connected(running.port, { clientId: "stalled" });
    await again.ping();
    expect(running.broker.connectedClients).toBe(3);
  });
});

describe("a subscriber that calls up retained messages", () => {
  it("and does not acknowledge them is owed each once, however often it subscribes", async () => {
    const running = await embedParts({ settings: { inFlightMax: 1 } });
    const client = await RawClient.connected(running.port, { clientId: "c" });
    for (let n = 1; n <= 5; n++) await publishAcknowledged(client, `t/${n}`, `${n}`, { retain: true });
    for (let n = 1; n <= 10; n++) await client.subscribe({ "t/#": 1 }, n);
    const got: string[] = [];
    for (;;) {
      await client.ping();
      if (!client.packets.some(({ cmd }) => cmd === "publish")) break;
      const { payload, messageId } = await client.message();
      got.push(payload);
      client.send({ cmd: "puback", messageId: messageId as number });
    }
    expect(got.length).toBeLessThanOrEqual(6);
  });

  it("and does not acknowledge them makes QoS 0 messages wait, limited in bytes", async () => {
    const running = await embedParts({
      settings: { mailboxes: { ...mailboxes, messagesMax: 1000, bytesMax: 10_000 }, inFlightMax: 1 },
    });
    const client = await RawClient.connected(running.port, { clientId: "c" });
    for (const topic of ["a", "b"]) await publishAcknowledged(client, topic, "kept", { retain: true });
    await client.subscribe({ "+": 1 });
    for (let n = 0; n < 5; n++) client.publish("c", "x".repeat(4000));
    await client.ping();
    expect(deviceOf(running, "c")?.dropped).toBe(3);
  });

  it("and leaves before it has them, again and again, has no more of them waiting than its mailbox holds", async () => {
    const running = await embedParts({ settings: { mailboxes: { ...mailboxes }, inFlightMax: 1 } });
    const sender = await RawClient.connected(running.port, { clientId: "sender" });
    for (let n = 1; n <= 20; n++) await publishAcknowledged(sender, `t/${n}`, `${n}`, { retain: true });
    for (let n = 1; n <= 4; n++) {
      const device = await RawClient.connected(running.port, { clientId: "device", clean: false });
      await device.subscribe({ "t/#": 1 });
      const left = once(running.broker, "clientDisconnect");
      await device.cut();
      await left;
    }
    expect(deviceOf(running, "device")?.depth).toBeLessThanOrEqual(6);
  });

  it("lets others in between, however much it asks for at once", async () => {
    const { broker, port } = await embedParts();
    const packet = { cmd: "publish", payload: "x", qos: 0, retain: true, dup: false } as const;
    for (let n = 0; n < 100; n++) broker.publish({ ...packet, topic: `t/${n}` }, () => {});
    const greedy = await RawClient.connected(port, { clientId: "greedy" });
    const other = await RawClient.connected(port, { clientId: "other" });
    const subscribe = mqttPacket.generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "#", qos: 0 }] });
    greedy.bytes(Buffer.concat(new Array(2000).fill(subscribe)));
    await greedy.next("suback");
    await other.ping();
    expect(greedy.packets.filter(({ cmd }) => cmd === "suback").length).toBeLessThan(1999);
  });
});

async function vital(client: RawClient) {
  for (;;) {
    const packet = await client.next("publish");
    if (packet.cmd === "publish" && packet.topic.startsWith("vital/")) return packet;
  }
}
