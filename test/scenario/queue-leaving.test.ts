import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { again, payloadsOf, queueHouse, texts } from "../support/queue-house.ts";
import { Device5, type Told } from "./mqtt5-device.ts";

const livesSeconds = 3600;

/** Takes so many messages without acknowledging them. */
async function get(device: Device5, count: number): Promise<Told[]> {
  const all: Told[] = [];
  while (all.length < count) all.push(await device.message());
  return all;
}

const ways = {
  "a DISCONNECT": (device: Device5) => device.disconnect(),
  "a cut line": (device: Device5) => device.cut(),
} as const;

describe("what a consumer has not settled when it leaves", () => {
  for (const [name, leave] of Object.entries(ways)) {
    it.each([
      [1, 4, 0],
      [2, 4, 0],
      [1, 5, 0],
      [2, 5, 0],
      [1, 5, livesSeconds],
      [2, 5, livesSeconds],
    ] as const)(
      `by ${name} goes to another one, marked, at QoS %s in version %s (session %s s)`,
      async (qos, version, lives) => {
        const { consumer, publish, report } = await queueHouse();
        const leaving = await consumer("leaving", { qos, version, livesSeconds: lives });
        await publish(texts(5), "jobs/a", { qos });
        const taken = await get(leaving, 5);
        await leaving.acknowledge(taken[2] as Told);
        const other = await consumer("other", { qos });
        const old = await consumer("old", { qos, version: 4 });
        await leaving.ping();
        await leave(leaving);
        const redelivered = [...(await get(other, 2)), ...(await get(old, 2))];
        expect(payloadsOf(redelivered).sort()).toEqual(["1", "2", "4", "5"]);
        for (const each of redelivered) expect(each).toMatchObject({ dup: true, qos });
        for (const each of redelivered.slice(0, 2)) expect(each).toMatchObject(again(2));
        for (const [i, each] of redelivered.entries()) await (i < 2 ? other : old).acknowledge(each);
        await Promise.all([other.ping(), old.ping()]);
        expect(report()).toMatchObject({ messages: 0, inDelivery: 0, totals: { settled: 5, redelivered: 4 } });
      },
    );
  }

  it("goes back to its old place in line, that of several consumers too", async () => {
    const { consumer, publish } = await queueHouse({ dispatch: "round-robin", consumerWindow: 3 });
    const leaving = [await consumer("one"), await consumer("two"), await consumer("three")];
    await publish(texts(12));
    for (const each of leaving) await get(each, 3);
    for (const i of [1, 0, 2]) await leaving[i]?.cut();
    const last = await consumer("last");
    const all = await last.takeAll();
    expect(payloadsOf(all)).toEqual(texts(12));
    expect(all.map(({ dup }) => dup)).toEqual([...Array(9).fill(true), ...Array(3).fill(false)]);
  });

  it("goes before all that has a lower priority, and behind what has a higher one", async () => {
    const { consumer, publish } = await queueHouse({ consumerWindow: 2 });
    const prioritized = (priority: string) => ({ properties: { userProperties: { priority } } });
    const leaving = await consumer("leaving");
    await publish(["low"], "jobs/a", prioritized("1"));
    await publish(["middle"], "jobs/a", prioritized("5"));
    await get(leaving, 2);
    await publish(["high"], "jobs/a", prioritized("9"));
    await publish(["lowest"], "jobs/a", prioritized("0"));
    await publish(["middle 2"], "jobs/a", prioritized("5"));
    await leaving.cut();
    const last = await consumer("last", { qos: 1 });
    expect(payloadsOf(await last.takeAll())).toEqual(["high", "middle", "middle 2", "low", "lowest"]);
  });

  it("comes back to it where it returns as the only one, at QoS 1 and 2", async () => {
    for (const qos of [1, 2] as const) {
      const { consumer, publish } = await queueHouse();
      const leaving = await consumer("leaving", { qos, livesSeconds });
      await publish(texts(3), "jobs/a", { qos });
      await get(leaving, 3);
      await leaving.cut();
      const back = await consumer("leaving", { qos, livesSeconds });
      expect(back.sessionPresent).toBe(true);
      const taken: Told[] = [];
      for (let i = 0; i < 3; i++) {
        const message = await back.message();
        taken.push(message);
      }
      for (const each of taken) expect(each).toMatchObject(again(2));
      expect(payloadsOf(taken)).toEqual(texts(3));
    }
  });

  it("by another connection that takes over goes on with that one", async () => {
    const { consumer, publish, report } = await queueHouse();
    for (const lives of [0, livesSeconds]) {
      const before = await consumer("taken over", { livesSeconds: lives });
      await publish(["1", "2"]);
      await get(before, 2);
      const after = await consumer("taken over", { livesSeconds: lives });
      const taken = await after.takeAll();
      expect(taken).toMatchObject([
        { payload: "1", ...again(2) },
        { payload: "2", ...again(2) },
      ]);
      await after.disconnect();
    }
    expect(report()).toMatchObject({ messages: 0, inDelivery: 0 });
  });

  it("by UNSUBSCRIBE stays its own to settle [MQTT-3.10.4-3], and goes to another one when it leaves", async () => {
    const { consumer, publish, report } = await queueHouse();
    const leaving = await consumer("leaving");
    await publish(texts(3));
    const [first] = await get(leaving, 3);
    await leaving.unsubscribe("$queue/jobs");
    await publish(["4"]);
    const other = await consumer("other");
    expect(payloadsOf(await other.takeAll())).toEqual(["4"]);
    await leaving.acknowledge(first as Told);
    await leaving.ping();
    expect(report()).toMatchObject({ inDelivery: 2, totals: { settled: 2 } });
    await leaving.cut();
    expect(await other.takeAll()).toMatchObject([
      { payload: "2", ...again(2) },
      { payload: "3", ...again(2) },
    ]);
  });

  it("by UNSUBSCRIBE goes to another one when it takes too long", async () => {
    const clock = new ManualClock();
    const { consumer, publish } = await queueHouse({ settleTimeoutSeconds: 10 }, { clock });
    const leaving = await consumer("leaving");
    await publish(["1"]);
    await leaving.message();
    await leaving.unsubscribe("$queue/jobs");
    const other = await consumer("other");
    clock.advance(11_000);
    expect(await other.take()).toMatchObject({ payload: "1", ...again(2) });
  });

  it("does not come again to a consumer whose session has expired", async () => {
    const clock = new ManualClock();
    const { consumer, publish, report } = await queueHouse({}, { clock });
    const leaving = await consumer("leaving", { livesSeconds: 10 });
    await publish(["1"]);
    await leaving.message();
    await leaving.cut();
    const other = await consumer("other");
    expect(await other.take()).toMatchObject({ payload: "1", ...again(2) });
    clock.advance(60_000);
    await other.ping();
    expect(report().consumers.map(({ id }) => id)).toEqual(["other"]);
  });

  it("when its device crashes goes to another one", async () => {
    const { gateway, consumer, publish } = await queueHouse();
    const crashing = await consumer("crashing", { livesSeconds });
    await publish(["1"]);
    await crashing.message();
    const other = await consumer("other");
    const connection = gateway.broker.clients.crashing as unknown as { device: { failed(reason: unknown): void } };
    connection.device.failed(new Error("for this test"));
    await crashing.closed;
    expect(await other.take()).toMatchObject({ payload: "1", ...again(2) });
  });

  it("says how often it was delivered, whatever its publisher had said of that", async () => {
    const { consumer, publish } = await queueHouse();
    await publish(["1"], "jobs/a", { properties: { userProperties: { "delivery-count": "77", other: "x" } } });
    for (const id of ["one", "two"]) {
      const leaving = await consumer(id);
      await leaving.message();
      await leaving.cut();
    }
    const { properties } = await (await consumer("three")).take();
    expect(properties.userProperties).toEqual({ "delivery-count": "3", other: "x" });
  });

  it("and is sent at QoS 0 the next time is not marked DUP [MQTT-3.3.1-2]", async () => {
    const { consumer, publish, report } = await queueHouse();
    const leaving = await consumer("leaving");
    await publish(["1"]);
    await leaving.message();
    await leaving.cut();
    const last = await consumer("last", { qos: 0 });
    expect(await last.take()).toMatchObject({
      payload: "1",
      qos: 0,
      dup: false,
      properties: { userProperties: { "delivery-count": "2" } },
    });
    expect(report()).toMatchObject({ messages: 0, inDelivery: 0 });
  });
});

