import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Message } from "../../src/store/message.ts";
import type { Outstanding } from "../../src/store/outgoing-line.ts";
import type { Store, StoreBroker } from "../../src/store/store.ts";
import type { StoredPublish } from "../../src/store/stored-packets.ts";

/** How a kind of durable store is opened on one set of files after another. */
export interface DurableStore {
  open(files: string): Store;
  /** Files for a store that is empty. */
  fresh(): string;
  /** A copy of the files, as they are found when the gateway is killed. */
  copy(files: string): string;
  /** Lets pass what a store may wait before it writes what nobody waits for. */
  letTimePass(): void;
}

const odd = ["line\nfeed", "__proto__", "constructor", 'qu"ote\\', "\u{1f4a7}/\u{1f600}", "gone", "5", "a,b;[c]"];

function message(brokerCounter: number, topic: string, payload: string | Buffer, more: Partial<StoredPublish> = {}) {
  const identity = { cmd: "publish" as const, brokerId: "gateway-1", brokerCounter, retain: false, dup: false };
  const packet: StoredPublish = { ...identity, topic, payload: Buffer.from(payload), qos: 1, ...more };
  const made = new Message(packet, packet.qos, packet.retain);
  made.publishedAt = 1_700_000_000 + brokerCounter;
  return made;
}

/** What is on its way, without what is a store's own business. */
function brief(outstanding: readonly Outstanding[]): object[] {
  return outstanding.map(({ key, entry, packetId }) => {
    if (!(entry instanceof Message)) return { key, pubrel: entry.messageId };
    const { topic, qos, retain, clientId, publishedAt, brokerId, brokerCounter, properties } = entry;
    const payload = entry.payload.toString("hex");
    return { key, topic, payload, qos, retain, clientId, publishedAt, brokerId, brokerCounter, properties, packetId };
  });
}

