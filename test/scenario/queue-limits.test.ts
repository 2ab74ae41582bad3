import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsOf, queueHouse, texts } from "../support/queue-house.ts";
import { Device5 } from "./mqtt5-device.ts";

const priority = (value: string) => ({ properties: { userProperties: { priority: value } } });

describe("a full queue", () => {
  it.each([0, 1, 2] as const)("refuses the newest, at QoS %s, and keeps it as a dead letter", async (qos) => {
    const { publisher, consumer, letters } = await queueHouse({ messagesMax: 3 });
    const codes: number[] = [];
    for (const payload of texts(5)) codes.push(await publisher.publishWhole("jobs/a", payload, { qos }));
    expect(codes).toEqual(qos === 0 ? [0, 0, 0, 0, 0] : [0, 0, 0, 0x97, 0x97]);
    expect(letters()).toEqual(["mailbox-full 4 jobs/a", "mailbox-full 5 jobs/a"]);
    expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(texts(3));
  });

  it("removes the oldest, whatever its priority", async () => {
    const { publish, consumer, letters } = await queueHouse({ messagesMax: 3, whenFull: "remove-oldest" });
    await publish(["1"], "jobs/a", priority("9"));
    await publish(texts(5, 2));
    expect(letters()).toEqual(["mailbox-removed 1 jobs/a", "mailbox-removed 2 jobs/a"]);
    expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(["3", "4", "5"]);
  });

  it("removes what has the lowest priority, the oldest of it, and refuses what has a lower one still", async () => {
    const { publish, publisher, consumer, letters } = await queueHouse({
      messagesMax: 3,
      whenFull: "remove-low-priority",
    });
    await publish(["5"], "jobs/a", priority("5"));
    await publish(["2 first", "2 second"], "jobs/a", priority("2"));
    await publish(["7"], "jobs/a", priority("7"));
    expect(letters()).toEqual(["low-priority-removed 2 first jobs/a"]);
    expect(await publisher.publishWhole("jobs/a", "1", priority("1"))).toBe(0x97);
    await publish(["2 third"], "jobs/a", priority("2"));
    expect(letters().slice(1)).toEqual(["mailbox-full 1 jobs/a", "low-priority-removed 2 second jobs/a"]);
    expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(["7", "5", "2 third"]);
  });

  it("by bytes", async () => {
    const { publish, letters, report } = await queueHouse({ bytesMax: 1000, whenFull: "remove-oldest" });
    await publish(texts(8).map((payload) => payload.repeat(200)));
    expect(report().bytes).toBeLessThanOrEqual(1000);
    expect(report().messages).toBe(3);
    expect(letters()).toHaveLength(5);
  });

  it("refuses what is larger than all of its room, and removes nothing for it", async () => {
    for (const whenFull of ["reject-newest", "remove-oldest", "remove-low-priority", "flow-control"]) {
      const { publisher, letters, report } = await queueHouse({ bytesMax: 1000, whenFull });
      await publisher.publishWhole("jobs/a", "small");
      expect(await publisher.publishWhole("jobs/a", "x".repeat(2000))).toBe(0x97);
      expect(report().messages).toBe(1);
      expect(letters()).toHaveLength(1);
    }
  });

  it("does not count what is under way, and takes it back though it is full", async () => {
    const { publish, consumer, report, letters } = await queueHouse({ messagesMax: 3, consumerWindow: 5 });
    const leaving = await consumer("leaving");
    await publish(texts(8));
    expect(report()).toMatchObject({ messages: 3, inDelivery: 5 });
    await leaving.cut();
    const other = await consumer("other");
    expect(payloadsOf(await other.takeAll())).toEqual(texts(8));
    expect(letters()).toEqual([]);
  });

  it("counts what waits behind a delay, and removes that too", async () => {
    const clock = new ManualClock();
    const { publish, consumer, letters } = await queueHouse(
      { messagesMax: 2, whenFull: "remove-oldest", delaySeconds: 10 },
      { clock },
    );
    await publish(texts(4));
    expect(letters()).toEqual(["mailbox-removed 1 jobs/a", "mailbox-removed 2 jobs/a"]);
    const worker = await consumer("worker");
    clock.advance(12_000);
    expect(payloadsOf(await worker.takeAll())).toEqual(["3", "4"]);
  });

  it("removes a delayed message of low priority for one of high priority", async () => {
    const { publish, letters } = await queueHouse({
      messagesMax: 2,
      whenFull: "remove-low-priority",
      delaySeconds: 10,
    });
    await publish(["1", "2"], "jobs/a", priority("1"));
    await publish(["3"], "jobs/a", priority("9"));
    expect(letters()).toEqual(["low-priority-removed 1 jobs/a"]);
  });

  it("removes what waits for the consumer of its key, too", async () => {
    const { publish, consumer, letters } = await queueHouse({
      dispatch: "by-key",
      keyTopicLevel: 2,
      consumerWindow: 1,
      messagesMax: 2,
      whenFull: "remove-oldest",
    });
    const worker = await consumer("worker");
    await publish(texts(5), "jobs/k");
    expect(letters()).toEqual(["mailbox-removed 2 jobs/k", "mailbox-removed 3 jobs/k"]);
    expect(payloadsOf(await worker.takeAll())).toEqual(["1", "4", "5"]);
  });

  it("removes what waits for the consumer of its key by priority, too", async () => {
    const { publish, consumer, letters } = await queueHouse({
      dispatch: "by-key",
      keyTopicLevel: 2,
      consumerWindow: 1,
      messagesMax: 2,
      whenFull: "remove-low-priority",
    });
    await consumer("worker");
    await publish(texts(3), "jobs/k", priority("1"));
    await publish(["9"], "jobs/k", priority("9"));
    expect(letters()).toEqual(["low-priority-removed 2 jobs/k"]);
  });

  it("costs an ordinary subscriber nothing", async () => {
    const { port, publish } = await queueHouse({ messagesMax: 1 });
    const subscriber = await Device5.connect(port, "subscriber");
    await subscriber.subscribe({ "jobs/#": 1 });
    await publish(texts(5));
    expect(payloadsOf(await subscriber.takeAll())).toEqual(texts(5));
  });

  it("has room for a message by what its consumers settle", async () => {
    const { publisher, consumer } = await queueHouse({ messagesMax: 1, consumerWindow: 1 });
    const worker = await consumer("worker");
    expect(await publisher.publishWhole("jobs/a", "1")).toBe(0);
    expect(await publisher.publishWhole("jobs/a", "2")).toBe(0);
    expect(await publisher.publishWhole("jobs/a", "3")).toBe(0x97);
    await worker.take();
    await worker.ping();
    expect(await publisher.publishWhole("jobs/a", "4")).toBe(0);
  });
});

