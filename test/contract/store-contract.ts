import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/store/store.ts";
import type { StoredPublish } from "../../src/store/stored-packets.ts";

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
export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(`${name} keeps Waypost's store contract`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
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

    it("gives back what is on its way in the order in which it came", async () => {
      for (let i = 1; i <= 100; i++)
        await store.outgoingEnqueue({ clientId: "sensor" }, publish("t", `${i}`, { brokerCounter: i }));
      expect((await outgoing()).map(({ payload }) => payload.toString())).toEqual(
        Array.from({ length: 100 }, (_, i) => `${i + 1}`),
      );
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
