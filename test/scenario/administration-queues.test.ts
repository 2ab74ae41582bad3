import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { back, numbers, publishAll, publishInside, queue, readOf } from "./administration-house.ts";
import { fill, house, houseOf, turns } from "./multicast-house.ts";

const root = temporaryDirectory();

describe("a queue that is created while the gateway runs", () => {
  it("takes messages at once, has its settings, and survives a stop and a kill with what waits in it", async () => {
    const running = await house(root);
    const report = await running.administration.createQueue("made", { topics: ["made/#"], deliveriesMax: 3 });
    expect(report).toMatchObject({ name: "made", origin: "created", topics: ["made/#"] });
    await publishAll(running, "made/1", numbers(1, 3));
    await running.administration.pause(queue("made"));
    const stopped = houseOf(await running.stopped());
    expect(stopped.administration.queue("made")).toMatchObject({
      origin: "created",
      paused: true,
      messages: 3,
      topics: ["made/#"],
    });
    const killed = houseOf(await stopped.killed());
    expect(killed.administration.queue("made")).toMatchObject({ origin: "created", paused: true, messages: 3 });
    await publishAll(killed, "made/1", ["4"]);
    expect(await readOf(killed, "worker", "$queue/made")).toEqual([]);
    await killed.administration.resume(queue("made"));
    const again = houseOf(await killed.killed());
    expect(again.administration.queue("made").paused).toBe(false);
    expect(await readOf(again, "worker")).toEqual(numbers(1, 4));
  });

  it("has each message once that is published while it is made, and has it after a kill", async () => {
    const running = await house(root);
    const { gateway, administration } = running;
    const creating = administration.createQueue("made", { topics: ["made/#"] });
    const published: Promise<void>[] = [];
    let isMade = false;
    void creating.then(() => {
      isMade = true;
    });
    let count = 0;
    while (!isMade) {
      published.push(publishInside(running, "made/1", `${++count}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await creating;
    for (let n = 0; n < 3; n++) published.push(publishInside(running, "made/1", `${++count}`));
    await Promise.all(published);
    const { messages } = administration.queue("made");
    expect(gateway.broker.closed).toBe(false);
    const killed = houseOf(await running.killed());
    expect(killed.administration.queue("made").messages).toBe(messages);
    const read = await readOf(killed, "worker", "$queue/made");
    expect(new Set(read).size).toBe(read.length);
    expect(read).toHaveLength(messages);
    expect(read.slice(-3)).toEqual(numbers(count - 2, count));
  });

  it.each(["", "a/b", "a+", "#", "$jobs", "..", "x".repeat(65), "ä", "a b"])("may not be called %j", async (name) => {
    const { administration } = await house(root);
    await expect(administration.createQueue(name, {})).rejects.toMatchObject({ code: "ERR_USAGE" });
    expect(administration.queues()).toEqual([]);
  });

  it("is refused where its settings are wrong, or its name is taken", async () => {
    const { administration } = await house(root, { queues: { jobs: {} } });
    for (const settings of [
      { topics: ["a/#/b"] },
      { topics: ["$queue/x"] },
      { unknown: 1 },
      { messagesMax: 0 },
      [],
      "x",
      null,
    ]) {
      await expect(administration.createQueue("made", settings)).rejects.toMatchObject({
        fault: expect.stringMatching(/peer|configuration/),
      });
    }
    await expect(administration.createQueue("jobs", {})).rejects.toMatchObject({ code: "ERR_CONFLICT" });
    expect(administration.queues()).toHaveLength(1);
    const both = await Promise.allSettled([
      administration.createQueue("made", {}),
      administration.createQueue("made", {}),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });
});

describe("a queue that is removed", () => {
  it("has to be empty, or its messages become dead letters by force; one of the configuration stays", async () => {
    const running = await house(root, { queues: { jobs: {} } });
    const { administration } = running;
    await expect(administration.removeQueue("jobs", true)).rejects.toMatchObject({ code: "ERR_CONFLICT" });
    await expect(administration.removeQueue("none", true)).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await administration.createQueue("made", { topics: ["made/#"], delaySeconds: 0 });
    await publishAll(running, "made/1", numbers(1, 2));
    await publishAll(running, "made/1", ["3"], { properties: { userProperties: { delay: "1000" } } });
    await expect(administration.removeQueue("made", false)).rejects.toMatchObject({ code: "ERR_CONFLICT" });
    expect(administration.queue("made").messages).toBe(3);
    expect(await administration.removeQueue("made", true)).toEqual({ messages: 3 });
    expect(running.letters("queue-removed")).toHaveLength(3);
    expect(administration.queues().map(({ name }) => name)).toEqual(["jobs"]);
    const publisher = await running.device("publisher");
    expect(await publisher.publishWhole("made/1", "x", { qos: 1 })).toBe(0x10);
    expect(await publisher.publishWhole("$queue/made/1", "x", { qos: 1 })).toBe(0x10);
    const killed = houseOf(await running.killed());
    expect(killed.administration.queues().map(({ name }) => name)).toEqual(["jobs"]);
    expect(killed.letters("queue-removed")).toHaveLength(3);
    expect(killed.letters("no-such-queue")).toHaveLength(1);
  });

  it("by force has what its consumers had not settled among the dead letters, once they are gone or did not settle it", async () => {
    const running = await house(root);
    const { administration } = running;
    await administration.createQueue("made", { topics: ["made/#"], consumerWindow: 2 });
    await publishAll(running, "made/1", numbers(1, 4));
    const worker = await running.device("worker");
    await worker.subscribe({ "$queue/made": 1 });
    const had = [await worker.message(), await worker.message()];
    expect(await administration.removeQueue("made", true)).toEqual({ messages: 4 });
    await worker.acknowledge(had[0]!);
    await worker.ping();
    await worker.cut();
    await turns();
    const payloads = running
      .letters("queue-removed")
      .map(({ id }) => Buffer.from(administration.deadLetter(id).payload, "base64").toString());
    expect(payloads.sort()).toEqual(expect.arrayContaining(["2", "3", "4"]));
  });

  it("by force loses nothing that a consumer had not settled where the gateway is killed after that", async () => {
    const running = await house(root);
    await running.administration.createQueue("made", { topics: ["made/#"] });
    await publishAll(running, "made/1", ["x"]);
    const worker = await running.device("worker", back);
    await worker.subscribe({ "$queue/made": 1 });
    await worker.message();
    await running.administration.removeQueue("made", true);
    const killed = houseOf(await running.killed());
    expect(killed.letters()).toMatchObject([{ reason: "queue-removed" }]);
  });

  it("by force loses nothing that is published to it meanwhile", async () => {
    const running = await house(root);
    const { administration } = running;
    await administration.createQueue("made", { topics: ["made/#"] });
    const publisher = await running.device("publisher");
    await fill(publisher, "made/1", numbers(0, 5000 - 1));
    const removing = administration.removeQueue("made", true);
    let isRemoved = false;
    void removing.then(() => {
      isRemoved = true;
    });
    let more = 0;
    const published: Promise<void>[] = [];
    while (!isRemoved) {
      more++;
      published.push(publishInside(running, "$queue/made/1", "meanwhile"));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(published);
    await removing;
    const { counts } = administration.deadLetters({ max: 1 });
    expect((counts["queue-removed"] ?? 0) + (counts["no-such-queue"] ?? 0)).toBe(5000 + more);
  });

  it("and made again has the consumers that stayed subscribed, and the sessions of those that are away", async () => {
    const running = await house(root);
    const { administration } = running;
    await administration.createQueue("made", { topics: ["made/#"] });
    const worker = await running.device("worker");
    await worker.subscribe({ "$queue/made": 1 });
    await running.away("absent", { "$queue/made": 1 });
    await administration.removeQueue("made", false);
    const [refused] = await (await running.device("late")).subscribe({ "$queue/made": 1 });
    expect(refused).toBeGreaterThanOrEqual(0x80);
    await administration.createQueue("made", { topics: ["made/#"] });
    expect(administration.queue("made").consumers.map(({ id }) => id)).toEqual(["worker", "absent"]);
    await publishAll(running, "made/1", ["x"]);
    expect((await worker.take()).payload).toBe("x");
    await worker.cut();
    await publishAll(running, "made/1", ["y"]);
    expect(await readOf(running, "absent")).toEqual(["y"]);
  });

  it("while it is gone is no reason to lose the subscriptions of sessions, also across a restart", async () => {
    const running = await house(root);
    await running.administration.createQueue("made", { topics: ["made/#"] });
    await running.away("absent", { "$queue/made": 1 });
    await running.administration.removeQueue("made", false);
    const later = houseOf(await running.stopped());
    await later.administration.createQueue("made", { topics: ["made/#"] });
    await publishAll(later, "made/1", ["x"]);
    expect(await readOf(later, "absent")).toEqual(["x"]);
  });
});
