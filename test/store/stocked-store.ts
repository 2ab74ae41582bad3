import { systemClock } from "../../src/actor/clock.ts";
import { silentLog } from "../../src/log.ts";
import { Message } from "../../src/store/message.ts";
import { NedbStore } from "../../src/store/nedb-store.ts";
import type { StoredPublish } from "../../src/store/stored-packets.ts";

/** When all messages of `stockedStore` were published, in seconds since the Unix epoch. */
export const publishedAt = 1_700_000_000;
export const awaySince = publishedAt * 1000 - 5000;

/** An open store in this directory; the gateway has the id `gateway-1` and counts on from what is there. */
export async function openStore(directory: string): Promise<NedbStore> {
  const store = new NedbStore({ directory, durability: "synced", clock: systemClock, log: silentLog });
  await store.setup({ id: "gateway-1", counter: 0 });
  return store;
}

/** Has a message wait for these devices. */
export function keepMessage(
  store: NedbStore,
  topic: string,
  payload: string,
  receivers: Record<string, 1 | 2>,
): Message {
  store.broker.counter = (store.broker.counter as number) + 1;
  const highest = Math.max(...Object.values(receivers)) as 1 | 2;
  const message = new Message(packet(topic, payload, store.broker.counter), highest, false);
  for (const [device, qos] of Object.entries(receivers)) {
    const own = message.at(qos);
    own.publishedAt = publishedAt;
    store.keep(device, own, false);
  }
  return message;
}

/** A store with two devices and something of everything. */
export async function stockedStore(directory: string): Promise<NedbStore> {
  const store = await openStore(directory);
  const [lamp, panel] = [{ id: "lamp" }, { id: "panel\u2028\n1" }];
  await store.putSession(lamp, awaySince);
  await store.putSession(panel, 0);
  await store.addSubscriptions(lamp, [{ topic: "house/#", qos: 2 }]);
  await store.addSubscriptions(panel, [
    { topic: "house/+", qos: 1, rh: 2, rap: true, nl: false, subscriptionIdentifier: 7 },
  ]);
  await store.putWill(panel, { topic: "gone", payload: Buffer.from([0, 255]), qos: 1, retain: true });
  await store.storeRetained({ ...packet("state/door", "open", 0), qos: 1, retain: true });
  await store.incomingStorePacket(lamp, { ...packet("house/in", "", 0), qos: 2, messageId: 17 });
  const waiting = keepMessage(store, "house/a", "waits", { [lamp.id]: 2, [panel.id]: 1 });
  const sent = keepMessage(store, "house/b", "was sent", { [lamp.id]: 2 });
  const released = keepMessage(store, "house/c", "is released", { [lamp.id]: 2 });
  await store.durable();
  await store.sent(lamp.id, sent, sent.packetId);
  await store.release(lamp.id, "gateway-1", released.brokerCounter, released.packetId);
  keepMessage(store, "house/d", `waits behind ${waiting.topic}`, { [lamp.id]: 1 });
  await store.durable();
  return store;
}

function packet(topic: string, payload: string, brokerCounter: number): StoredPublish {
  const identity = { cmd: "publish" as const, brokerId: "gateway-1", brokerCounter, clientId: "switch" };
  return { ...identity, topic, payload: Buffer.from(payload), qos: 2, retain: false, dup: false };
}
