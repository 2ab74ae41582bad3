import { describe, expect, it } from "vitest";
import type { Connection } from "../../src/device/connection.ts";
import { RawClient } from "../support/raw-client.ts";
import { embedParts } from "./embedded.ts";

const payload = Buffer.alloc(65536, 1);
const sendBufferBytesMax = 256 * 1024;

/** One client that has subscribed to everything and does not read, and two that talk. */
async function house(options: { clean: boolean; messagesMax?: number; bytesMax?: number }) {
  const { clean, messagesMax = 100, bytesMax = 16 * 1024 * 1024 } = options;
  const mailboxes = { messagesMax, bytesMax, whenFull: "reject-newest" as const };
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

async function vital(client: RawClient) {
  for (;;) {
    const packet = await client.next("publish");
    if (packet.cmd === "publish" && packet.topic.startsWith("vital/")) return packet;
  }
}
