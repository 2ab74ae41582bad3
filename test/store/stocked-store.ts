import { systemClock } from "../../src/actor/clock.ts";
import { silentLog } from "../../src/log.ts";
import { PublishProperties } from "../../src/protocol/publish-properties.ts";
import { Message } from "../../src/store/message.ts";
import { NedbStore } from "../../src/store/nedb-store.ts";
import { queueSessionId } from "../../src/store/queue-session.ts";
import { NEVER_EXPIRES } from "../../src/store/store.ts";
import type { StoredPublish } from "../../src/store/stored-packets.ts";
import { deadLetter, eloquentLetter } from "./dead-letter.ts";

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
  more: Partial<StoredPublish> = {},
): Message {
  store.broker.counter = (store.broker.counter as number) + 1;
  const highest = Math.max(...Object.values(receivers)) as 1 | 2;
  const message = new Message({ ...packet(topic, payload, store.broker.counter), ...more }, highest, false);
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
  await store.putSession(lamp, awaySince, NEVER_EXPIRES);
  await store.putSession(panel, 0, NEVER_EXPIRES);
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

/** A store with what MQTT 5 has beside: all properties, expiry, delay and a shared subscription. */
export async function stockedWithMqtt5(directory: string): Promise<NedbStore> {
  const store = await openStore(directory);
  const [lamp, worker, mailbox] = [{ id: "lamp" }, { id: "worker" }, { id: "\0share/workers/jobs/#" }];
  await store.putSession(lamp, awaySince, 3600);
  await store.putSession(worker, 0, 0);
  await store.putSession(mailbox, awaySince, NEVER_EXPIRES);
  await store.addSubscriptions(worker, [{ topic: "$share/workers/jobs/#", qos: 1 }]);
  keepMessage(store, "jobs/1", "shared", { [mailbox.id]: 1 }, { properties: everyProperty(60) });
  keepMessage(store, "house/a", "as published", { [lamp.id]: 1 }, { retain: true });
  await store.storeRetained({ ...packet("state/door", "open", 1), retain: true, properties: everyProperty(1000) });
  await store.storeRetained({ ...packet("state/lamp", "on", 2), retain: true, properties: { contentType: "text" } });
  const will = { topic: "gone", payload: Buffer.from("bye"), qos: 1 as const, retain: false };
  await store.putWill(worker, { ...will, properties: everyProperty(5), delaySeconds: 30 });
  await store.putWill(lamp, { ...will, delaySeconds: 30, dueAt: publishedAt * 1000 });
  await store.durable();
  return store;
}

/** A store with two queues, in one of which a message waits, and two dead letters; its gateway counts on from 102. */
export async function stockedWithQueues(directory: string): Promise<NedbStore> {
  const store = await openStore(directory);
  await store.putQueue({ name: "jobs", settings: '{"topics":["jobs/#"]}', isCreated: true, isPaused: true });
  await store.putQueue({ name: "idle", settings: "{}", isCreated: false, isPaused: false });
  const mailbox = queueSessionId("jobs");
  await store.putSession({ id: mailbox }, awaySince, NEVER_EXPIRES);
  await store.putSession({ id: "worker" }, awaySince, NEVER_EXPIRES);
  keepMessage(store, "jobs/1", "waits for a worker", { [mailbox]: 1 });
  store.putDeadLetter(deadLetter(1, "a job", { qos: 0 }));
  store.putDeadLetter(eloquentLetter(2));
  await store.durable();
  return store;
}

function everyProperty(messageExpiryInterval: number): PublishProperties {
  const pairs = [
    ["b", "1"],
    ["a", "2"],
    ["b", "3"],
  ];
  const object = {
    messageExpiryInterval,
    payloadFormatIndicator: true,
    contentType: "text/plain",
    responseTopic: "answers/here",
    correlationData: Buffer.from([0, 255, 10]),
    userProperties: pairs,
  };
  const properties = PublishProperties.of(object) as PublishProperties;
  if (messageExpiryInterval > 5) properties.startAt(publishedAt * 1000); // that of a will counts from when it is published
  return properties;
}

function packet(topic: string, payload: string, brokerCounter: number): StoredPublish {
  const identity = { cmd: "publish" as const, brokerId: "gateway-1", brokerCounter, clientId: "switch" };
  return { ...identity, topic, payload: Buffer.from(payload), qos: 2, retain: false, dup: false };
}
