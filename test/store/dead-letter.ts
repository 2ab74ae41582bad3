import { PublishProperties } from "../../src/protocol/publish-properties.ts";
import { Message } from "../../src/store/message.ts";
import type { StoredDeadLetter } from "../../src/store/stored-dead-letter.ts";
import type { StoredPublish } from "../../src/store/stored-packets.ts";

/** A letter of a message with this payload; its number is 100 more than the id of the letter. */
export function deadLetter(id: number, payload: string | Buffer, more: Partial<StoredPublish> = {}): StoredDeadLetter {
  const identity = { cmd: "publish" as const, brokerId: "gateway-1", brokerCounter: 100 + id, dup: false };
  const packet = { ...identity, topic: `jobs/${id}`, payload: Buffer.from(payload), qos: 1 as const, retain: false };
  const published: StoredPublish = { ...packet, ...more };
  const message = new Message(published, published.qos, false);
  message.publishedAt = 1_700_000_000 + id;
  const destination = { kind: "queue", name: "jobs" };
  return { id, reason: "expired", at: 1_700_000_100_000 + id, destination, requeues: 0, message };
}

/** Of a message that says much of itself, and expired. */
export function eloquentLetter(id: number): StoredDeadLetter {
  const userProperties = [
    ["key", "b"],
    ["key", "\u{1f4a7}"],
  ];
  const said = { messageExpiryInterval: 60, correlationData: Buffer.from([0, 255, 10]), userProperties };
  const properties = PublishProperties.of({ ...said, responseTopic: "answers/here" }) as PublishProperties;
  properties.startAt(1_700_000_000_000);
  const more = { properties, clientId: "pump\n7", retain: true, topic: "\u{1f4a7}/__proto__", qos: 2 as const };
  const letter = deadLetter(id, Buffer.from([0, 10, 34, 255]), more);
  return { ...letter, reason: "no-such-group", destination: { kind: "group", name: "floor-2" }, requeues: 3 };
}

/** What a letter says, whatever object it is. */
export function said({ message, ...letter }: StoredDeadLetter): object {
  const { topic, qos, retain, publishedRetained, clientId, publishedAt, brokerId, brokerCounter, kind } = message;
  const flags = { qos, retain, publishedRetained, brokerId, brokerCounter, kind };
  const content = { topic, payload: message.payload.toString("hex"), properties: message.properties?.toJSON() };
  return { ...letter, ...content, ...flags, clientId, publishedAt };
}
