import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { testConfig } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { type House, house, houseOf, turns } from "./multicast-house.ts";

const root = temporaryDirectory();

async function publishAll(running: House, topic: string, payloads: string[], more: object = {}): Promise<void> {
  const publisher = await running.device("publisher");
  for (const payload of payloads) await publisher.publishWhole(topic, payload, { qos: 1, ...more });
  await publisher.disconnect();
}

/** How messages come to be undeliverable: what makes one with this reason, and what the letter says. */
const cases: {
  reason: string;
  changes?: Parameters<typeof house>[1];
  happens: (running: House, clock: ManualClock) => Promise<void>;
  letter: object;
}[] = [
  {
    reason: "expired",
    happens: async (running, clock) => {
      await running.away("away", { t: 1 });
      await publishAll(running, "t", ["x"], { properties: { messageExpiryInterval: 5 } });
      clock.advance(10_000);
    },
    letter: { topic: "t", destination: { kind: "device", name: "away" } },
  },
  {
    reason: "expired",
    changes: { queues: { jobs: { topics: ["jobs/#"], timeToLiveSeconds: 5 } } },
    happens: async (running, clock) => {
      await publishAll(running, "jobs/1", ["x"]);
      clock.advance(10_000);
    },
    letter: { topic: "jobs/1", destination: { kind: "queue", name: "jobs" } },
  },
  {
    reason: "mailbox-full",
    changes: { mailboxes: { messagesMax: 1 } },
    happens: async (running) => {
      await running.away("away", { t: 1 });
      await publishAll(running, "t", ["y", "x"]);
    },
    letter: { topic: "t", destination: { kind: "device", name: "away" } },
  },
  {
    reason: "mailbox-full",
    changes: { queues: { jobs: { topics: ["jobs/#"], messagesMax: 1 } } },
    happens: (running) => publishAll(running, "jobs/1", ["y", "x"]),
    letter: { topic: "jobs/1", destination: { kind: "queue", name: "jobs" } },
  },
  {
    reason: "mailbox-full",
    changes: { mailboxes: { messagesMax: 1 } },
    happens: async (running) => {
      await running.away("away", { "$share/g/t": 1 });
      await publishAll(running, "t", ["y", "x"]);
    },
    letter: { topic: "t", destination: { kind: "shared-subscription", name: "$share/g/t" } },
  },
  {
    reason: "mailbox-removed",
    changes: { mailboxes: { messagesMax: 1, whenFull: "remove-oldest" } },
    happens: async (running) => {
      await running.away("away", { t: 1 });
      await publishAll(running, "t", ["x", "y"]);
    },
    letter: { topic: "t", destination: { kind: "device", name: "away" } },
  },
  {
    reason: "low-priority-removed",
    changes: {
      mailboxes: { messagesMax: 1, whenFull: "remove-low-priority", classes: [{ topics: ["t/low"], priority: 0 }] },
    },
    happens: async (running) => {
      await running.away("away", { "t/#": 1 });
      await publishAll(running, "t/low", ["x"]);
      await publishAll(running, "t/high", ["y"]);
    },
    letter: { topic: "t/low", destination: { kind: "device", name: "away" } },
  },
  {
    reason: "class-full",
    changes: { mailboxes: { classes: [{ topics: ["t"], messagesMax: 1 }] } },
    happens: async (running) => {
      await running.away("away", { t: 1 });
      await publishAll(running, "t", ["y", "x"]);
    },
    letter: { topic: "t", destination: { kind: "device", name: "away" } },
  },
  {
    reason: "store-full",
    changes: { store: { messagesMax: 1 } },
    happens: async (running) => {
      await running.away("away", { t: 1 });
      await publishAll(running, "t", ["y", "x"]);
    },
    letter: { topic: "t", destination: { kind: "device", name: "away" } },
  },
  {
    reason: "too-large",
    happens: async (running) => {
      const narrow = await running.device("narrow", { properties: { maximumPacketSize: 60 } });
      await narrow.subscribe({ "t/#": 1 });
      await publishAll(running, `t/${"long/".repeat(20)}`, ["x"]);
    },
    letter: { topic: `t/${"long/".repeat(20)}`, destination: { kind: "device", name: "narrow" } },
  },
  {
    reason: "too-large",
    changes: { queues: { jobs: { topics: ["t/#"] } } },
    happens: async (running) => {
      const narrow = await running.device("narrow", { properties: { maximumPacketSize: 60 } });
      await narrow.subscribe({ "$queue/jobs": 1 });
      await publishAll(running, `t/${"long/".repeat(20)}`, ["x"]);
    },
    letter: { topic: `t/${"long/".repeat(20)}`, destination: { kind: "queue", name: "jobs" } },
  },
  {
    reason: "deliveries-exceeded",
    changes: { queues: { jobs: { topics: ["jobs/#"], deliveriesMax: 2 } } },
    happens: async (running) => {
      await publishAll(running, "jobs/1", ["x"]);
      for (let n = 0; n < 2; n++) {
        const worker = await running.device("worker");
        await worker.subscribe({ "$queue/jobs": 1 });
        await worker.message();
        await worker.cut();
        await turns();
      }
    },
    letter: { topic: "jobs/1", destination: { kind: "queue", name: "jobs" } },
  },
  {
    reason: "no-such-queue",
    happens: (running) => publishAll(running, "$queue/nothing/t", ["x"]),
    letter: { topic: "$queue/nothing/t", destination: { kind: "queue", name: "nothing" } },
  },
  {
    reason: "no-such-group",
    happens: (running) => publishAll(running, "$group/nothing/t", ["x"]),
    letter: { topic: "$group/nothing/t", destination: { kind: "group", name: "nothing" } },
  },
  {
    reason: "empty-group",
    changes: { groups: { floor: { members: ["m-*"] } } },
    happens: (running) => publishAll(running, "$group/floor/t", ["x"]),
    letter: { topic: "$group/floor/t", destination: { kind: "group", name: "floor" } },
  },
  {
    reason: "queue-removed",
    happens: async (running) => {
      await running.administration.createQueue("jobs", { topics: ["jobs/#"] });
      await publishAll(running, "jobs/1", ["x"]);
      await running.administration.removeQueue("jobs", true);
    },
    letter: { topic: "jobs/1", destination: { kind: "queue", name: "jobs" } },
  },
];

