import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsOf, queueHouse, texts } from "../support/queue-house.ts";
import { Device5, type Told } from "./mqtt5-device.ts";

const said = (userProperties: Record<string, string>, more: object = {}) => ({
  properties: { userProperties, ...more },
});

const timedHouse = async (settings: object = {}) => {
  const clock = new ManualClock();
  const house = await queueHouse(settings, { clock });
  const pass = async (seconds: number) => {
    clock.advance(seconds * 1000);
    await house.publisher.ping();
  };
  return { ...house, clock, pass };
};

describe("priority", () => {
  it("by the user property: 9 first, 0 last, 4 without one, each in the order in which they came", async () => {
    const { consumer, publish } = await queueHouse();
    const expected: string[] = [];
    for (const round of ["a", "b"]) {
      for (const priority of ["3", "9", "0", "5", "4", "1", "8"]) {
        await publish([`${priority}${round}`], "jobs/a", said({ priority }));
        expected.push(`${priority}${round}`);
      }
      await publish([`4${round}-none`]);
      expected.push(`4${round}-none`);
    }
    const taken = payloadsOf(await (await consumer("worker")).takeAll());
    expect(taken).toEqual(expected.sort((one, other) => Number(other[0]) - Number(one[0])));
  });

  it.each(["10", "-1", "4.5", "high", "", " 9", "9 ", "0x9", "1e0", "99999999999999999999"])(
    "that says %j is taken for none",
    async (priority) => {
      const { consumer, publish } = await queueHouse({ priorities: [{ topics: ["jobs/a"], priority: 5 }] });
      await publish(["6"], "jobs/b", said({ priority: "6" }));
      await publish(["wrong"], "jobs/a", said({ priority }));
      await publish(["5"], "jobs/b", said({ priority: "5" }));
      expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(["6", "wrong", "5"]);
    },
  );

  it("by topic: the first that matches counts, the user property overrides it, 4 where none does", async () => {
    const priorities = [
      { topics: ["jobs/urgent/#", "jobs/+/now"], priority: 9 },
      { topics: ["jobs/urgent/later", "jobs/slow/#"], priority: 1 },
    ];
    const { consumer, publish } = await queueHouse({ priorities });
    await publish(["slow"], "jobs/slow/x");
    await publish(["plain"], "jobs/x");
    await publish(["slow but now"], "jobs/slow/now");
    await publish(["urgent later"], "jobs/urgent/later");
    await publish(["urgent"], "jobs/urgent");
    await publish(["urgent, it says 0"], "jobs/urgent/x", said({ priority: "0" }));
    const taken = payloadsOf(await (await consumer("worker")).takeAll());
    expect(taken).toEqual(["slow but now", "urgent later", "urgent", "plain", "slow", "urgent, it says 0"]);
  });

  it("by topic goes by the topic under which a message is delivered", async () => {
    const { consumer, publish } = await queueHouse({ priorities: [{ topics: ["urgent/#"], priority: 9 }] });
    await publish(["plain"], "$queue/jobs/x");
    await publish(["urgent"], "$queue/jobs/urgent/x");
    expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(["urgent", "plain"]);
  });

  it("that changes while messages wait counts for them", async () => {
    const { consumer, publish, reconfigure } = await queueHouse();
    await publish(["a"], "jobs/a");
    await publish(["b"], "jobs/b");
    await reconfigure({ priorities: [{ topics: ["jobs/b"], priority: 9 }] });
    expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(["b", "a"]);
  });

  it("of messages at QoS 2 counts too, mixed with others", async () => {
    const { consumer, publish } = await queueHouse();
    await publish(["1"], "jobs/a", { qos: 2, ...said({ priority: "1" }) });
    await publish(["5"], "jobs/a", { qos: 0, ...said({ priority: "5" }) });
    await publish(["9"], "jobs/a", { qos: 2, ...said({ priority: "9" }) });
    expect(payloadsOf(await (await consumer("worker", { qos: 2 })).takeAll())).toEqual(["9", "5", "1"]);
  });
});

