import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { testConfig } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { back, numbers, publishAll, readOf } from "./administration-house.ts";
import { Device5 } from "./mqtt5-device.ts";
import { fill, house, houseOf, remainsNow, startedOn, turns } from "./multicast-house.ts";

const root = temporaryDirectory();
const all = { all: true } as const;

describe("dead letters that are requeued", () => {
  it("go to the mailbox that had no room for them, in their order, as they were", async () => {
    const running = await house(root, { mailboxes: { messagesMax: 3 } });
    await running.away("away", { t: 2 });
    const properties = { userProperties: { a: "1" }, contentType: "x" };
    await publishAll(running, "t", numbers(1, 6), { properties });
    expect(await readOf(running, "away")).toEqual(["1", "2", "3"]);
    expect(await running.administration.requeue(all, false)).toEqual({ requeued: 3, refused: 0 });
    expect(running.letters()).toEqual([]);
    const device = await running.device("away", back);
    const messages = await device.takeAll();
    expect(messages.map(({ topic, payload, qos, dup }) => ({ topic, payload, qos, dup }))).toEqual(
      numbers(4, 6).map((payload) => ({ topic: "t", payload, qos: 1, dup: false })),
    );
    for (const message of messages) expect(message.properties).toMatchObject(properties);
  });

  it("stay where there is no room yet: what is refused is not lost, and goes when there is some", async () => {
    const running = await house(root, {
      mailboxes: { messagesMax: 2 },
      queues: { jobs: { topics: ["jobs"], messagesMax: 2 } },
    });
    await running.away("away", { t: 1 });
    await publishAll(running, "t", numbers(1, 5));
    await publishAll(running, "jobs", numbers(1, 5));
    expect(await running.administration.requeue(all, false)).toEqual({ requeued: 0, refused: 6 });
    expect(running.letters()).toHaveLength(6);
    expect(await readOf(running, "away")).toEqual(["1", "2"]);
    expect(await readOf(running, "worker", "$queue/jobs")).toEqual(["1", "2"]);
    expect(await running.administration.requeue(all, false)).toEqual({ requeued: 4, refused: 2 });
    const later = houseOf(await running.killed());
    expect(later.letters()).toHaveLength(2);
    expect(await readOf(later, "away")).toEqual(["3", "4"]);
    expect(await readOf(later, "worker")).toEqual(["3", "4"]);
  });

  it("stay where their destination is missing, and go when it is there", async () => {
    const running = await house(root);
    await publishAll(running, "$queue/jobs/t", ["queue"]);
    await publishAll(running, "$group/floor/t", ["group"]);
    expect(await running.administration.requeue(all, true)).toEqual({ requeued: 0, refused: 2 });
    expect(running.letters()).toHaveLength(2);
    await running.administration.createQueue("jobs", {});
    const { gateway, directory } = running;
    await gateway.reconfigure(
      testConfig({ store: { engine: "nedb", directory }, groups: { floor: { members: ["m-*"] } } }),
    );
    expect(await running.administration.requeue({ destination: "floor" }, false)).toEqual({ requeued: 0, refused: 1 });
    const member = await running.device("m-1");
    expect(await running.administration.requeue(all, false)).toEqual({ requeued: 2, refused: 0 });
    expect(await member.take()).toMatchObject({ topic: "t", payload: "group" });
    const worker = await running.device("worker");
    await worker.subscribe({ "$queue/jobs": 1 });
    expect(await worker.take()).toMatchObject({ topic: "t", payload: "queue" });
    expect(running.letters()).toEqual([]);
  });

  it("stay where the session of their device has ended", async () => {
    const running = await house(root, { mailboxes: { messagesMax: 1 } });
    await running.away("away", { t: 1 });
    await publishAll(running, "t", numbers(1, 2));
    await (await running.device("away", { clean: true })).disconnect();
    expect(await running.administration.requeue(all, true)).toEqual({ requeued: 0, refused: 1 });
    expect(running.letters()).toHaveLength(1);
  });

  it("of a removed queue go to one that was made in its place, to any consumer", async () => {
    const running = await house(root);
    await running.administration.createQueue("jobs", { topics: ["jobs/#"] });
    await publishAll(running, "jobs/1", numbers(1, 4));
    expect(await running.administration.removeQueue("jobs", true)).toEqual({ messages: 4 });
    await running.administration.createQueue("jobs", {});
    expect(await running.administration.requeue({ reason: "queue-removed" }, false)).toEqual({
      requeued: 4,
      refused: 0,
    });
    expect(await readOf(running, "worker", "$queue/jobs")).toEqual(numbers(1, 4));
  });

  it("of a shared subscription go to its members", async () => {
    const running = await house(root, { mailboxes: { messagesMax: 1 } });
    await running.away("away", { "$share/g/t": 1 });
    await publishAll(running, "t", numbers(1, 2));
    expect(await readOf(running, "away")).toEqual(["1"]);
    expect(await running.administration.requeue({ destination: "$share/g/t" }, false)).toEqual({
      requeued: 1,
      refused: 0,
    });
    expect(await readOf(running, "away")).toEqual(["2"]);
  });

  it("that had been delivered too often begin anew to be counted", async () => {
    const running = await house(root, { queues: { jobs: { topics: ["jobs"], deliveriesMax: 1 } } });
    await publishAll(running, "jobs", ["x"]);
    const first = await running.device("worker");
    await first.subscribe({ "$queue/jobs": 1 });
    expect((await first.message()).dup).toBe(false);
    await first.cut();
    await turns();
    expect(running.letters()).toMatchObject([{ reason: "deliveries-exceeded" }]);
    expect(await running.administration.requeue(all, false)).toEqual({ requeued: 1, refused: 0 });
    const second = await running.device("second");
    await second.subscribe({ "$queue/jobs": 1 });
    const again = await second.take();
    expect(again).toMatchObject({ payload: "x", dup: false });
    expect(again.properties).not.toHaveProperty("userProperties");
  });

  it("that had expired are delivered: whoever requeues them wants that", async () => {
    const clock = new ManualClock();
    const running = await house(root, { queues: { jobs: { topics: ["jobs"], timeToLiveSeconds: 5 } } }, clock);
    await running.away("away", { t: 1 });
    await publishAll(running, "t", ["own expiry"], { properties: { messageExpiryInterval: 5 } });
    await publishAll(running, "jobs", ["of the queue"]);
    clock.advance(10_000);
    expect(running.letters().map(({ reason }) => reason)).toEqual(["expired", "expired"]);
    expect(await running.administration.requeue(all, false)).toEqual({ requeued: 2, refused: 0 });
    expect(await readOf(running, "away")).toEqual(["own expiry"]);
    expect(await readOf(running, "worker", "$queue/jobs")).toEqual(["of the queue"]);
  });

  it.each([
    ["a mailbox", "t/long", "narrow", "t/#"],
    ["a mailbox that has an identifier for them", "t/long", "narrow", "t/#"],
    ["a queue", "jobs/long", "narrow", "$queue/jobs"],
  ] as const)(
    "and die again and again in %s are sent there no more than three times, without force",
    async (what, topic, id, filter) => {
      const running = await house(root, { queues: { jobs: { topics: ["jobs/#"] } } });
      const narrow = await running.device(id, { properties: { maximumPacketSize: 60 } });
      await narrow.subscribe({ [filter]: 1 }, what.includes("identifier") ? { subscriptionIdentifier: 5 } : {});
      await publishAll(running, topic, ["x".repeat(100)]);
      const rounds: object[] = [];
      for (let n = 0; n < 5; n++) {
        await turns();
        rounds.push({
          ...(await running.administration.requeue(all, false)),
          requeues: running.letters()[0]?.requeues,
        });
      }
      const requeued = { requeued: 1, refused: 0 };
      const refused = { requeued: 0, refused: 1, requeues: 3 };
      expect(rounds).toEqual([
        { ...requeued, requeues: 1 },
        { ...requeued, requeues: 2 },
        { ...requeued, requeues: 3 },
        refused,
        refused,
      ]);
      expect(await running.administration.requeue(all, true)).toEqual(requeued);
      expect(running.letters()).toMatchObject([{ requeues: 4 }]);
      expect(running.administration.deadLetter(running.letters()[0]!.id).properties).not.toHaveProperty(
        "subscriptionIdentifier",
      );
    },
  );

  it("at QoS 0 or 2 that were addressed to a queue that did not exist wait in it once it does", async () => {
    const running = await house(root);
    for (const qos of [0, 1, 2] as const) await publishAll(running, "$queue/jobs/t", [`${qos}`], { qos });
    await running.administration.createQueue("jobs", {});
    expect(await running.administration.requeue(all, false)).toEqual({ requeued: 3, refused: 0 });
    const later = houseOf(await running.killed());
    expect(later.letters()).toEqual([]);
    expect(await readOf(later, "worker", "$queue/jobs")).toEqual(["0", "1", "2"]);
  });

  it("are refused without a selection and with ids that are not there, and then nothing is done", async () => {
    const running = await house(root);
    await publishAll(running, "$queue/jobs/t", numbers(1, 2));
    const [first, second] = running.letters();
    const { administration } = running;
    await expect(administration.requeue({}, false)).rejects.toMatchObject({ code: "ERR_USAGE" });
    await expect(administration.purgeDeadLetters({})).rejects.toMatchObject({ code: "ERR_USAGE" });
    await expect(administration.purgeDeadLetters({ ids: [first!.id, 999] })).rejects.toMatchObject({
      code: "ERR_NOT_FOUND",
    });
    expect(() => administration.deadLetter(999)).toThrow(expect.objectContaining({ code: "ERR_NOT_FOUND" }));
    expect(running.letters()).toHaveLength(2);
    expect(await administration.purgeDeadLetters({ ids: [first!.id] })).toEqual({ messages: 1 });
    expect(running.letters()).toEqual([second]);
    expect(await administration.purgeDeadLetters({ reason: "expired" })).toEqual({ messages: 0 });
    expect(await administration.purgeDeadLetters(all)).toEqual({ messages: 1 });
    const later = houseOf(await running.killed());
    expect(later.letters()).toEqual([]);
  });
});

