import { expect, it } from "vitest";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

const MESSAGES = 200;

type Random = () => number;

/** Numbers from 0 to 1 that are the same for the same seed. */
function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Publishes all messages at QoS 2, with a line that breaks again and again. */
async function publishAll(port: number, random: Random): Promise<void> {
  const connect = () => RawClient.connected(port, { clientId: "publisher", clean: false });
  const unfinished = new Map<number, { payload: string; released: boolean }>();
  let client = await connect();
  let next = 1;
  while (next <= MESSAGES || unfinished.size > 0) {
    for (let burst = Math.ceil(random() * 5); burst > 0 && next <= MESSAGES; burst--) {
      const messageId = (next % 100) + 1;
      if (unfinished.has(messageId)) break;
      unfinished.set(messageId, { payload: `${next}`, released: false });
      client.publish("t", `${next++}`, { qos: 2, messageId });
    }
    if (random() < 0.3) {
      if (random() < 0.5) await client.ping(); // what was sent arrived, and the answers are lost
      await client.cut();
      client = await connect();
      for (const [messageId, { payload, released }] of unfinished) {
        if (released) client.send({ cmd: "pubrel", messageId });
        else client.publish("t", payload, { qos: 2, messageId, dup: true });
      }
    }
    await client.ping();
    for (const { cmd, messageId } of client.packets.splice(0)) {
      const message = unfinished.get(messageId as number);
      if (message === undefined) continue;
      if (cmd === "pubcomp") unfinished.delete(messageId as number);
      if (cmd !== "pubrec") continue;
      message.released = true;
      client.send({ cmd: "pubrel", messageId: messageId as number });
    }
  }
}

/** Receives all messages at QoS 2, with a line that breaks again and again, and returns them as they were taken. */
async function takeAll(port: number, random: Random, connected: RawClient): Promise<string[]> {
  const held = new Set<number>();
  const taken: string[] = [];
  let client = connected;
  while (taken.length < MESSAGES || held.size > 0) {
    await client.ping();
    const packets = client.packets.splice(0);
    const breaks = random() < 0.3;
    // Where the line breaks, some of what came is never looked at.
    for (const packet of packets.slice(0, breaks ? Math.floor(random() * packets.length) : undefined)) {
      const messageId = packet.messageId as number;
      if (packet.cmd === "publish") {
        if (!held.has(messageId)) taken.push(packet.payload.toString());
        held.add(messageId);
        client.send({ cmd: "pubrec", messageId });
      } else if (packet.cmd === "pubrel") {
        held.delete(messageId);
        client.send({ cmd: "pubcomp", messageId });
      }
    }
    if (!breaks) continue;
    if (random() < 0.5) await client.ping();
    await client.cut();
    client = await RawClient.connected(port, { clientId: "subscriber", clean: false });
  }
  return taken;
}

it.each([1, 2, 3])(
  "delivers every QoS 2 message once and in order while both lines break again and again, seed %i [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.4.0-1] [MQTT-4.6.0-6]",
  async (seed) => {
    const { port, log } = await startGateway({ sessions: { inFlightMax: 7 } });
    const subscriber = await RawClient.connected(port, { clientId: "subscriber", clean: false });
    await subscriber.subscribe({ t: 2 });
    const publishing = publishAll(port, seeded(seed));
    const taken = await takeAll(port, seeded(seed + 1000), subscriber);
    await publishing;
    expect(taken).toEqual(Array.from({ length: MESSAGES }, (_, n) => `${n + 1}`));
    expect(log.complaints).toEqual([]);
  },
);
