import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { numbers, publishAll, publishInside, queue, readOf, reload } from "./administration-house.ts";
import { house, houseOf, turns } from "./multicast-house.ts";

const root = temporaryDirectory();

describe("a queue that is taken out of the configuration", () => {
  const jobs = { topics: ["jobs/#"] };

  it("while it holds messages lives on as a left-over without topics, is gone when it is empty, and can be put back", async () => {
    const clock = new ManualClock();
    const running = await house(root, { queues: { jobs } }, clock);
    await publishAll(running, "jobs/1", numbers(1, 3));
    await reload(running, {});
    expect(running.administration.queue("jobs")).toMatchObject({ origin: "left-over", messages: 3, topics: [] });
    expect(running.log.complaints.some(({ text }) => text.includes("not in the configuration any more"))).toBe(true);
    const publisher = await running.device("publisher");
    expect(await publisher.publishWhole("jobs/1", "nobody", { qos: 1 })).toBe(0x10);
    await reload(running, { jobs });
    expect(running.administration.queue("jobs")).toMatchObject({
      origin: "configuration",
      messages: 3,
      topics: ["jobs/#"],
    });
    await publishAll(running, "jobs/1", ["4"]);
    await reload(running, {});
    const worker = await running.device("worker");
    await worker.subscribe({ "$queue/jobs": 1 });
    expect((await worker.takeAll()).map(({ payload }) => payload)).toEqual(numbers(1, 4));
    clock.advance(3000);
    await turns();
    expect(running.administration.queues()).toEqual([]);
    await reload(running, { jobs });
    await publishAll(running, "jobs/1", ["5"]);
    expect((await worker.take()).payload).toBe("5");
  });

  it.each(["stopped", "killed"] as const)(
    "and %s, lives on with its messages, and comes back when it is put back",
    async (how) => {
      const running = await house(root, { queues: { jobs: { ...jobs, deliveriesMax: 7 } } });
      await publishAll(running, "jobs/1", numbers(1, 3));
      await running.away("absent", { "$queue/jobs": 1 });
      await running.administration.pause(queue("jobs"));
      const without = houseOf(await running[how]({ queues: {} }));
      expect(without.administration.queue("jobs")).toMatchObject({
        origin: "left-over",
        messages: 3,
        topics: [],
        paused: true,
      });
      await expect(without.administration.removeQueue("jobs", false)).rejects.toMatchObject({ code: "ERR_CONFLICT" });
      const again = houseOf(await without[how]({ queues: {} }));
      expect(again.administration.queue("jobs")).toMatchObject({ origin: "left-over", messages: 3 });
      const put = houseOf(await again[how]({ queues: { jobs } }));
      expect(put.administration.queue("jobs")).toMatchObject({
        origin: "configuration",
        messages: 3,
        topics: ["jobs/#"],
        paused: true,
      });
      await put.administration.resume(queue("jobs"));
      expect(await readOf(put, "absent")).toEqual(numbers(1, 3));
    },
  );

  it("empty is gone at once, also when the gateway starts without it, and its subscribers are taken in when it is back", async () => {
    const running = await house(root, { queues: { jobs } });
    const worker = await running.device("worker");
    await worker.subscribe({ "$queue/jobs": 1 });
    await running.away("absent", { "$queue/jobs": 1 });
    await reload(running, {});
    expect(running.administration.queues()).toEqual([]);
    await reload(running, { jobs });
    await publishAll(running, "jobs/1", ["1"]);
    expect((await worker.take()).payload).toBe("1");
    const without = houseOf(await running.stopped({ queues: {} }));
    expect(without.administration.queues()).toEqual([]);
    const put = houseOf(await without.stopped({ queues: { jobs } }));
    await publishAll(put, "jobs/1", ["2"]);
    expect(await readOf(put, "absent")).toEqual(["2"]);
  });

  it("and was created before is the created one no more; one that is created and put in is of the configuration", async () => {
    const running = await house(root);
    await running.administration.createQueue("jobs", { topics: ["old/#"] });
    await publishAll(running, "old/1", ["1"]);
    await reload(running, { jobs });
    expect(running.administration.queue("jobs")).toMatchObject({
      origin: "configuration",
      topics: ["jobs/#"],
      messages: 1,
    });
    const started = houseOf(await running.stopped({ queues: { jobs } }));
    expect(started.administration.queue("jobs")).toMatchObject({
      origin: "configuration",
      topics: ["jobs/#"],
      messages: 1,
    });
    expect(await readOf(started, "worker", "$queue/jobs")).toEqual(["1"]);
  });

  it("by a reload has each message once that is published while a new one takes its place", async () => {
    const running = await house(root, { queues: { old: { topics: ["jobs/#"] } } });
    const reloading = reload(running, { fresh: { topics: ["jobs/#"] } });
    let isDone = false;
    void reloading.then(() => {
      isDone = true;
    });
    let count = 0;
    const published: Promise<void>[] = [];
    while (!isDone) {
      published.push(publishInside(running, "jobs/1", `${++count}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    published.push(publishInside(running, "jobs/1", `${++count}`));
    await Promise.all(published);
    const killed = houseOf(await running.killed({ queues: { fresh: { topics: ["jobs/#"] } } }));
    const all: string[] = [];
    for (const { name } of killed.administration.queues()) {
      const read = await readOf(killed, `worker-of-${name}`, `$queue/${name}`);
      expect(new Set(read).size).toBe(read.length);
      all.push(...read);
    }
    // The old one may be gone before the last of them came, but then the fresh one was there.
    expect(new Set(all).size).toBe(count);
  });
});