describe("a requeue that is interrupted by a kill", () => {
  it("has each message as a dead letter or on its way, and on its way once, wherever the kill falls", {
    timeout: 120_000,
  }, async () => {
    const changes = { queues: { jobs: { topics: ["jobs/#"] } }, store: { durability: "written" } };
    const running = await house(root, changes);
    const payloads = numbers(1, 6000);
    const publisher = await running.device("publisher");
    await fill(publisher, "$queue/later/t", payloads);
    await running.administration.createQueue("later", {});
    const requeueing = running.administration.requeue(all, false);
    const remains: string[] = [];
    let isDone = false;
    const done = requeueing
      .then(() => running.gateway.broker.store.durable())
      .then(() => {
        isDone = true;
      });
    while (!isDone) {
      remains.push(remainsNow(root, running));
      for (let turn = 0; turn < 3 && !isDone; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    await done;
    const spread = remains.filter((_, index) => index % Math.ceil(remains.length / 6) === 0);
    for (const directory of spread) {
      const { gateway } = await startedOn(directory, changes);
      const { letters } = gateway.administration.deadLetters({ max: 100_000 });
      const seen = new Set(letters.map(({ id }) => gateway.administration.deadLetter(id).payload));
      const worker = await Device5.connect(gateway.addresses.get("mqtt")?.port ?? 0, "worker");
      await worker.subscribe({ "$queue/later": 1 });
      for (const { payload } of await worker.takeAll()) seen.add(Buffer.from(payload).toString("base64"));
      expect(seen.size).toBe(payloads.length);
      await gateway.stop();
    }
    expect(await requeueing).toEqual({ requeued: payloads.length, refused: 0 });
    const last = houseOf(await running.killed());
    expect(last.letters()).toEqual([]);
    expect(await readOf(last, "worker", "$queue/later")).toEqual(payloads);
  });
});
