import { describe, expect, it } from "vitest";
import { payloadsOf, queueHouse, queueTools, texts } from "../support/queue-house.ts";
import { startGateway } from "../support/start-gateway.ts";
import { Device5 } from "./mqtt5-device.ts";

const versions = [4, 5] as const;

describe("SUBSCRIBE to a queue", () => {
  it.each(versions)("is granted as asked, in version %s", async (version) => {
    const { port } = await queueHouse();
    const device = await Device5.connect(port, "consumer", { version });
    for (const qos of [0, 1, 2] as const) expect(await device.subscribe({ "$queue/jobs": qos })).toEqual([qos]);
  });

  it.each(versions)("is refused for what is no queue, in version %s, and the connection stays", async (version) => {
    const { port, publish } = await queueHouse();
    const device = await Device5.connect(port, "consumer", { version });
    const filters = ["$queue/other", "$queue/", "$queue/+", "$queue/#", "$queue/jobs/", "$queue/jobs/#", "$queue/Jobs"];
    for (const filter of [...filters, "$queue/jobs/a", "$queue/__proto__", "$queue/constructor"]) {
      const [code] = await device.subscribe({ [filter]: 1 });
      expect(code, filter).toBe(version === 4 ? 0x80 : 0x8f);
    }
    await publish(["1"]);
    await publish(["2"], "$queue/jobs/a");
    expect(await device.messages()).toEqual([]);
  });

  it.each(versions)("is refused in part where others of the packet are right, in version %s", async (version) => {
    const { port } = await queueHouse();
    const device = await Device5.connect(port, "consumer", { version });
    const codes = await device.subscribe({ "$queue/none": 1, "$queue/jobs": 2, t: 0 });
    expect(codes).toEqual([version === 4 ? 0x80 : 0x8f, 2, 0]);
  });

  it.each(["$share/g/$queue/jobs/#", "$share/g/$queue/#", "$share/g/$queue/jobs", "$share/g/$queue/+/a"])(
    "through a shared subscription shows nothing of what a queue gets: %s",
    async (filter) => {
      const { port, publish } = await queueHouse();
      const spy = await Device5.connect(port, "spy");
      await spy.subscribe({ [filter]: 1 });
      await publish(["secret"], "$queue/jobs/a");
      await publish(["secret"], "$queue/jobs");
      expect(payloadsOf(await spy.messages())).toEqual([]);
    },
  );

  it("through a shared subscription shows nothing of what a group gets", async () => {
    const { port } = await startGateway({ groups: { floor: { members: ["member*"] } } });
    const spy = await Device5.connect(port, "spy");
    const member = await Device5.connect(port, "member 1");
    await spy.subscribe({ "$share/g/$group/floor/#": 1 });
    const publisher = await Device5.connect(port, "publisher");
    await publisher.publishWhole("$group/floor/a", "secret");
    expect(payloadsOf(await member.takeAll())).toEqual(["secret"]);
    expect(payloadsOf(await spy.messages())).toEqual([]);
  });

  it("through a shared subscription shows nothing of the answers to others", async () => {
    const { port } = await startGateway();
    const properties = { requestResponseInformation: true };
    const caller = await Device5.connect(port, "caller", { properties });
    const prefix = (caller.connack as unknown as { properties: { responseInformation: string } }).properties
      .responseInformation;
    const spy = await Device5.connect(port, "spy");
    await spy.subscribe({ [`$share/g/${prefix}#`]: 1 });
    await caller.subscribe({ [`${prefix}#`]: 1 });
    await (await Device5.connect(port, "responder")).publishWhole(`${prefix}x`, "secret");
    expect(payloadsOf(await caller.takeAll())).toEqual(["secret"]);
    expect(payloadsOf(await spy.messages())).toEqual([]);
  });

  it("has its subscription identifier in each message, and keeps to Retain As Published", async () => {
    const { port, publish } = await queueHouse();
    const device = await Device5.connect(port, "consumer");
    await device.subscribe({ "$queue/jobs": { qos: 1, rap: true } }, { subscriptionIdentifier: 77 });
    await publish(["1"], "jobs/a", { retain: true });
    expect(await device.take()).toMatchObject({ retain: true, properties: { subscriptionIdentifier: 77 } });
    const plain = await Device5.connect(port, "consumer");
    await plain.subscribe({ "$queue/jobs": 1 });
    await publish(["2"], "jobs/a", { retain: true });
    const message = await plain.take();
    expect(message).toMatchObject({ payload: "2", retain: false });
    expect(message.properties).toEqual({});
  });

  it("calls up no retained messages", async () => {
    const { port, publish, consumer } = await queueHouse();
    await publish(["1"], "jobs/a", { retain: true });
    const first = await consumer("first");
    expect(payloadsOf(await first.takeAll())).toEqual(["1"]);
    const second = await Device5.connect(port, "second");
    await second.subscribe({ "$queue/jobs": 1 });
    expect(await second.messages()).toEqual([]);
  });

  it("and to the topics of the queue brings the job and a copy", async () => {
    const { port, publish } = await queueHouse();
    const device = await Device5.connect(port, "both");
    await device.subscribe({ "$queue/jobs": 1, "jobs/#": 1 });
    await publish(["1"]);
    expect(payloadsOf(await device.takeAll())).toEqual(["1", "1"]);
  });
});