describe("a message that a consumer cannot have", () => {
  const narrow = { properties: { maximumPacketSize: 150 } };
  const large = "x".repeat(200);

  it("because it is too large for it goes to another one, as a first delivery", async () => {
    const { publish, consumer, letters } = await queueHouse();
    const small = await consumer("small", narrow);
    const wide = await consumer("wide");
    for (let i = 0; i < 3; i++) await publish([large, "little"]);
    const taken = await wide.takeAll();
    expect(taken.filter(({ payload }) => payload === large)).toHaveLength(3);
    for (const each of taken) expect(each).toMatchObject({ dup: false, properties: {} });
    expect(payloadsOf(await small.takeAll())).not.toContain(large);
    expect(letters()).toEqual([]);
  });

  it("because it is too large for all becomes a dead letter, and the next one goes on", async () => {
    const { publish, consumer, letters, report } = await queueHouse();
    const workers = [await consumer("one", narrow), await consumer("two", { ...narrow, qos: 2 })];
    await publish([large, "little"]);
    const taken = [...(await workers[0]!.takeAll()), ...(await workers[1]!.takeAll())];
    expect(payloadsOf(taken)).toEqual(["little"]);
    expect(letters()).toEqual([`too-large ${large} jobs/a`]);
    expect(report()).toMatchObject({ messages: 0, inDelivery: 0 });
  });

  it("waits where there is no consumer that it is too large for", async () => {
    const { publish, consumer } = await queueHouse();
    await publish([large]);
    expect((await (await consumer("wide")).take()).payload).toBe(large);
  });

  it("does not keep it from the others while the only one that can have it stands still", async () => {
    const clock = new ManualClock();
    const { publish, publisher, consumer } = await queueHouse({ consumerWindow: 2 }, { clock });
    const wide = await consumer("wide");
    await publish(["1", "2"]);
    expect(await wide.messages()).toHaveLength(2);
    const small = await consumer("small", narrow);
    await publish([large, "little", "little"]);
    for (let i = 0; i < 5; i++) {
      clock.advance(1000);
      await publisher.ping();
    }
    expect(payloadsOf(await small.takeAll())).toContain("little");
  });

  it("by-key, goes to another one at once", async () => {
    const { publish, consumer } = await queueHouse({ dispatch: "by-key", keyTopicLevel: 2 });
    const small = await consumer("small", narrow);
    await publish(["1"], "jobs/k");
    await small.takeAll();
    const wide = await consumer("wide");
    await publish([large], "jobs/k");
    expect(payloadsOf(await wide.messages())).toEqual([large]);
  });

  it("waits when it is put aside for a consumer, and all consumers leave", async () => {
    const { publish, consumer, letters } = await queueHouse({ consumerWindow: 1 });
    const wide = await consumer("wide");
    await publish(["1"]);
    const small = await consumer("small", narrow);
    await publish([large]);
    await small.disconnect();
    await wide.disconnect();
    expect(payloadsOf(await (await consumer("wide again")).takeAll())).toEqual(["1", large]);
    expect(letters()).toEqual([]);
  });

  it("goes to a consumer that could not have it and has come back with room for it", async () => {
    const { publish, consumer, letters } = await queueHouse({ consumerWindow: 1 });
    const wide = await consumer("wide");
    await publish(["1"]);
    const first = await wide.message();
    const lives = { livesSeconds: 3600 };
    const small = await consumer("small", { properties: { ...narrow.properties }, ...lives });
    await publish([large]);
    await small.ping();
    await small.disconnect();
    const grown = await consumer("small", lives);
    expect(grown.sessionPresent).toBe(true);
    expect(payloadsOf(await grown.takeAll())).toEqual([large]);
    await wide.acknowledge(first);
    expect(payloadsOf(await wide.takeAll())).toEqual([]);
    expect(letters()).toEqual([]);
  });

  it("by-key, and is put aside, does not let a later one of its key pass", async () => {
    const { publish, consumer } = await queueHouse({ dispatch: "by-key", keyTopicLevel: 2, consumerWindow: 1 });
    const wide = await consumer("wide");
    await publish(["other"], "jobs/other");
    const other = await wide.message();
    const small = await consumer("small", narrow);
    await publish([large, "2"], "jobs/k");
    expect(payloadsOf(await small.takeAll())).toEqual([]);
    await wide.acknowledge(other);
    expect(payloadsOf([...(await wide.takeAll()), ...(await small.takeAll())])).toEqual([large, "2"]);
  });

  it("because authorizeForward says no goes to another one, and is nobody's where it says no to all", async () => {
    const { gateway, publish, consumer, report, letters } = await queueHouse();
    gateway.broker.authorizeForward = (client, packet) =>
      packet.topic === "jobs/none" || (packet.topic === "jobs/one" && client.id !== "one") ? null : packet;
    const one = await consumer("one");
    const two = await consumer("two");
    for (const payload of texts(3)) await publish([payload], "jobs/one");
    await publish(["none"], "jobs/none");
    await publish(["any", "any"], "jobs/any");
    expect(payloadsOf(await one.takeAll())).toEqual(expect.arrayContaining(texts(3)));
    expect(payloadsOf(await two.takeAll())).not.toContain("1");
    expect(report()).toMatchObject({ messages: 0, inDelivery: 0 });
    expect(letters()).toEqual([]);
  });

  it("and what authorizeForward made of it is for this consumer only", async () => {
    const { gateway, publish, consumer } = await queueHouse();
    gateway.broker.authorizeForward = (client, packet) =>
      client.id === "first" ? { ...packet, payload: Buffer.from("changed") } : packet;
    const first = await consumer("first");
    await publish(["1"]);
    expect((await first.message()).payload).toBe("changed");
    await first.cut();
    expect((await (await consumer("second")).take()).payload).toBe("1");
  });
});
