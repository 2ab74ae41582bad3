import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PublishPropertiesObject } from "../../src/protocol/encode-publish-properties.ts";
import { PublishProperties } from "../../src/protocol/publish-properties.ts";
import { Message } from "../../src/store/message.ts";
import type { Outstanding } from "../../src/store/outgoing-line.ts";
import { NEVER_EXPIRES, type Store, type StoreBroker } from "../../src/store/store.ts";
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
  /** The time of its clock, in milliseconds since the Unix epoch. */
  now(): number;
  advance(ms: number): void;
}

const odd = ["line\nfeed", "__proto__", "constructor", 'qu"ote\\', "\u{1f4a7}/\u{1f600}", "gone", "5", "a,b;[c]"];

function message(brokerCounter: number, topic: string, payload: string | Buffer, more: Partial<StoredPublish> = {}) {
  const identity = { cmd: "publish" as const, brokerId: "gateway-1", brokerCounter, retain: false, dup: false };
  const packet: StoredPublish = { ...identity, topic, payload: Buffer.from(payload), qos: 1, ...more };
  const made = new Message(packet, packet.qos, packet.retain);
  made.publishedAt = 1_700_000_000 + brokerCounter;
  return made;
}

/** Something of every property, the user properties in an order of their own. */
function everyProperty(more: PublishPropertiesObject = {}): PublishProperties {
  const pairs = [
    ["b", "1"],
    ["a", "\u{1f4a7}"],
    ["b", "2"],
    ["__proto__", ""],
  ];
  const object = {
    payloadFormatIndicator: true,
    contentType: "text/plain",
    responseTopic: "answers/here",
    correlationData: Buffer.from([0, 255, 10]),
    userProperties: pairs,
  };
  return PublishProperties.of({ ...object, ...more }) as PublishProperties;
}