describe("PUBLISH to a queue by its name", () => {
  it.each(versions)(
    "reaches that queue alone, and is delivered as the topic behind it, in version %s",
    async (version) => {
      const running = await startGateway({ queues: { jobs: { topics: ["jobs/#"] }, other: { topics: ["jobs/#"] } } });
      const { consumer, report } = queueTools(running);
      const subscriber = await Device5.connect(running.port, "subscriber");
      await subscriber.subscribe({ "#": 0, "jobs/#": 0, "a/#": 0 });
      const publisher = await Device5.connect(running.port, "publisher", { version });
      for (const qos of [0, 1, 2] as const) {
        expect(await publisher.publishWhole("$queue/jobs/jobs/a/b", `${qos}`, { qos })).toBe(0);
      }
      const worker = await consumer("worker", { qos: 2 });
      const taken = await worker.takeAll();
      expect(taken.map(({ topic, payload, qos }) => [topic, payload, qos])).toEqual([
        ["jobs/a/b", "0", 1],
        ["jobs/a/b", "1", 1],
        ["jobs/a/b", "2", 2],
      ]);
      expect(report("other").messages).toBe(0);
      expect(await subscriber.messages()).toEqual([]);
    },
  );

  it("without a topic is delivered under its own", async () => {
    const { publish, consumer } = await queueHouse();
    await publish(["1"], "$queue/jobs");
    expect(await (await consumer("worker")).take()).toMatchObject({ topic: "$queue/jobs", payload: "1" });
  });

  it("in a queue without topics is the only way in", async () => {
    const { publish, consumer, report } = await queueHouse({ topics: [] });
    await publish(["1"], "jobs/a");
    expect(report().messages).toBe(0);
    await publish(["2"], "$queue/jobs/x");
    expect(await (await consumer("worker")).take()).toMatchObject({ topic: "x", payload: "2" });
  });

  it("that does not exist becomes a dead letter, and MQTT 5 is told so", async () => {
    const { publisher, letters, port } = await queueHouse();
    expect(await publisher.publishWhole("$queue/none/a", "1")).toBe(0x10);
    expect(await publisher.publishWhole("$queue/none", "2", { qos: 2 })).toBe(0x10);
    const old = await Device5.connect(port, "old", { version: 4 });
    expect(await old.publishWhole("$queue/none/a", "3")).toBe(0);
    expect(letters()).toEqual(
      ["1 $queue/none/a", "2 $queue/none", "3 $queue/none/a"].map((each) => `no-such-queue ${each}`),
    );
  });

  it("is success in MQTT 5 without any consumer, and so is a topic that only a queue has", async () => {
    const { publisher } = await queueHouse();
    expect(await publisher.publishWhole("$queue/jobs/a", "1")).toBe(0);
    expect(await publisher.publishWhole("jobs/a", "2")).toBe(0);
    expect(await publisher.publishWhole("nobody", "3")).toBe(0x10);
  });

  it("is told in MQTT 5 that there is no room", async () => {
    const { publisher, letters } = await queueHouse({ messagesMax: 1 });
    expect(await publisher.publishWhole("$queue/jobs/a", "1")).toBe(0);
    expect(await publisher.publishWhole("$queue/jobs/a", "2")).toBe(0x97);
    expect(await publisher.publishWhole("jobs/a", "3")).toBe(0x97);
    expect(letters()).toEqual(["mailbox-full 2 a", "mailbox-full 3 jobs/a"]);
  });

  it("as a will reaches it", async () => {
    const { port, consumer } = await queueHouse();
    const worker = await consumer("worker");
    const will = { topic: "$queue/jobs/gone", payload: Buffer.from("bye"), qos: 1, retain: false };
    await (await Device5.connect(port, "dying", { will })).cut();
    expect(await worker.take()).toMatchObject({ topic: "gone", payload: "bye" });
  });

  it("with RETAIN reaches it, and leaves no retained message anywhere", async () => {
    const { gateway, port, publisher, consumer } = await queueHouse();
    await publisher.publishWhole("$queue/jobs/a", "1", { retain: true });
    expect(await (await consumer("worker")).take()).toMatchObject({ topic: "a", payload: "1", retain: false });
    const subscriber = await Device5.connect(port, "subscriber");
    await subscriber.subscribe({ a: 1, "#": 1 });
    expect(await subscriber.messages()).toEqual([]);
    expect(await gateway.broker.store.retainedMatching(["$queue/#", "a"])).toEqual([]);
  });

  it("ends with a slash and nothing behind it: it is delivered under its own topic", async () => {
    const { publish, consumer } = await queueHouse();
    await publish(["1"], "$queue/jobs/");
    await publish(["2"], "$queue/jobs//");
    const taken = await (await consumer("worker")).takeAll();
    expect(taken.map(({ topic }) => topic)).toEqual(["$queue/jobs/", "/"]);
  });
});

