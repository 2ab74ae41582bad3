import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../src/actor/clock.ts";
import { PublishProperties } from "../../src/protocol/publish-properties.ts";
import { NEVER_EXPIRES, type Store } from "../../src/store/store.ts";
import type { StoredPublish } from "../../src/store/stored-packets.ts";
import { ManualClock } from "../support/manual-clock.ts";

function publish(topic: string, payload: string, more: Partial<StoredPublish> = {}): StoredPublish {
  const identity = { brokerId: "gateway-1", brokerCounter: 1 };
  return {
    cmd: "publish",
    ...identity,
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    retain: false,
    dup: false,
    ...more,
  };
}

/** What devices need of every store, beyond the contract of aedes-persistence. */
export function storeContract(name: string, open: (clock: Clock) => Promise<Store>): void {
  describe(`${name} keeps Waypost's store contract`, () => {
    let store: Store;
    let clock: ManualClock;
    beforeEach(async () => {
      clock = new ManualClock();
      store = await open(clock);
      await store.setup({ id: "gateway-1" });
    });
    afterEach(() => store.destroy());
    const client = { id: "sensor" };
    const outgoing = async () => (await store.outgoingStream(client).toArray()) as StoredPublish[];

    it("finds each retained message once, however many filters match it", async () => {
      await store.storeRetained(publish("a/b", "1", { retain: true }));
      await store.storeRetained(publish("a/c", "2", { retain: true }));
      const found = await store.retainedMatching(["a/#", "a/+", "a/b"]);
      expect(found.map(({ topic }) => topic).sort()).toEqual(["a/b", "a/c"]);
    });

    it("hides retained topics that begin with $ from wildcards [MQTT-4.7.2-1]", async () => {
      await store.storeRetained(publish("$SYS/x", "1", { retain: true }));
      expect(await store.retainedMatching(["#"])).toEqual([]);
      expect(await store.retainedMatching(["+/x"])).toEqual([]);
      expect(await store.retainedMatching(["$SYS/#"])).toHaveLength(1);
    });

    it("matches a parent level and empty levels as topics do", async () => {
      for (const topic of ["sport", "sport/", "/", "sport/tennis"]) {
        await store.storeRetained(publish(topic, "x", { retain: true }));
      }
      const matching = async (filter: string) =>
        (await store.retainedMatching([filter])).map(({ topic }) => topic).sort();
      expect(await matching("sport/#")).toEqual(["sport", "sport/", "sport/tennis"]);
      expect(await matching("sport/+")).toEqual(["sport/", "sport/tennis"]);
      expect(await matching("+/+")).toEqual(["/", "sport/", "sport/tennis"]);
    });

    it("keeps its own copy of a retained payload", async () => {
      const packet = publish("a", "before", { retain: true });
      await store.storeRetained(packet);
      packet.payload.write("AFTER!");
      const [kept] = await store.retainedMatching(["a"]);
      expect(kept?.payload.toString()).toBe("before");
    });

    it("does not find a retained message after its time, and counts it no more [MQTT-3.3.2-5]", async () => {
      const retain = (topic: string, messageExpiryInterval?: number) =>
        store.storeRetained(publish(topic, "x", { retain: true, properties: { messageExpiryInterval } }));
      await retain("a/brief", 10);
      await retain("a/long", 100);
      await retain("a/ever");
      await retain("a/never", 0);
      await retain("$SYS/brief", 10);
      const matching = async () => (await store.retainedMatching(["a/#", "$SYS/#"])).map(({ topic }) => topic).sort();
      expect(await matching()).toEqual(["$SYS/brief", "a/brief", "a/ever", "a/long"]);
      clock.advance(9999);
      expect(await matching()).toHaveLength(4);
      clock.advance(1);
      expect(await matching()).toEqual(["a/ever", "a/long"]);
      expect(await store.createRetainedStream("a/brief").toArray()).toEqual([]);
      expect(await store.createRetainedStreamCombi(["a/#"]).toArray()).toHaveLength(2);
      expect(store.retainedUsage).toMatchObject({ messages: 2 });
      const { bytes } = store.retainedUsage as { bytes: number };
      store.removeExpired();
      store.removeExpired();
      expect(await matching()).toEqual(["a/ever", "a/long"]);
      expect(store.retainedUsage).toEqual({ messages: 2, bytes });
    });

    it("lets a retained message live anew that takes the place of one that expires", async () => {
      const retain = (text: string, properties: object) =>
        store.storeRetained(publish("a", text, { retain: true, properties }));
      await retain("first", { messageExpiryInterval: 10 });
      clock.advance(5000);
      await retain("second", { messageExpiryInterval: 10 });
      clock.advance(5000);
      store.removeExpired();
      expect(await store.retainedMatching(["a"])).toMatchObject([{ payload: Buffer.from("second") }]);
      clock.advance(5000);
      await retain("third", {});
      store.removeExpired();
      expect(await store.retainedMatching(["a"])).toMatchObject([{ payload: Buffer.from("third") }]);
      expect(store.retainedUsage).toMatchObject({ messages: 1 });
    });

    it("removes thousands that have expired, and gives way to others meanwhile", async () => {
      const properties = { messageExpiryInterval: 10 };
      for (let i = 0; i < 5000; i++) await store.storeRetained(publish(`a/${i}`, "x", { retain: true, properties }));
      clock.advance(10_000);
      store.removeExpired();
      for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      clock.advance(-10_000); // to see what is there: a clock may be set back
      expect(await store.retainedMatching(["#"])).toEqual([]);
    });

    it("keeps its own copy of what a retained message says of itself", async () => {
      const chunk = Buffer.alloc(65_536);
      const properties = PublishProperties.of({ contentType: "text/plain" }) as PublishProperties;
      properties.bytes.copy(chunk, 100);
      properties.bytes = chunk.subarray(100, 100 + properties.bytes.length);
      await store.storeRetained(publish("a", "x", { retain: true, properties }));
      chunk.fill(0);
      const [kept] = await store.retainedMatching(["a"]);
      expect(kept?.properties).toBeInstanceOf(PublishProperties);
      expect(kept?.properties).toMatchObject({ contentType: "text/plain" });
    });

    it("counts retained messages with what they say of themselves", async () => {
      const bytes = () => store.retainedUsage?.bytes as number;
      await store.storeRetained(publish("a", "x", { retain: true }));
      const without = bytes();
      const properties = PublishProperties.of({ userProperties: { name: "value" } }) as PublishProperties;
      await store.storeRetained(publish("a", "x", { retain: true, properties }));
      expect(bytes()).toBe(without + properties.bytes.length);
      await store.storeRetained(publish("a", "", { retain: true }));
      expect(store.retainedUsage).toEqual({ messages: 0, bytes: 0 });
    });

    it("lists shared subscriptions with their client, and finds none by topic", async () => {
      const shared = "$share/workers/jobs/+";
      await store.addSubscriptions(client, [{ topic: shared, qos: 1 }]);
      expect(await store.subscriptionsByClient(client)).toMatchObject([{ topic: shared, qos: 1 }]);
      expect(await store.getClientList(shared).toArray()).toEqual(["sensor"]);
      for (const topic of ["jobs/1", "$share/workers/jobs/1", shared]) {
        expect(await store.subscriptionsByTopic(topic)).toEqual([]);
      }
      expect(await store.countOffline()).toEqual({ subsCount: 0, clientsCount: 1 });
      await store.addSubscriptions(client, [{ topic: "jobs/+", qos: 1 }]);
      expect(await store.countOffline()).toEqual({ subsCount: 1, clientsCount: 1 });
      expect(await store.subscriptionsByTopic("jobs/1")).toMatchObject([{ topic: "jobs/+" }]);
      await store.removeSubscriptions(client, [shared]);
      expect(await store.getClientList(shared).toArray()).toEqual([]);
      await store.cleanSubscriptions(client);
      expect(await store.countOffline()).toEqual({ subsCount: 0, clientsCount: 0 });
    });

    it("keeps how long a session waits for its client, also where nothing else has changed", async () => {
      await store.putSession(client, 5, NEVER_EXPIRES);
      await store.putSession(client, 5, 60);
      expect(await store.sessions()).toEqual([{ id: "sensor", awaySince: 5, expirySeconds: 60 }]);
    });

    it("keeps a will with what it says of itself, whoever gave it", async () => {
      const properties = { contentType: "text/plain" } as never; // as mqtt-packet has it
      const will = { topic: "w", payload: Buffer.from("bye"), qos: 1 as const, retain: false, delaySeconds: 5 };
      await store.putWill(client, { ...will, properties });
      const found = await store.getWill(client);
      expect(found).toMatchObject(will);
      expect(found?.properties).toBeInstanceOf(PublishProperties);
      expect(await store.streamWill().toArray()).toEqual([found]);
      expect(await store.delWill(client)).toEqual(found);
    });

    it("gives back what is on its way in the order in which it came", async () => {
      for (let i = 1; i <= 100; i++)
        await store.outgoingEnqueue({ clientId: "sensor" }, publish("t", `${i}`, { brokerCounter: i }));
      expect((await outgoing()).map(({ payload }) => payload.toString())).toEqual(
        Array.from({ length: 100 }, (_, i) => `${i + 1}`),
      );
    });

    it("gives back without the retain flag what its publisher had retained [MQTT-3.3.1-9]", async () => {
      await store.outgoingEnqueueCombi([{ clientId: "sensor" }], publish("t", "x", { retain: true }));
      expect(await outgoing()).toMatchObject([{ retain: false }]);
      expect(await store.outstanding("sensor")).toMatchObject([{ entry: { retain: false, publishedRetained: true } }]);
    });

    it("settles by packet id, and by message identity where there is no packet id", async () => {
      for (const brokerCounter of [1, 2, 3])
        await store.outgoingEnqueue({ clientId: "sensor" }, publish("t", "x", { brokerCounter }));
      await store.outgoingUpdate(client, { brokerId: "gateway-1", brokerCounter: 2, messageId: 77 });
      await store.outgoingClearMessageId(client, { messageId: 77 });
      await store.outgoingClearMessageId(client, { messageId: undefined, brokerId: "gateway-1", brokerCounter: 1 });
      expect((await outgoing()).map(({ brokerCounter }) => brokerCounter)).toEqual([3]);
    });

    it("tells messages of different gateways apart", async () => {
      await store.outgoingEnqueue({ clientId: "sensor" }, publish("t", "mine", { brokerCounter: 5 }));
      await store.outgoingEnqueue(
        { clientId: "sensor" },
        publish("t", "theirs", { brokerId: "gateway-2", brokerCounter: 5 }),
      );
      await store.outgoingUpdate(client, { brokerId: "gateway-2", brokerCounter: 5, messageId: 9 });
      await store.outgoingClearMessageId(client, { messageId: 9 });
      expect((await outgoing()).map(({ payload }) => payload.toString())).toEqual(["mine"]);
    });

    it("forgets everything on its way to a client, and to no other", async () => {
      await store.outgoingEnqueueCombi([{ clientId: "sensor" }, { clientId: "sensor-2" }], publish("t", "x"));
      await store.cleanOutgoing(client);
      expect(await outgoing()).toEqual([]);
      expect(await store.outgoingStream({ id: "sensor-2" }).toArray()).toHaveLength(1);
    });

    it.each(["__proto__", "constructor", "toString"])("treats %s as an ordinary client id and topic", async (odd) => {
      const oddClient = { id: odd };
      await store.addSubscriptions(oddClient, [{ topic: odd, qos: 1 }]);
      expect(await store.subscriptionsByTopic(odd)).toMatchObject([{ clientId: odd, topic: odd, qos: 1 }]);
      await store.storeRetained(publish(odd, "x", { retain: true }));
      expect(await store.retainedMatching([odd])).toHaveLength(1);
      await store.outgoingEnqueue({ clientId: odd }, publish(odd, "x"));
      expect(await store.outgoingStream(oddClient).toArray()).toHaveLength(1);
      await store.incomingStorePacket(oddClient, publish(odd, "x", { qos: 2, messageId: 1 }));
      expect(await store.incomingGetPacket(oddClient, { messageId: 1 })).toMatchObject({ topic: odd });
      await store.cleanSubscriptions(oddClient);
      expect(await store.subscriptionsByTopic(odd)).toEqual([]);
      expect(await store.subscriptionsByClient({ id: "other" })).toEqual([]);
    });

    it("reports a missing message as ERR_NO_SUCH_PACKET", async () => {
      await expect(store.incomingGetPacket(client, { messageId: 1 })).rejects.toMatchObject({
        code: "ERR_NO_SUCH_PACKET",
      });
      await expect(store.incomingDelPacket(client, { messageId: 1 })).rejects.toMatchObject({
        code: "ERR_NO_SUCH_PACKET",
      });
    });
  });
}
