import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { again, payloadsOf, queueHouse, texts } from "../support/queue-house.ts";

const withKey = (key: string) => ({ properties: { userProperties: { key } } });

describe("a queue that is dispatched by key", () => {
  it.each(["user property", "topic level"])("keeps each key with one consumer, by %s", async (by) => {
    const { consumer, publish } = await queueHouse({ dispatch: "by-key", keyTopicLevel: 2, consumerWindow: 100 });
    const workers = [await consumer("one"), await consumer("two"), await consumer("three")];
    for (const payload of texts(60)) {
      const key = `k${Number(payload) % 7}`;
      if (by === "topic level") await publish([`${key} ${payload}`], `jobs/${key}`);
      else await publish([`${key} ${payload}`], "jobs/same", withKey(key));
    }
    const seen = new Map<string, number>();
    for (const [i, worker] of workers.entries()) {
      for (const { payload } of await worker.messages()) {
        const key = payload.split(" ")[0] as string;
        expect(seen.get(key) ?? i).toBe(i);
        seen.set(key, i);
      }
    }
    expect(seen.size).toBe(7);
    expect(new Set(seen.values()).size).toBe(3);
  });

  it("keeps a key with its consumer when another one comes, and when it has settled all", async () => {
    const { consumer, publish } = await queueHouse({ dispatch: "by-key" });
    const first = await consumer("first");
    await publish(["1"], "jobs/a", withKey("k"));
    await first.take();
    const second = await consumer("second");
    await publish(["2", "3"], "jobs/a", withKey("k"));
    expect(payloadsOf(await first.takeAll())).toEqual(["2", "3"]);
    expect(await second.messages()).toEqual([]);
  });

  it("has a message wait for the consumer of its key, though another one has room, and others pass it", async () => {
    const { consumer, publish } = await queueHouse({ dispatch: "by-key", consumerWindow: 1 });
    const first = await consumer("first");
    await publish(["1"], "jobs/a", withKey("k"));
    const one = await first.message();
    const second = await consumer("second");
    await publish(["2", "3"], "jobs/a", withKey("k"));
    await publish(["other"], "jobs/a", withKey("l"));
    expect(payloadsOf(await second.messages())).toEqual(["other"]);
    await first.acknowledge(one);
    expect((await first.take()).payload).toBe("2");
    expect((await first.take()).payload).toBe("3");
  });

  it("gives all of a key to one other, in their order, when its consumer leaves", async () => {
    const { consumer, publish } = await queueHouse({ dispatch: "by-key", consumerWindow: 2 });
    const first = await consumer("first");
    await publish(texts(6), "jobs/a", withKey("k"));
    const others = [await consumer("second"), await consumer("third")];
    await first.cut();
    const [one, two] = await Promise.all(others.map((each) => each.takeAll()));
    expect([one?.length, two?.length].sort()).toEqual([0, 6]);
    expect(payloadsOf([...(one ?? []), ...(two ?? [])])).toEqual(texts(6));
  });

  it("gives all of a key to another one, in their order, when its consumer takes too long", async () => {
    const clock = new ManualClock();
    const { consumer, publish } = await queueHouse({ dispatch: "by-key", settleTimeoutSeconds: 10 }, { clock });
    const first = await consumer("first");
    await publish(["1"], "jobs/a", withKey("k"));
    clock.advance(6000);
    await publish(["2", "3"], "jobs/a", withKey("k"));
    await first.ping();
    const second = await consumer("second");
    clock.advance(5000);
    expect(await second.takeAll()).toMatchObject(texts(3).map((payload) => ({ payload, ...again(2) })));
  });

  it("keeps the order of a key when its consumer unsubscribes with some of it unsettled, and leaves", async () => {
    const { consumer, publish } = await queueHouse({ dispatch: "by-key" });
    const first = await consumer("first");
    await publish(["1"], "jobs/a", withKey("k"));
    await first.message();
    const second = await consumer("second");
    await first.unsubscribe("$queue/jobs");
    await publish(["2"], "jobs/a", withKey("k"));
    const early = payloadsOf(await second.takeAll());
    await first.cut();
    expect([...early, ...payloadsOf(await second.takeAll())]).toEqual(["1", "2"]);
  });

  it("keeps the order of a key over what is too large for its consumer", async () => {
    const { consumer, publish, publisher } = await queueHouse({ dispatch: "by-key" });
    const narrow = await consumer("narrow", { properties: { maximumPacketSize: 200 } });
    await publish(["1"], "jobs/a", withKey("k"));
    await narrow.message();
    const wide = await consumer("wide");
    await publish(["x".repeat(300)], "jobs/a", withKey("k"));
    await publish(["3"], "jobs/a", withKey("k"));
    const early = (await wide.takeAll()).map(({ payload }) => payload[0]);
    await narrow.cut();
    await publisher.ping();
    const all = [...early, ...(await wide.takeAll()).map(({ payload }) => payload[0])];
    expect(all).toEqual(["1", "x", "3"]);
  });

  it("gives messages without a key to anybody", async () => {
    const { consumer, publish } = await queueHouse({ dispatch: "by-key" });
    const workers = [await consumer("one"), await consumer("two")];
    await publish(texts(4));
    for (const worker of workers) expect(await worker.messages()).toHaveLength(2);
  });
});