describe("what waits too long", () => {
  it("by the queue's time to live becomes a dead letter", async () => {
    const { publish, pass, letters, report } = await timedHouse({ timeToLiveSeconds: 10 });
    await publish(["1"]);
    await pass(9);
    await publish(["2"]);
    expect(letters()).toEqual([]);
    await pass(3);
    expect(letters()).toEqual(["expired 1 jobs/a"]);
    expect(report()).toMatchObject({ messages: 1, totals: { deadLetters: 1 } });
  });

  it("by its own expiry becomes a dead letter, behind one that waits longer, and whatever its priority", async () => {
    const { consumer, publish, pass, letters } = await timedHouse();
    await publish(["long"]);
    await publish(["short"], "jobs/a", { properties: { messageExpiryInterval: 5 } });
    await publish(["short, low"], "jobs/a", said({ priority: "0" }, { messageExpiryInterval: 5 }));
    await pass(7);
    expect(letters().sort()).toEqual(["expired short jobs/a", "expired short, low jobs/a"]);
    expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(["long"]);
  });

  it("tells the consumer how much of its expiry is left", async () => {
    const { consumer, publish, pass } = await timedHouse();
    await publish(["1"], "jobs/a", { properties: { messageExpiryInterval: 100 } });
    await pass(40);
    const { properties } = await (await consumer("worker")).take();
    expect(properties.messageExpiryInterval).toBe(60);
  });

  it("with one consumer is a dead letter when that gives it back too late", async () => {
    const { consumer, publish, pass, letters } = await timedHouse({ settleTimeoutSeconds: 0 });
    const worker = await consumer("worker");
    await publish(["1"], "jobs/a", { properties: { messageExpiryInterval: 5 } });
    await worker.message();
    await pass(10);
    expect(letters()).toEqual([]);
    await worker.cut();
    const other = await consumer("other");
    expect(await other.messages()).toEqual([]);
    expect(letters()).toEqual(["expired 1 jobs/a"]);
  });

  it("because its key's consumer has no room becomes a dead letter too", async () => {
    const { consumer, publish, pass, letters } = await timedHouse({
      dispatch: "by-key",
      keyTopicLevel: 2,
      consumerWindow: 1,
      settleTimeoutSeconds: 0,
    });
    const worker = await consumer("worker");
    await publish(["1", "2"], "jobs/k");
    await publish(["3"], "jobs/k", { properties: { messageExpiryInterval: 5 } });
    await pass(7);
    expect(letters()).toEqual(["expired 3 jobs/k"]);
    expect(payloadsOf(await worker.takeAll())).toEqual(["1", "2"]);
  });

  it("behind a delay becomes a dead letter", async () => {
    const { publish, pass, letters } = await timedHouse({ delaySeconds: 100 });
    await publish(["1"], "jobs/a", { properties: { messageExpiryInterval: 5 } });
    await pass(7);
    expect(letters()).toEqual(["expired 1 jobs/a"]);
  });
});