/** What is on its way, without what is a store's own business. */
function brief(outstanding: readonly Outstanding[]): object[] {
  return outstanding.map(({ key, entry, packetId }) => {
    if (!(entry instanceof Message)) return { key, pubrel: entry.messageId };
    const { topic, qos, retain, publishedRetained, clientId, publishedAt, brokerId, brokerCounter } = entry;
    const said = { topic, payload: entry.payload.toString("hex"), properties: entry.properties?.toJSON() };
    const flags = { qos, retain, publishedRetained };
    return { key, ...said, ...flags, clientId, publishedAt, brokerId, brokerCounter, packetId };
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

    const session = (id: string, awaySince = 0, expirySeconds = NEVER_EXPIRES) =>
      store.putSession({ id }, awaySince, expirySeconds);
    const waiting = async (id: string) => brief(await store.outstanding(id));
    const payloads = async (id: string) =>
      (await store.outstanding(id)).map(({ entry }) =>
        entry instanceof Message ? entry.payload.toString() : "pubrel",
      );

    it("has its sessions, since when each is away and how long it is kept", async () => {
      await session("here");
      await session("away");
      await session("away", 1_700_000_000_123);
      await session("brief", 5, 60);
      await session("brief", 5, 30); // its client has changed nothing else
      await session("none", 5, 0);
      await session("again", 5, 60);
      await session("again", 5);
      await again();
      expect([...(await store.sessions())].sort((a, b) => a.id.localeCompare(b.id))).toEqual([
        { id: "again", awaySince: 5, expirySeconds: NEVER_EXPIRES },
        { id: "away", awaySince: 1_700_000_000_123, expirySeconds: NEVER_EXPIRES },
        { id: "brief", awaySince: 5, expirySeconds: 30 },
        { id: "here", awaySince: 0, expirySeconds: NEVER_EXPIRES },
        { id: "none", awaySince: 5, expirySeconds: 0 },
      ]);
    });

    it("has the mailbox of a shared subscription, and its members as they subscribed", async () => {
      const mailbox = "\0share/workers/jobs/#";
      await session(mailbox, 5);
      await store.addSubscriptions({ id: "worker" }, [{ topic: "$share/workers/jobs/#", qos: 2, rap: true }]);
      store.keep(mailbox, message(1, "jobs/1", "x", { qos: 2 }), false);
      await store.durable();
      await again();
      expect(await store.sessions()).toEqual([{ id: mailbox, awaySince: 5, expirySeconds: NEVER_EXPIRES }]);
      expect(await payloads(mailbox)).toEqual(["x"]);
      expect(await store.subscriptionsByClient({ id: "worker" })).toMatchObject([
        { topic: "$share/workers/jobs/#", qos: 2, rap: true },
      ]);
      expect(await store.subscriptionsByTopic("jobs/1")).toEqual([]);
      await store.discardSession({ id: mailbox });
      await again();
      expect(await store.sessions()).toEqual([]);
      expect(await waiting(mailbox)).toEqual([]);
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
      store.keep("one", message(7, "t", "theirs", { brokerId: "gateway-2" }), false);
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

    it("has what messages say of themselves, user properties in their order, and goes on counting down", async () => {
      await session("one");
      await session("two");
      const properties = everyProperty({ messageExpiryInterval: 60 });
      properties.startAt(durable.now());
      const first = message(1, "t", "1", { qos: 2, properties });
      store.keep("one", first, false);
      store.keep("two", first.at(1), false);
      store.keep("one", message(2, "t", "2", { properties: { messageExpiryInterval: 9 } }), false);
      store.keep(
        "one",
        message(3, "t", "3", { properties: PublishProperties.calledUp(everyProperty(), 268_435_455) }),
        false,
      );
      store.keep("one", message(4, "t", "4", { properties: {} }), false);
      await store.durable();
      const [before, lower] = [await waiting("one"), await waiting("two")];
      await again();
      durable.advance(20_000);
      const [kept, ...others] = (await store.outstanding("one")).map(({ entry }) => (entry as Message).properties!);
      if (kept === undefined) expect.fail("it has no properties");
      expect(kept.userPropertyList()).toEqual([
        ["b", "1"],
        ["a", "\u{1f4a7}"],
        ["b", "2"],
        ["__proto__", ""],
      ]);
      expect(kept).toMatchObject({ correlationData: Buffer.from([0, 255, 10]), responseTopic: "answers/here" });
      expect(kept.expiresAt).toBe(properties.expiresAt);
      expect(kept.expiryAt(properties.expiresAt - 30_500)).toBe(31);
      expect((await waiting("one"))[0]).toEqual(before[0]);
      expect(await waiting("two")).toMatchObject([{ ...lower[0], publishedAt: expect.any(Number) }]);
      const [fromWhenItCame, calledUp, silent] = others;
      expect(fromWhenItCame?.expiresAt).toBe(1_700_000_002_000 + 9000);
      expect(calledUp?.subscriptionIdentifier).toBe(268_435_455);
      expect(silent).toBeUndefined();
      expect(kept.isExpired(properties.expiresAt - 1)).toBe(false);
      expect(kept.isExpired(properties.expiresAt)).toBe(true);
    });

    it("knows which messages go out as retained ones, and which their publishers had retained", async () => {
      await session("one");
      const identity = { cmd: "publish" as const, brokerId: "gateway-1", dup: false, topic: "t", qos: 1 as const };
      const keep = (brokerCounter: number, published: boolean, retain: boolean) => {
        const packet = { ...identity, brokerCounter, payload: Buffer.from("x"), retain: published };
        store.keep("one", new Message(packet, 1, retain), false);
      };
      keep(1, false, false);
      keep(2, true, false);
      keep(3, true, true);
      await store.durable();
      await again();
      await again();
      const found = (await store.outstanding("one")).map(({ entry }) => entry as Message);
      expect(found.map(({ retain, publishedRetained }) => [publishedRetained, retain])).toEqual([
        [false, false],
        [true, false],
        [true, true],
      ]);
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

    it("has what retained messages say of themselves, and none that expired meanwhile", async () => {
      const retain = async (topic: string, properties: object, more: Partial<StoredPublish> = {}) =>
        store.storeRetained({
          ...message(1, topic, "x", { properties, ...more }).toPacket(),
          properties,
          retain: true,
        });
      await retain("brief", { messageExpiryInterval: 10 });
      await retain("long", everyProperty({ messageExpiryInterval: 1000 }));
      await retain("replaced", { messageExpiryInterval: 10 });
      await retain("replaced", {}, { payload: Buffer.from("stays") });
      await store.durable();
      const expiresAt = durable.now() + 1_000_000;
      await again();
      durable.advance(10_000);
      const found = new Map((await store.retainedMatching(["#"])).map((packet) => [packet.topic, packet]));
      expect([...found.keys()].sort()).toEqual(["long", "replaced"]);
      expect(found.get("replaced")?.properties).toBeUndefined();
      const long = found.get("long")?.properties as PublishProperties;
      expect(long.toJSON()).toEqual({ ...everyProperty({ messageExpiryInterval: 1000 }).toJSON(), expiresAt });
      expect(store.retainedUsage).toMatchObject({ messages: 2 });
      store.removeExpired();
      await again();
      durable.advance(-20_000); // to see what is there: a clock may be set back
      expect(await store.retainedMatching(["brief"])).toEqual([]);
      durable.advance(1_010_000);
      expect(await store.retainedMatching(["long"])).toEqual([]);
      expect(store.retainedUsage).toMatchObject({ messages: 1 });
    });

    it("has what wills say of themselves, their delay and when they are due", async () => {
      const properties = everyProperty({ messageExpiryInterval: 10 });
      const will = { topic: "w", payload: Buffer.from("bye"), qos: 1 as const, retain: false };
      await store.putWill({ id: "here" }, { ...will, properties, delaySeconds: 30 });
      await store.putWill({ id: "gone" }, { ...will, properties, delaySeconds: 30 });
      await store.putWill({ id: "gone" }, { ...will, delaySeconds: 30, dueAt: 1_700_000_030_000 });
      await again();
      durable.advance(100_000);
      const here = await store.getWill({ id: "here" });
      expect(here).toMatchObject({ ...will, delaySeconds: 30 });
      expect(here).not.toHaveProperty("dueAt");
      // It begins to count when it is published.
      expect(here?.properties?.toJSON()).toEqual(properties.toJSON());
      expect(here?.properties?.expiresAt).toBe(0);
      const gone = await store.getWill({ id: "gone" });
      expect(gone).toMatchObject({ ...will, delaySeconds: 30, dueAt: 1_700_000_030_000 });
      expect(gone).not.toHaveProperty("properties");
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
      expect(await store.sessions()).toEqual([{ id: text, awaySince: 5, expirySeconds: NEVER_EXPIRES }]);
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
