import { describe, expect, it } from "vitest";
import { payloadsOf, queueHouse, texts } from "../support/queue-house.ts";
import { Device5, type Told } from "./mqtt5-device.ts";

describe("each message of a queue", () => {
  it("goes to exactly one consumer, and an ordinary subscriber has its copy", async () => {
    const { port, consumer, publish, report } = await queueHouse();
    const workers = [await consumer("one"), await consumer("two", { version: 4 }), await consumer("three", { qos: 0 })];
    const subscriber = await Device5.connect(port, "subscriber");
    await subscriber.subscribe({ "jobs/#": 1 });
    await publish(texts(30));
    const taken = (await Promise.all(workers.map((each) => each.takeAll()))).flat();
    expect(
      payloadsOf(taken)
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(texts(30).map(Number));
    expect(payloadsOf(await subscriber.takeAll())).toEqual(texts(30));
    expect(report()).toMatchObject({ messages: 0, inDelivery: 0, totals: { arrived: 30, settled: 30 } });
  });

  it.each(
    ([4, 5] as const).flatMap((version) =>
      ([0, 1, 2] as const).flatMap((published) =>
        ([0, 1, 2] as const).map((granted) => [version, published, granted] as const),
      ),
    ),
  )(
    "is delivered in version %s, published at QoS %s and granted QoS %s, at the lower one, and settled",
    async (version, published, granted) => {
      for (const isWaiting of [true, false]) {
        const { port, consumer, report } = await queueHouse();
        const publisher = await Device5.connect(port, "other publisher", { version });
        const early = isWaiting ? null : await consumer("worker", { version, qos: granted });
        for (const payload of texts(3)) await publisher.publishWhole("jobs/a", payload, { qos: published });
        const worker = early ?? (await consumer("worker", { version, qos: granted }));
        const qos = Math.min(Math.max(published, 1), granted);
        for (const payload of texts(3)) {
          expect(await worker.take()).toMatchObject({ payload, qos, topic: "jobs/a", dup: false, retain: false });
        }
        await worker.ping();
        expect(report()).toMatchObject({ messages: 0, inDelivery: 0, totals: { settled: 3, redelivered: 0 } });
      }
    },
  );

  it("waits until there is a consumer", async () => {
    const { consumer, publish, report } = await queueHouse();
    await publish(texts(50));
    expect(report()).toMatchObject({ messages: 50, consumers: [] });
    expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(texts(50));
  });

  it("is settled by PUBCOMP at QoS 2 and by nothing before", async () => {
    const { consumer, publish, report } = await queueHouse();
    const worker = await consumer("worker", { qos: 2 });
    await publish(["1"], "jobs/a", { qos: 2 });
    const { packetId: messageId } = await worker.message();
    worker.send({ cmd: "pubrec", messageId });
    await worker.answer("pubrel", messageId);
    expect(report()).toMatchObject({ inDelivery: 1, totals: { settled: 0 } });
    worker.send({ cmd: "pubcomp", messageId });
    await worker.ping();
    expect(report()).toMatchObject({ inDelivery: 0, totals: { settled: 1 } });
  });
});

describe("consumerWindow", () => {
  it("is how many messages a consumer has and has not settled", async () => {
    const { consumer, publish } = await queueHouse({ consumerWindow: 3 });
    const worker = await consumer("worker");
    await publish(texts(10));
    const first = await worker.messages();
    expect(payloadsOf(first)).toEqual(["1", "2", "3"]);
    await worker.acknowledge(first[1] as Told);
    expect(payloadsOf(await worker.messages())).toEqual(["4"]);
  });

  it("counts for each consumer by itself; the receive maximum of a client counts beside it", async () => {
    const { consumer, publish } = await queueHouse({ consumerWindow: 3 });
    const one = await consumer("one");
    const two = await consumer("two", { properties: { receiveMaximum: 2 } });
    await publish(texts(10));
    expect(await one.messages()).toHaveLength(3);
    expect(await two.messages()).toHaveLength(2);
  });

  it("that grows while it runs lets more through at once; one that shrinks takes nothing back", async () => {
    const { consumer, publish, reconfigure } = await queueHouse({ consumerWindow: 2 });
    const worker = await consumer("worker");
    await publish(texts(6));
    expect(await worker.messages()).toHaveLength(2);
    await reconfigure({ consumerWindow: 4 });
    const more = await worker.messages();
    expect(payloadsOf(more)).toEqual(["3", "4"]);
    await reconfigure({ consumerWindow: 1 });
    await worker.acknowledge(more[0] as Told);
    expect(await worker.messages()).toEqual([]);
  });
});

describe("dispatch", () => {
  it("round-robin gives each consumer its turn", async () => {
    const { consumer, publish } = await queueHouse({ dispatch: "round-robin" });
    const workers = [await consumer("one"), await consumer("two"), await consumer("three")];
    await publish(texts(9));
    for (const [i, worker] of workers.entries()) {
      expect(payloadsOf(await worker.messages())).toEqual([`${i + 1}`, `${i + 4}`, `${i + 7}`]);
    }
  });

  it("round-robin passes over who has no room, also where that leaves or another comes", async () => {
    const { consumer, publish } = await queueHouse({ dispatch: "round-robin", consumerWindow: 2 });
    const workers = [await consumer("one"), await consumer("two"), await consumer("three")] as [
      Device5,
      Device5,
      Device5,
    ];
    await publish(texts(6));
    await workers[0].cut();
    const fourth = await consumer("four");
    await publish(["7"]);
    expect((await fourth.messages()).map(({ payload, dup }) => [payload, dup])).toEqual([
      ["1", true],
      ["4", true],
    ]);
    await workers[2].takeAll();
    expect(payloadsOf(await workers[1].messages())).toEqual(["2", "5"]);
  });

  it("least-busy gives the next one to who has the fewest unsettled", async () => {
    const { consumer, publish } = await queueHouse();
    const workers = [await consumer("one"), await consumer("two"), await consumer("three")] as [
      Device5,
      Device5,
      Device5,
    ];
    await publish(texts(9));
    const [, second] = await Promise.all(workers.map((each) => each.messages()));
    expect(second).toHaveLength(3);
    for (const each of (second as Told[]).slice(0, 2)) await workers[1].acknowledge(each);
    await workers[1].ping();
    await publish(["10", "11"]);
    expect(payloadsOf(await workers[1].messages())).toEqual(["10", "11"]);
  });

  it("does not let one that stands still keep others from theirs", async () => {
    for (const dispatch of ["least-busy", "round-robin", "by-key"]) {
      const { consumer, publish } = await queueHouse({ dispatch, consumerWindow: 2, keyTopicLevel: 2 });
      await consumer("standing still");
      const worker = await consumer("worker");
      const got: string[] = [];
      for (const payload of texts(40)) {
        await publish([payload], `jobs/${payload}`);
        got.push(...payloadsOf(await worker.takeAll()));
      }
      expect(got.length, dispatch).toBeGreaterThanOrEqual(dispatch === "by-key" ? 20 : 38);
    }
  });
});

describe("consumersMax", () => {
  it("makes further consumers backups, which step in where one leaves", async () => {
    const { consumer, publish, report } = await queueHouse({ consumersMax: 1, consumerWindow: 2 });
    const first = await consumer("first");
    const second = await consumer("second");
    const third = await consumer("third");
    await publish(texts(4));
    expect(payloadsOf(await first.messages())).toEqual(["1", "2"]);
    expect(await second.messages()).toEqual([]);
    expect(report().consumers.map(({ id, backup }) => [id, backup])).toEqual([
      ["first", false],
      ["second", true],
      ["third", true],
    ]);
    await first.cut();
    expect(payloadsOf(await second.takeAll())).toEqual(texts(4));
    const back = await consumer("first");
    await publish(["5"]);
    expect(payloadsOf(await second.takeAll())).toEqual(["5"]);
    await second.unsubscribe("$queue/jobs");
    await publish(["6"]);
    expect(payloadsOf(await third.takeAll())).toEqual(["6"]);
    expect(await back.messages()).toEqual([]);
  });

  it("of 1 is an exclusive consumer, whose order is kept when a backup takes its place", async () => {
    const { consumer, publish } = await queueHouse({ consumersMax: 1, consumerWindow: 5 });
    const first = await consumer("first");
    const second = await consumer("second");
    await publish(texts(20));
    for (const each of (await first.messages()).slice(0, 2)) await first.acknowledge(each);
    await first.ping();
    await first.cut();
    expect(payloadsOf(await second.takeAll())).toEqual(texts(20, 3));
  });

  it("that grows makes a backup a consumer at once", async () => {
    const { consumer, publish, reconfigure } = await queueHouse({ consumersMax: 1, consumerWindow: 2 });
    await consumer("first");
    const second = await consumer("second");
    await publish(texts(4));
    await reconfigure({ consumersMax: 2, consumerWindow: 2 });
    expect(payloadsOf(await second.messages())).toEqual(["3", "4"]);
  });
});