describe("a message that will not be delivered", () => {
  it.each(cases)(
    "because of $reason is kept for $letter.destination.kind, counted, announced, and survives a stop and a kill",
    async ({ reason, changes = {}, happens, letter }) => {
      const clock = new ManualClock();
      const running = await house(root, changes, clock);
      const watcher = await running.device("watcher", { version: 4 });
      await watcher.subscribe({ "$SYS/broker/dead-letters/+": 2 });
      await watcher.messages(); // counters that are retained below it, if any
      await happens(running, clock);
      await turns();
      const [found, ...others] = running.letters();
      expect(others).toEqual([]);
      const { messageExpiryInterval } = (running.administration.deadLetter(found!.id).properties ?? {}) as {
        messageExpiryInterval?: number;
      };
      expect(found).toMatchObject({ reason, qos: 1, payloadBytes: 1, origin: "publisher", requeues: 0, ...letter });
      expect(Date.parse(found!.at)).toBeGreaterThanOrEqual(1_000_000);
      expect(Date.parse(found!.at)).toBeLessThanOrEqual(clock.now());
      const whole = running.administration.deadLetter(found!.id);
      expect(whole).toMatchObject({ ...found, payload: Buffer.from("x").toString("base64"), retain: false });
      expect(running.administration.deadLetters({ max: 1 })).toMatchObject({
        kept: { messages: 1 },
        counts: { [reason]: 1 },
      });
      const announced = (await watcher.messages()).filter(
        ({ topic }) => topic === `$SYS/broker/dead-letters/${reason}`,
      );
      const said = announced.filter(({ payload }) => payload.startsWith("{"));
      expect(said).toMatchObject([{ qos: 0, retain: false, dup: false }]);
      expect(JSON.parse(said[0]!.payload)).toEqual(found);
      const stopped = houseOf(await running.stopped());
      expect(stopped.letters()).toEqual([found]);
      const killed = houseOf(await stopped.killed());
      expect(killed.letters()).toEqual([found]);
      expect(killed.administration.deadLetter(found!.id)).toEqual(whole);
      expect(messageExpiryInterval === undefined || messageExpiryInterval >= 0).toBe(true);
    },
  );

  it("keeps its properties, its payload of any bytes and that it was published as retained", async () => {
    const running = await house(root, { mailboxes: { messagesMax: 1 } });
    await running.away("away", { t: 1 });
    const publisher = await running.device("publisher");
    const payload = Buffer.from([0, 255, 10, 13]);
    const properties = {
      contentType: "a/b",
      userProperties: { a: ["1", "2"] },
      correlationData: Buffer.of(1),
      responseTopic: "r",
    };
    await publisher.publishWhole("t", "first");
    await publisher.publishWhole("t", payload, { qos: 2, retain: true, properties });
    const later = houseOf(await running.killed());
    const [letter] = later.letters();
    const shown = later.administration.deadLetter(letter!.id);
    expect(shown).toMatchObject({ qos: 1, retain: true, payload: payload.toString("base64") });
    const { contentType, responseTopic, correlationData } = shown.properties as Record<string, unknown>;
    expect({ contentType, responseTopic, correlationData }).toEqual({
      contentType: "a/b",
      responseTopic: "r",
      correlationData: Buffer.of(1).toString("base64"),
    });
  });

  it("at QoS 0 is a dead letter where it was addressed to nobody, and not where a reader was too slow or away", async () => {
    const running = await house(root);
    await running.away("away", { t: 1 });
    await publishAll(running, "t", ["x"], { qos: 0 });
    await publishAll(running, "$queue/nothing/t", ["x"], { qos: 0 });
    expect(running.letters()).toMatchObject([{ reason: "no-such-queue", qos: 0 }]);
  });
});