describe("a topic of several queues", () => {
  it.each([0, 1, 2] as const)("reaches each of them, at QoS %s", async (qos) => {
    const running = await startGateway({ queues: { one: { topics: ["jobs/#"] }, two: { topics: ["jobs/+", "#"] } } });
    const { consumer } = queueTools(running);
    const publisher = await Device5.connect(running.port, "publisher");
    for (const payload of texts(5)) await publisher.publishWhole("jobs/a", payload, { qos });
    for (const from of ["one", "two"]) {
      const worker = await consumer(`worker of ${from}`, { from, qos: 2 });
      expect(payloadsOf(await worker.takeAll())).toEqual(texts(5));
    }
  });

  it("that one queue has twice reaches it once", async () => {
    const { publish, consumer } = await queueHouse({ topics: ["jobs/#", "jobs/+", "+/a", "jobs/a"] });
    await publish(["1"]);
    expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(["1"]);
  });

  it("is settled in each of them by itself", async () => {
    const running = await startGateway({ queues: { one: { topics: ["#"] }, two: { topics: ["#"] } } });
    const { consumer, report } = queueTools(running);
    const publisher = await Device5.connect(running.port, "publisher");
    await publisher.publishWhole("a", "x");
    const first = await consumer("first", { from: "one" });
    await first.takeAll();
    expect([report("one").messages, report("two").messages]).toEqual([0, 1]);
    const second = await consumer("second", { from: "two" });
    expect(payloadsOf(await second.takeAll())).toEqual(["x"]);
  });
});