/** What a store that writes to a disk keeps across restarts. */
export function durableStoreContract(name: string, durable: DurableStore): void {
  describe.each(["stopped", "killed"] as const)(`${name}, %s and started again,`, (how) => {
    let files: string;
    let store: Store;
    let broker: StoreBroker & { counter: number };
    let old: Store[];

    beforeEach(async () => {
      files = durable.fresh();
      old = [];
      await open();
    });
    afterEach(async () => {
      for (const each of [...old, store]) await each.destroy();
    });

    async function open(): Promise<void> {
      store = durable.open(files);
      broker = { id: "gateway-1", counter: 0 };
      await store.setup(broker);
    }

    async function again(): Promise<void> {
      if (how === "stopped") await store.destroy();
      else {
        durable.letTimePass();
        await store.durable();
        old.push(store);
        files = durable.copy(files);
      }
      await open();
    }

    const session = (id: string, awaySince = 0) => store.putSession({ id }, awaySince);
    const waiting = async (id: string) => brief(await store.outstanding(id));
    const payloads = async (id: string) =>
      (await store.outstanding(id)).map(({ entry }) =>
        entry instanceof Message ? entry.payload.toString() : "pubrel",
      );

    it("has its sessions, and since when each is away", async () => {
      await session("here");
      await session("away");
      await session("away", 1_700_000_000_123);
      await again();
      expect([...(await store.sessions())].sort((a, b) => a.id.localeCompare(b.id))).toEqual([
        { id: "away", awaySince: 1_700_000_000_123 },
        { id: "here", awaySince: 0 },
      ]);
    });

    it("has its subscriptions with all their options, as they were last", async () => {
      const client = { id: "sensor" };
      await store.addSubscriptions(client, [{ topic: "a/#", qos: 1 }]);
      await store.addSubscriptions(client, [
        { topic: "a/#", qos: 2, rh: 1, rap: true, nl: false, subscriptionIdentifier: 7 },
        { topic: "b", qos: 0 },
        { topic: "gone", qos: 1 },
      ]);
      await store.removeSubscriptions(client, ["gone"]);
      const before = await store.subscriptionsByClient(client);
      await again();
      expect(await store.subscriptionsByClient(client)).toEqual(before);
      expect(before).toHaveLength(2);
      expect(await store.subscriptionsByTopic("a/x")).toMatchObject([{ clientId: "sensor", qos: 2, rh: 1, rap: true }]);
    });

    it("has what was not delivered, in its order, with QoS per receiver, origin and time", async () => {
      await session("one");
      await session("two");
      for (let n = 1; n <= 300; n++) {
        const each = message(n, `t/${n % 3}`, `${n}`, { qos: n % 2 === 0 ? 2 : 1, clientId: "publisher" });
        store.keep("one", each, false);
        const lower = each.at(1);
        lower.publishedAt = each.publishedAt;
        store.keep("two", lower, false);
      }
      store.keep(
        "one",
        message(7, "t", "theirs", { brokerId: "gateway-2", properties: { messageExpiryInterval: 9 } }),
        false,
      );
      await store.durable();
      const before = [await waiting("one"), await waiting("two")];
      await again();
      const after = [await waiting("one"), await waiting("two")];
      expect(after[1]).toEqual(before[1]);
      const byKey = (list: object[]) => [...list].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
      expect(byKey(after[0] as object[])).toEqual(byKey(before[0] as object[]));
      expect((await payloads("one")).filter((text) => text !== "theirs")).toEqual(
        Array.from({ length: 300 }, (_, i) => `${i + 1}`),
      );
      expect(broker.counter).toBe(300);
      expect(store.usage).toMatchObject({ messages: 301 });
    });

    it("knows which messages were sent, and under which packet id", async () => {
      await session("one");
      const away = message(1, "t", "sent when the device was back");
      store.keep("one", away, false);
      await store.durable();
      await store.sent("one", away, away.packetId);
      const online = message(2, "t", "sent before it was written");
      store.keep("one", online, true);
      await store.sent("one", online, online.packetId);
      store.keep("one", message(3, "t", "waits"), false);
      await store.durable();
      await again();
      expect((await store.outstanding("one")).map(({ packetId }) => packetId)).toEqual([2, 3, undefined]);
    });

    it("has unfinished QoS 2 handshakes of both sides", async () => {
      await session("one");
      await session("two");
      const shared = message(1, "t", "x", { qos: 2 });
      store.keep("one", shared, false);
      store.keep("two", shared, false);
      await store.durable();
      await store.sent("one", shared, shared.packetId);
      await store.release("one", "gateway-1", 1, shared.packetId);
      for (const messageId of [5, 6]) {
        await store.incomingStorePacket({ id: "two" }, { ...shared.toPacket(), messageId });
      }
      await store.incomingDelPacket({ id: "two" }, { messageId: 6 });
      await again();
      expect(await waiting("one")).toEqual([{ key: 1, pubrel: 2 }]);
      expect(await payloads("two")).toEqual(["x"]);
      expect(await store.incomingGetPacket({ id: "two" }, { messageId: 5 })).toMatchObject({ messageId: 5 });
      await expect(store.incomingGetPacket({ id: "two" }, { messageId: 6 })).rejects.toMatchObject({
        code: "ERR_NO_SUCH_PACKET",
      });
    });

    it("has no message again whose release was finished after an earlier restart", async () => {
      await session("one");
      await session("two");
      const shared = message(1, "t", "x", { qos: 2 });
      for (const id of ["one", "two"]) store.keep(id, shared, false);
      await store.durable();
      await store.release("one", "gateway-1", 1, shared.packetId);
      old.push(store);
      files = durable.copy(files); // killed at once, in both cases
      await open();
      await store.settle("one", "gateway-1", 1, shared.packetId);
      await again();
      expect(await waiting("one")).toEqual([]);
      await again();
      expect(await waiting("one")).toEqual([]);
      expect(await payloads("two")).toEqual(["x"]);
    });

    it("has a message for all its receivers, also for one that took it after it was written", async () => {
      for (const id of ["one", "two", "late"]) await session(id);
      const shared = message(1, "t", "x");
      store.keep("one", shared, false);
      store.keep("two", shared, false);
      await store.durable();
      store.keep("late", shared, false);
      await store.durable();
      await again();
      for (const id of ["one", "two", "late"]) expect(await payloads(id), id).toEqual(["x"]);
      await store.settle("two", "gateway-1", 1);
      await again();
      expect(await payloads("one")).toEqual(["x"]);
      expect(await payloads("two")).toEqual([]);
      expect(await payloads("late")).toEqual(["x"]);
    });

    it("has its retained messages and wills", async () => {
      const retained = { ...message(1, "r/1", Buffer.from([0, 255, 10]), { clientId: "p" }).toPacket(), retain: true };
      await store.storeRetained(retained);
      await store.storeRetained({ ...retained, topic: "r/0", qos: 0 });
      await store.storeRetained({ ...retained, topic: "r/gone" });
      await store.storeRetained({ ...retained, topic: "r/gone", payload: Buffer.alloc(0) });
      await store.storeRetained({ ...retained, topic: "$SYS/own" });
      await store.putWill({ id: "sensor" }, { topic: "w", payload: Buffer.from("bye"), qos: 1, retain: true });
      await store.putWill({ id: "other" }, { topic: "w", payload: Buffer.from(""), qos: 0, retain: false });
      await store.delWill({ id: "other" });
      await again();
      const found = await store.retainedMatching(["#", "$SYS/#"]);
      expect(found.map(({ topic }) => topic).sort()).toEqual(["r/0", "r/1"]);
      expect(found.find(({ topic }) => topic === "r/1")).toMatchObject({
        payload: Buffer.from([0, 255, 10]),
        qos: 1,
        retain: true,
        clientId: "p",
      });
      expect(await store.getWill({ id: "sensor" })).toMatchObject({
        topic: "w",
        payload: Buffer.from("bye"),
        qos: 1,
        retain: true,
      });
      expect(await store.getWill({ id: "other" })).toBeUndefined();
    });

    it("has nothing that was settled, cleared, unsubscribed or discarded", async () => {
      for (const id of ["settled", "cleared", "discarded", "kept"]) {
        await session(id);
        await store.addSubscriptions({ id }, [{ topic: "t", qos: 1 }]);
      }
      const shared = message(1, "t", "x");
      for (const id of ["settled", "cleared", "discarded", "kept"]) store.keep(id, shared, false);
      await store.incomingStorePacket({ id: "discarded" }, { ...shared.toPacket(), qos: 2, messageId: 3 });
      await store.durable();
      await store.settle("settled", "gateway-1", 1);
      await store.cleanOutgoing({ id: "cleared" });
      await store.cleanSubscriptions({ id: "cleared" });
      await store.discardSession({ id: "discarded" });
      await session("discarded"); // the client comes back as another
      await again();
      for (const id of ["settled", "cleared", "discarded"]) expect(await waiting(id), id).toEqual([]);
      expect(await payloads("kept")).toEqual(["x"]);
      expect(await store.subscriptionsByClient({ id: "cleared" })).toEqual([]);
      expect(await store.subscriptionsByClient({ id: "discarded" })).toEqual([]);
      await expect(store.incomingGetPacket({ id: "discarded" }, { messageId: 3 })).rejects.toThrow();
      expect((await store.subscriptionsByTopic("t")).map(({ clientId }) => clientId).sort()).toEqual([
        "kept",
        "settled",
      ]);
    });

    it("writes one payload for a thousand receivers", async () => {
      const ids = Array.from({ length: 1000 }, (_, index) => `device-${index}`);
      const before = store.report()?.bytesWritten ?? 0;
      const large = message(1, "t", "x".repeat(50_000));
      for (const id of ids) store.keep(id, large, false);
      await store.durable();
      expect((store.report()?.bytesWritten ?? 0) - before).toBeLessThan(100_000);
      for (const id of ids) await session(id);
      await again();
      for (const id of ids) expect((await store.outstanding(id)).length).toBe(1);
      expect(store.usage).toMatchObject({ messages: 1 });
    });

    it.each(odd)("treats %j as an ordinary client id and topic", async (text) => {
      const client = { id: text };
      await session(text, 5);
      await store.addSubscriptions(client, [{ topic: text, qos: 2 }]);
      const binary = Buffer.from([0, 1, 10, 13, 34, 92, 127, 128, 255]);
      store.keep(text, message(1, text, binary, { qos: 2, clientId: text }), false);
      store.keep(text, message(2, text, "", { qos: 1 }), false);
      store.keep(text, message(3, text, "released", { qos: 2 }), false);
      await store.storeRetained({ ...message(4, text, binary).toPacket(), retain: true });
      await store.incomingStorePacket(client, { ...message(5, text, "").toPacket(), qos: 2, messageId: 9 });
      await store.putWill(client, { topic: text, payload: binary, qos: 2, retain: false });
      await store.durable();
      await store.release(text, "gateway-1", 3, 4);
      const before = await waiting(text);
      await again();
      const byKey = (list: object[]) => [...list].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
      expect(byKey(await waiting(text))).toEqual(byKey(before));
      expect(await store.subscriptionsByTopic(text)).toMatchObject([{ clientId: text, topic: text, qos: 2 }]);
      expect(await store.sessions()).toEqual([{ id: text, awaySince: 5 }]);
      expect(await store.retainedMatching([text])).toMatchObject([{ topic: text, payload: binary }]);
      expect(await store.incomingGetPacket(client, { messageId: 9 })).toMatchObject({ topic: text });
      expect(await store.getWill(client)).toMatchObject({ topic: text, payload: binary });
      await store.discardSession(client);
      await store.delWill(client);
      await store.storeRetained({ ...message(6, text, "").toPacket(), retain: true });
      await again();
      expect(await waiting(text)).toEqual([]);
      expect(await store.sessions()).toEqual([]);
      expect(await store.subscriptionsByTopic(text)).toEqual([]);
      expect(await store.retainedMatching([text])).toEqual([]);
      expect(await store.getWill(client)).toBeUndefined();
    });
  });
}