describe("dead letters", () => {
  it("are the latest ones, as many as messagesMax says, also after a reload and a restart", async () => {
    const running = await house(root, { deadLetters: { messagesMax: 3 } });
    const numbers = ["1", "2", "3", "4", "5"];
    await publishAll(running, "$queue/nothing/t", numbers);
    const payloadsOf = (each: House) =>
      each.letters().map(({ id }) => Buffer.from(each.administration.deadLetter(id).payload, "base64").toString());
    expect(payloadsOf(running)).toEqual(["3", "4", "5"]);
    expect(running.administration.deadLetters({ max: 9 }).counts["no-such-queue"]).toBe(5);
    const store = { engine: "nedb", directory: running.directory };
    await running.gateway.reconfigure(testConfig({ store, deadLetters: { messagesMax: 2 } }));
    expect(payloadsOf(running)).toEqual(["4", "5"]);
    const second = houseOf(await running.killed());
    expect(payloadsOf(second)).toEqual(["4", "5"]);
    const third = houseOf(await second.stopped({ deadLetters: { messagesMax: 1 } }));
    expect(payloadsOf(third)).toEqual(["5"]);
    await publishAll(third, "$queue/nothing/t", ["6"]);
    expect(payloadsOf(third)).toEqual(["6"]);
    expect(third.letters()[0]!.id).toBeGreaterThan(running.letters().at(-1)!.id);
  });

  it("take no more than bytesMax, and one that is larger by itself is only counted", async () => {
    const running = await house(root, { deadLetters: { bytesMax: 10_000 } });
    await publishAll(
      running,
      "$queue/nothing/t",
      Array.from({ length: 10 }, (_, n) => `${n}${"x".repeat(2000)}`),
    );
    const { kept } = running.administration.deadLetters({ max: 100 });
    expect(kept.bytes).toBeLessThanOrEqual(10_000);
    expect(kept.messages).toBe(4);
    await publishAll(running, "$queue/nothing/t", ["y".repeat(20_000)]);
    expect(running.administration.deadLetters({ max: 100 })).toMatchObject({ kept, counts: { "no-such-queue": 11 } });
    const later = houseOf(await running.killed());
    expect(later.administration.deadLetters({ max: 100 }).kept).toEqual(kept);
  });

  it("go when they were kept for as long as they may be, and are gone after a restart too", async () => {
    const clock = new ManualClock();
    const running = await house(root, { deadLetters: { timeToLiveSeconds: 100 } }, clock);
    await publishAll(running, "$queue/nothing/t", ["1"]);
    clock.advance(60_000);
    await publishAll(running, "$queue/nothing/t", ["2"]);
    clock.advance(45_000);
    expect(running.letters()).toHaveLength(1);
    const later = houseOf(await running.killed());
    expect(later.letters()).toHaveLength(1);
    clock.advance(60_000);
    expect(later.letters()).toEqual([]);
    expect(later.administration.deadLetters({ max: 1 }).kept).toEqual({ messages: 0, bytes: 0 });
  });

  it("are counted and announced where none is kept", async () => {
    const running = await house(root, { deadLetters: { messagesMax: 0 } });
    const watcher = await running.device("watcher");
    await watcher.subscribe({ "$SYS/broker/dead-letters/no-such-queue": 0 });
    await watcher.messages();
    await publishAll(running, "$queue/nothing/t", ["1"]);
    await turns();
    expect(running.administration.deadLetters({ max: 9 })).toMatchObject({
      letters: [],
      counts: { "no-such-queue": 1 },
    });
    expect((await watcher.payloads()).filter((text) => text.startsWith("{"))).toHaveLength(1);
  });

  it("are listed newest first, page by page, by reason and destination", async () => {
    const running = await house(root);
    const all: number[] = [];
    for (let n = 0; n < 5; n++) {
      await publishAll(running, `$queue/nothing-${n % 2}/t`, [`${n}`]);
      await publishAll(running, "$group/nothing-0/t", [`${n}`]);
    }
    for (let before: number | undefined; ; before = all.at(-1)) {
      const { letters } = running.administration.deadLetters({ max: 3, before });
      if (letters.length === 0) break;
      all.push(...letters.map(({ id }) => id));
    }
    expect(all).toHaveLength(10);
    expect([...all].sort((a, b) => b - a)).toEqual(all);
    const count = (filter: object) => running.administration.deadLetters({ max: 100, ...filter }).letters.length;
    expect(count({ reason: "no-such-queue" })).toBe(5);
    expect(count({ destination: "nothing-0" })).toBe(8);
    expect(count({ destination: "nothing-0", reason: "no-such-queue" })).toBe(3);
    expect(count({ reason: "unknown" })).toBe(0);
  });

  it("do not come of their own announcements: neither by a full queue, nor by full or slow subscribers", async () => {
    const changes = {
      queues: { watched: { topics: ["$SYS/broker/dead-letters/#"], messagesMax: 2 } },
      groups: { floor: { members: ["m-*"] } },
      mailboxes: { messagesMax: 1 },
    };
    const running = await house(root, changes);
    await running.away("away", { "$SYS/broker/dead-letters/#": 1, "$share/g/$SYS/broker/dead-letters/#": 1 });
    await running.away("full", { t: 1 });
    await publishAll(
      running,
      "t",
      Array.from({ length: 50 }, (_, n) => `${n}`),
    );
    await turns(200);
    expect(running.letters().every(({ topic }) => topic === "t")).toBe(true);
    expect(running.letters()).toHaveLength(49);
    expect(running.administration.queue("watched").messages).toBe(2);
    const { counts } = running.administration.deadLetters({ max: 1 });
    expect(Object.values(counts).reduce((sum, each) => sum + each)).toBe(49);
  });

  it("do not come of the announcements that an authorizeForward hook sends elsewhere", async () => {
    const running = await house(root, { mailboxes: { messagesMax: 1 } });
    await running.away("full", { t: 1 });
    const watcher = await running.device("watcher", { properties: { maximumPacketSize: 100 } });
    await watcher.subscribe({ "$SYS/broker/dead-letters/#": 1 });
    await publishAll(
      running,
      "t",
      Array.from({ length: 20 }, (_, n) => `${n}`),
    );
    await turns(100);
    expect(running.letters()).toHaveLength(19);
  });
});