describe("a delay", () => {
  it("of the queue holds back the first delivery, and each message by itself", async () => {
    const { consumer, publish, pass, report } = await timedHouse({ delaySeconds: 10 });
    const worker = await consumer("worker");
    await publish(["1"]);
    await pass(5);
    await publish(["2"]);
    expect(report()).toMatchObject({ messages: 2, delayed: 2 });
    await pass(4);
    expect(await worker.messages()).toEqual([]);
    await pass(2);
    expect(payloadsOf(await worker.messages())).toEqual(["1"]);
    await pass(5);
    expect(payloadsOf(await worker.messages())).toEqual(["2"]);
  });

  it("does not hold back a redelivery", async () => {
    const { consumer, publish, pass } = await timedHouse({ delaySeconds: 10 });
    const worker = await consumer("worker");
    await publish(["1"]);
    await pass(12);
    await worker.message();
    await worker.cut();
    expect((await (await consumer("other")).take()).payload).toBe("1");
  });

  it("that is set while a message waits for its second delivery does not hold that back", async () => {
    const { consumer, publish, pause, resume, reconfigure } = await timedHouse();
    const worker = await consumer("worker");
    await publish(["1"]);
    await worker.message();
    await pause();
    await worker.cut();
    await reconfigure({ delaySeconds: 600 });
    const other = await consumer("other");
    await resume();
    expect(payloadsOf(await other.messages())).toEqual(["1"]);
  });

  it("of the user property overrides that of the queue, longer, shorter, none and in fractions", async () => {
    const { consumer, publish, pass } = await timedHouse({ delaySeconds: 10 });
    const worker = await consumer("worker");
    for (const delay of ["20", "3", "0", "0.5"]) await publish([delay], "jobs/a", said({ delay }));
    expect(payloadsOf(await worker.takeAll())).toEqual(["0"]);
    await pass(2);
    expect(payloadsOf(await worker.takeAll())).toEqual(["0.5"]);
    await pass(3);
    expect(payloadsOf(await worker.takeAll())).toEqual(["3"]);
    await pass(14);
    expect(await worker.messages()).toEqual([]);
    await pass(3);
    expect(payloadsOf(await worker.takeAll())).toEqual(["20"]);
  });

  it.each(["soon", "-5", "", "5 s", "Infinity"])("that says %j is taken for none", async (delay) => {
    const { consumer, publish } = await timedHouse();
    await publish(["1"], "jobs/a", said({ delay }));
    expect((await (await consumer("worker")).take()).payload).toBe("1");
  });

  it("of a year does not run over the longest time of a timer", async () => {
    const { consumer, publish, clock, publisher } = await timedHouse({ timeToLiveSeconds: 0 });
    const worker = await consumer("worker");
    await publish(["1"], "jobs/a", said({ delay: `${365 * 24 * 3600}` }));
    expect(await worker.messages()).toEqual([]);
    clock.advance(1000);
    await publisher.ping();
    expect(await worker.messages()).toEqual([]);
  });

  it.each(["31536001", "99999999999", "1000000000000"])(
    "of %s seconds, longer than can be, is not taken for none",
    async (delay) => {
      const { consumer, publish } = await timedHouse();
      const worker = await consumer("worker");
      await publish(["1"], "jobs/a", said({ delay }));
      expect(await worker.messages()).toEqual([]);
    },
  );

  it("brings messages that are due at the same time in the order in which they came, by priority", async () => {
    const { consumer, publish, pass } = await timedHouse({ delaySeconds: 10 });
    await publish(texts(5));
    await publish(["first"], "jobs/a", said({ priority: "9" }));
    await publish(["0"], "jobs/a", said({ delay: "0" }));
    await pass(20);
    expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(["first", ...texts(5), "0"]);
  });

  it("that is taken from the settings lets go what waits at once", async () => {
    const { consumer, publish, reconfigure } = await timedHouse({ delaySeconds: 1000 });
    const worker = await consumer("worker");
    await publish(["1"]);
    await reconfigure({ delaySeconds: 0 });
    expect((await worker.take()).payload).toBe("1");
  });
});

describe("a queue that is paused", () => {
  it("takes messages and delivers none; what is under way may be settled", async () => {
    const { consumer, publish, pause, resume, report } = await queueHouse();
    const worker = await consumer("worker");
    await publish(["1"]);
    const first = await worker.message();
    await pause();
    await publish(texts(5, 2));
    await worker.acknowledge(first);
    expect(await worker.messages()).toEqual([]);
    const other = await consumer("other");
    expect(await other.messages()).toEqual([]);
    expect(report()).toMatchObject({ paused: true, messages: 4, totals: { settled: 1 } });
    await resume();
    const taken: Told[] = [...(await worker.takeAll()), ...(await other.takeAll())];
    expect(payloadsOf(taken).sort()).toEqual(texts(5, 2));
  });

  it("again and again while messages come loses none and brings none twice", async () => {
    const { port, consumer, pause, resume } = await queueHouse();
    const workers = [await consumer("one"), await consumer("two", { qos: 2 })];
    const publisher = await Device5.connect(port, "steady");
    const got: string[] = [];
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 15; i++) publisher.publish("jobs/a", `${round * 15 + i}`, { qos: (i % 3) as 0 | 1 | 2 });
      await (round % 2 === 0 ? pause() : resume());
      for (const worker of workers) got.push(...payloadsOf(await worker.takeAll()));
      await publisher.ping();
    }
    await resume();
    await publisher.ping();
    for (let i = 0; i < 3; i++) for (const worker of workers) got.push(...payloadsOf(await worker.takeAll()));
    expect(got.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });

  it("stays so while what consumers give back waits in its old place", async () => {
    const { consumer, publish, pause, resume } = await queueHouse({ consumerWindow: 2 });
    const leaving = await consumer("leaving");
    await publish(texts(4));
    await leaving.messages();
    await pause();
    await leaving.cut();
    const other = await consumer("other");
    expect(await other.messages()).toEqual([]);
    await resume();
    expect(payloadsOf(await other.takeAll())).toEqual(texts(4));
  });
});
