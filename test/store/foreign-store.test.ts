import { createRequire } from "node:module";
import { beforeEach, describe, expect, it } from "vitest";
import { PublishProperties } from "../../src/protocol/publish-properties.ts";
import { type AedesPersistence, completeStore } from "../../src/store/foreign-store.ts";
import { Message } from "../../src/store/message.ts";
import type { Store } from "../../src/store/store.ts";
import type { StoredPublish, StoredWill } from "../../src/store/stored-packets.ts";
import { ManualClock } from "../support/manual-clock.ts";

const AsyncPersistence = createRequire(import.meta.url)("aedes-persistence/asyncPersistence.js");

const said = { contentType: "text/plain", correlationData: Buffer.from([0, 255]), userProperties: { a: ["1", "2"] } };
const client = { id: "sensor" };

function expiring(clock: ManualClock): PublishProperties {
  const properties = PublishProperties.of({ ...said, messageExpiryInterval: 60 }) as PublishProperties;
  properties.startAt(clock.now());
  return properties;
}

function publish(topic: string, properties: object | undefined, more: Partial<StoredPublish> = {}): StoredPublish {
  const identity = { cmd: "publish" as const, brokerId: "gateway-1", brokerCounter: 1, topic };
  return { ...identity, payload: Buffer.from("x"), qos: 1, retain: false, dup: false, properties, ...more };
}

describe("a persistence that someone brings", () => {
  let persistence: AedesPersistence;
  let store: Store;
  let clock: ManualClock;
  beforeEach(async () => {
    clock = new ManualClock();
    persistence = new AsyncPersistence() as AedesPersistence;
    store = completeStore(persistence, clock);
    await store.setup({ id: "gateway-1" });
  });
  /** What the persistence itself has. */
  const inside = async () => (await persistence.outgoingStream(client).toArray()) as StoredPublish[];

  it("has properties of waiting messages as plain objects, and they come back with their time", async () => {
    const properties = expiring(clock);
    store.keep("sensor", new Message(publish("t", properties), 1, false), false);
    await store.outgoingEnqueueCombi([{ clientId: "sensor" }], publish("t", properties, { brokerCounter: 2 }));
    await store.outgoingEnqueue({ clientId: "sensor" }, publish("t", undefined, { brokerCounter: 3 }));
    const [kept, combined, silent] = await inside();
    for (const each of [kept, combined]) {
      expect(each).toMatchObject({ messageExpiry: clock.now() + 60_000 });
      expect(each?.properties).not.toBeInstanceOf(PublishProperties);
      expect({ ...each?.properties }).toEqual({ ...said, messageExpiryInterval: 60 });
    }
    expect(silent).not.toHaveProperty("messageExpiry");
    const messages = (await store.outstanding("sensor")).map(({ entry }) => entry as Message);
    expect(messages.map((message) => message.properties?.toJSON())).toEqual([
      properties.toJSON(),
      properties.toJSON(),
      undefined,
    ]);
  });

  it("has retained messages that are not found after their time", async () => {
    await store.storeRetained(publish("a/brief", expiring(clock), { retain: true }));
    await store.storeRetained(publish("a/ever", { contentType: "text" }, { retain: true }));
    const [plain] = (await persistence.createRetainedStream("a/brief").toArray()) as StoredPublish[];
    expect({ ...plain?.properties }).toEqual({ ...said, messageExpiryInterval: 60 });
    const found = await store.retainedMatching(["a/#"]);
    expect(found.map(({ topic }) => topic).sort()).toEqual(["a/brief", "a/ever"]);
    for (const { properties } of found) expect(properties).toBeInstanceOf(PublishProperties);
    clock.advance(60_000);
    store.removeExpired();
    expect((await store.retainedMatching(["a/#"])).map(({ topic }) => topic)).toEqual(["a/ever"]);
  });

  it("has wills with what they say of themselves and their delay", async () => {
    const properties = PublishProperties.of({ ...said, messageExpiryInterval: 60 }) as PublishProperties;
    const will: StoredWill = { topic: "w", payload: Buffer.from("x"), qos: 1, retain: false, properties };
    const given = { ...will, delaySeconds: 30 };
    await store.putWill(client, given);
    expect(given).toMatchObject({ brokerId: "gateway-1", clientId: "sensor" });
    const found = await store.getWill(client);
    expect(found).toMatchObject({ topic: "w", delaySeconds: 30 });
    expect(found?.properties?.toJSON()).toEqual(properties.toJSON());
    expect(await store.delWill(client)).toEqual(found);
    expect(await store.getWill(client)).toBeUndefined();
    expect(await store.delWill(client)).toBeUndefined();
  });

  it("hands out the wills of dead gateways when their delay is over", async () => {
    const will: StoredWill = { topic: "w", payload: Buffer.from("x"), qos: 1, retain: false };
    await store.putWill(client, { ...will, delaySeconds: 30, dueAt: clock.now() + 30_000 });
    await store.putWill({ id: "other" }, { ...will, topic: "at once" });
    const topics = async () => ((await store.streamWill().toArray()) as StoredWill[]).map(({ topic }) => topic);
    expect(await topics()).toEqual(["at once"]);
    clock.advance(30_000);
    expect((await topics()).sort()).toEqual(["at once", "w"]);
  });

  it("has QoS 2 messages that came as plain objects too", async () => {
    await store.incomingStorePacket(client, publish("t", expiring(clock), { qos: 2, messageId: 7 }));
    const { properties } = await persistence.incomingGetPacket(client, { messageId: 7 });
    expect({ ...properties }).toEqual({ ...said, messageExpiryInterval: 60 });
  });
});
