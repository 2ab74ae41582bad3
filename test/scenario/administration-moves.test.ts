import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { back, mailbox, numbers, publishAll, publishInside, queue, readOf, reload } from "./administration-house.ts";
import { fill, type House, house, houseOf } from "./multicast-house.ts";

const root = temporaryDirectory();

describe("what is moved", () => {
  it("from queue to queue, device to queue and queue to device keeps its order, topic, properties and QoS", async () => {
    const running = await house(root, { queues: { a: { topics: ["a/#"] }, b: {} } });
    const { administration } = running;
    const properties = { userProperties: { x: "y" }, contentType: "z" };
    await publishAll(running, "a/1", numbers(1, 3), { properties });
    await publishAll(running, "a/1", ["4"], { qos: 2, properties });
    expect(await administration.move(queue("a"), queue("b"))).toEqual({ messages: 4, left: 0 });
    await running.away("reader");
    expect(await administration.move(queue("b"), mailbox("reader"), 3)).toEqual({ messages: 3, left: 1 });
    expect(await administration.move(mailbox("reader"), queue("a"), 1)).toEqual({ messages: 1, left: 2 });
    const killed = houseOf(await running.killed());
    expect(killed.administration.queue("a").messages).toBe(1);
    expect(killed.administration.queue("b").messages).toBe(1);
    const reader = await killed.device("reader", back);
    const messages = await reader.takeAll();
    expect(messages.map(({ topic, payload, qos }) => ({ topic, payload, qos }))).toEqual([
      { topic: "a/1", payload: "2", qos: 1 },
      { topic: "a/1", payload: "3", qos: 1 },
    ]);
    for (const message of messages) expect(message.properties).toEqual(properties);
    const worker = await killed.device("worker");
    await worker.subscribe({ "$queue/b": 2 });
    expect(await worker.take()).toMatchObject({ payload: "4", qos: 2, topic: "a/1", dup: false, properties });
  });

  it("stops where there is no room, and the rest keeps its place before what came meanwhile", async () => {
    const running = await house(root, { queues: { a: { topics: ["a/#"] }, b: { messagesMax: 2 } } });
    await publishAll(running, "a/1", numbers(1, 5));
    const moving = running.administration.move(queue("a"), queue("b"));
    const coming = publishInside(running, "a/1", "6");
    expect(await moving).toMatchObject({ messages: 2 });
    await coming;
    expect(await readOf(running, "worker", "$queue/a")).toEqual(["3", "4", "5", "6"]);
    expect(await readOf(running, "other", "$queue/b")).toEqual(["1", "2"]);
  });

  it("is moved whole while messages come and consumers take: nothing is lost and nothing doubled", async () => {
    const running = await house(root, {
      queues: { a: { topics: ["a/#"], messagesMax: 50_000 }, b: { messagesMax: 50_000 } },
    });
    const publisher = await running.device("publisher");
    await fill(publisher, "a/1", numbers(0, 5000 - 1));
    const moving = running.administration.move(queue("a"), queue("b"));
    let isMoved = false;
    void moving.then(() => {
      isMoved = true;
    });
    let count = 5000;
    const published: Promise<void>[] = [];
    while (!isMoved) {
      published.push(publishInside(running, "a/1", `${count++}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await moving).toMatchObject({ messages: 5000 });
    await Promise.all(published);
    const killed = houseOf(await running.killed());
    const read = [...(await readOf(killed, "worker", "$queue/a")), ...(await readOf(killed, "other", "$queue/b"))];
    expect(read.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  it.each([
    ["a removal", (each: House) => each.administration.removeQueue("a", false)],
    ["a removal by force", (each: House) => each.administration.removeQueue("a", true)],
    ["a purge", (each: House) => each.administration.purge(queue("a"))],
    ["a move elsewhere", (each: House) => each.administration.move(queue("a"), queue("c"))],
    ["a reload without it", (each: House) => reload(each, { b: { messagesMax: 4500 }, c: {} })],
  ])("is safe from %s of its queue meanwhile", async (what, disturb) => {
    const isOfFile = what.startsWith("a reload");
    const queues = { b: { messagesMax: 4500 }, c: {}, ...(isOfFile ? { a: { topics: ["a/#"] } } : {}) };
    const running = await house(root, { queues, deadLetters: { messagesMax: 100_000 } });
    const { administration } = running;
    if (!isOfFile) await administration.createQueue("a", { topics: ["a/#"] });
    const publisher = await running.device("publisher");
    await fill(publisher, "a/1", numbers(1, 6000));
    const moving = administration.move(queue("a"), queue("b"));
    const disturbed: unknown = await disturb(running).catch((error: { code: string }) => error.code);
    await moving;
    const purged = what === "a purge" ? ((disturbed as { messages?: number }).messages ?? 0) : 0;
    const depths = administration.queues().map(({ messages }) => messages);
    const sum = [...depths, purged, running.letters("queue-removed").length].reduce((all, each) => all + each);
    expect(sum).toBe(6000);
    const killed = houseOf(await running.killed(isOfFile ? { queues: { b: { messagesMax: 4500 }, c: {} } } : {}));
    const after = killed.administration.queues().map(({ messages }) => messages);
    expect([...after, purged, killed.letters("queue-removed").length].reduce((all, each) => all + each)).toBe(6000);
  });

  it("is safe from a removal by force of the queue that it goes to", async () => {
    const running = await house(root, { queues: { a: { topics: ["a/#"] } }, deadLetters: { messagesMax: 100_000 } });
    const { administration } = running;
    await administration.createQueue("made", {});
    await fill(await running.device("publisher"), "a/1", numbers(1, 6000));
    const moving = administration.move(queue("a"), queue("made"));
    const removed = await administration.removeQueue("made", true).catch((error: { code: string }) => error.code);
    await moving;
    const depths = administration.queues().map(({ messages }) => messages);
    const sum = [...depths, running.letters("queue-removed").length].reduce((all, each) => all + each);
    expect({ removed, sum }).toMatchObject({ sum: 6000 });
  });

  it("to a device stops where its session ends meanwhile", async () => {
    const clock = new ManualClock();
    const changes = { queues: { a: { topics: ["a/#"] } }, mailboxes: { messagesMax: 100_000 } };
    const running = await house(root, changes, clock);
    const { administration } = running;
    await running.away("reader");
    await fill(await running.device("publisher"), "a/1", numbers(1, 6000));
    const moving = administration.move(queue("a"), mailbox("reader"));
    clock.advance(3_601_000);
    const { messages, left } = await moving;
    expect(() => administration.mailbox("reader")).toThrow(expect.objectContaining({ code: "ERR_NOT_FOUND" }));
    // What had gone to the session that ended is gone with it; nothing goes there after that.
    expect(messages).toBeLessThan(6000);
    expect(messages + left).toBe(6000);
    expect(administration.queue("a").messages).toBe(left);
  });

  it("is refused to itself, and to or from what is not there, and nothing happens", async () => {
    const running = await house(root, { queues: { a: { topics: ["a/#"] } } });
    await publishAll(running, "a/1", numbers(1, 3));
    const { administration } = running;
    await expect(administration.move(queue("a"), queue("a"))).rejects.toMatchObject({ code: "ERR_USAGE" });
    await expect(administration.move(queue("a"), queue("none"))).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await expect(administration.move(mailbox("none"), queue("a"))).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    expect(await readOf(running, "worker", "$queue/a")).toEqual(numbers(1, 3));
  });

  it("to a device that is connected goes to it at once, and to a paused queue waits", async () => {
    const running = await house(root, { queues: { a: { topics: ["a/#"] }, b: {} } });
    await publishAll(running, "a/1", numbers(1, 4));
    const reader = await running.device("reader");
    await running.administration.move(queue("a"), mailbox("reader"), 2);
    expect((await reader.takeAll()).map(({ payload }) => payload)).toEqual(["1", "2"]);
    await running.administration.pause(queue("b"));
    await running.administration.move(queue("a"), queue("b"));
    expect(await readOf(running, "worker", "$queue/b")).toEqual([]);
    await running.administration.resume(queue("b"));
    expect(await readOf(running, "worker")).toEqual(["3", "4"]);
  });

  it("did not expire sooner or later for that, and what was delayed waits as long as before", async () => {
    const clock = new ManualClock();
    const running = await house(
      root,
      { queues: { a: { topics: ["a/#"], timeToLiveSeconds: 100 }, b: { timeToLiveSeconds: 100 } } },
      clock,
    );
    await publishAll(running, "a/1", ["ages"]);
    await publishAll(running, "a/1", ["delayed"], { properties: { userProperties: { delay: "50" } } });
    clock.advance(40_000);
    await running.administration.move(queue("a"), queue("b"));
    expect(running.administration.queue("b")).toMatchObject({ messages: 2, delayed: 1, oldestSeconds: 40 });
    clock.advance(15_000);
    expect(running.administration.queue("b")).toMatchObject({ messages: 2, delayed: 0 });
    clock.advance(60_000);
    expect(running.administration.queue("b").messages).toBe(0);
    expect(running.letters("expired")).toHaveLength(2);
  });
});