describe("a QoS 2 consumer that returns to its session", () => {
  /** What a client of QoS 2 keeps: packet ids that it has not seen released. */
  async function takeExactly(device: Device5, unreleased: Map<number, string>, count: number): Promise<string[]> {
    const done: string[] = [];
    while (done.length < count) {
      const packet = await device.next();
      if (packet.cmd === "publish") {
        const id = packet.messageId as number;
        // What comes under an id that is not released is taken for the same message [MQTT-4.3.3-10].
        if (!unreleased.has(id)) unreleased.set(id, packet.payload.toString());
        device.send({ cmd: "pubrec", messageId: id });
      } else if (packet.cmd === "pubrel") {
        const id = packet.messageId as number;
        const payload = unreleased.get(id);
        unreleased.delete(id);
        if (payload !== undefined) done.push(payload);
        device.send({ cmd: "pubcomp", messageId: id });
      }
    }
    return done;
  }

  it.each(["PUBLISH", "PUBREC"] as const)("loses nothing where it left after %s", async (after) => {
    const { consumer, publish, report } = await queueHouse();
    const leaving = await consumer("leaving", { qos: 2, livesSeconds });
    await publish(texts(4), "jobs/a", { qos: 2 });
    const unreleased = new Map<number, string>();
    for (const { packetId, payload } of await get(leaving, 4)) {
      unreleased.set(packetId, payload);
      if (after === "PUBREC") leaving.send({ cmd: "pubrec", messageId: packetId });
    }
    await leaving.ping();
    await leaving.cut();
    const other = await consumer("other", { qos: 2 });
    expect(payloadsOf(await get(other, 4))).toEqual(texts(4));
    await other.cut();
    await publish(texts(8, 5), "jobs/a", { qos: 2 });
    const back = await consumer("leaving", { qos: 2, livesSeconds });
    const done = await takeExactly(back, unreleased, 12);
    expect([...new Set(done)].sort()).toEqual(texts(8));
    expect(done.filter((payload) => Number(payload) > 4).sort()).toEqual(texts(8, 5));
    await back.ping();
    expect(report()).toMatchObject({ messages: 0, inDelivery: 0, totals: { settled: 8 } });
  });

  it("loses nothing though numbers have come round to a packet id that it still remembers", async () => {
    const { port, consumer, publish } = await queueHouse();
    const leaving = await consumer("leaving", { qos: 2, livesSeconds });
    await publish(["1"], "jobs/a", { qos: 2 });
    const { packetId } = await leaving.message();
    const unreleased = new Map([[packetId, "1"]]);
    await leaving.cut();
    const other = await consumer("other", { qos: 2 });
    await other.takeAll();
    await other.disconnect();
    const noise = await Device5.connect(port, "noise");
    const publisher = await Device5.connect(port, "next publisher");
    for (let i = 0; i < 65_530; i++) noise.publish("noise");
    await noise.ping();
    for (const payload of texts(20, 2)) await publisher.publishWhole("jobs/a", payload, { qos: 2 });
    const back = await consumer("leaving", { qos: 2, livesSeconds });
    const done = await takeExactly(back, unreleased, 20);
    expect(done.sort()).toEqual(texts(20).sort());
  });
});
