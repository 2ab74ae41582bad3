import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Message } from "../../src/store/message.ts";
import type { NedbStore } from "../../src/store/nedb-store.ts";
import { NEVER_EXPIRES } from "../../src/store/store.ts";
import { SeededRandom } from "../scenario/seeded-random.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { openNedbStore } from "../support/open-nedb-store.ts";
import { PowerCutDirectory } from "../support/power-cut-directory.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { deadLetter } from "./dead-letter.ts";

const root = temporaryDirectory();
let count = 0;
const freshPath = () => join(root, String(++count));
const segment = "segment-00000001.db";
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
const limits = {
  segmentBytesMax: 1e6,
  segmentDocumentsMax: 1e4,
  appendAtOnce: 3,
  garbageBytesMax: 1e6,
  copyAtOnce: 10,
};

const simulated = () => new PowerCutDirectory(new SeededRandom(1));

/** Has what waits for it written, and waits until it is. */
async function written({ store, clock }: { store: NedbStore; clock: ManualClock }): Promise<void> {
  clock.advance(2000);
  await store.durable();
}

/** A store with a session "a" for which messages 1 to `messages` wait, on the disk. */
async function waiting(directory: PowerCutDirectory, messages: number) {
  const clock = new ManualClock();
  const opened = await openNedbStore(directory, { clock, limits });
  await opened.store.putSession({ id: "a" }, 1, NEVER_EXPIRES);
  for (let n = 1; n <= messages; n++) opened.keep("a", `${n}`);
  await opened.store.durable();
  return { ...opened, clock };
}

/** A dead letter of the waiting message of this number, which it settles in the same turn. */
function bury(store: NedbStore, number: number): void {
  void store.settle("a", "gateway", number);
  store.putDeadLetter(deadLetter(number, `${number}`, { brokerId: "gateway", brokerCounter: number }));
}

/** For each length at which the file may have been cut off, what waits then and what is a dead letter. */
async function* cutEverywhere(bytes: Buffer, from: number) {
  for (let length = from; length <= bytes.length; length++) {
    const directory = simulated();
    directory.damage(segment, () => bytes.subarray(0, length));
    const { store } = await openNedbStore(directory);
    const outstanding = (await store.outstanding("a")).map(({ entry }) => (entry as Message).payload.toString());
    const dead = (await store.deadLetters()).map(({ message }) => message.payload.toString());
    yield { length, outstanding, dead };
  }
}

describe("a dead letter", () => {
  it("and the settlement of its message, told in one turn, are on the disk together, wherever the file is cut", async () => {
    const directory = simulated();
    const opened = await waiting(directory, 4);
    const before = directory.files.get(segment)!.length;
    for (const number of [1, 2, 3]) bury(opened.store, number);
    await written(opened);
    const seen = new Set<string>();
    for await (const { length, outstanding, dead } of cutEverywhere(directory.files.get(segment)!, before)) {
      expect([...dead, ...outstanding], `cut after ${length} bytes`).toEqual(["1", "2", "3", "4"]);
      seen.add(`${dead}`);
    }
    expect([...seen]).toEqual(["", "1,2,3"]);
  });

  it("that goes out again while it is being written is in one place, wherever the file is cut", async () => {
    const directory = simulated();
    const opened = await waiting(directory, 20);
    const { store } = opened;
    const before = directory.files.get(segment)!.length;
    for (let number = 1; number <= 20; number++) bury(store, number);
    opened.clock.advance(2000);
    while (directory.files.get(segment)!.length === before) await nextTurn();
    for (let number = 1; number <= 20; number++) {
      opened.keep("a", `${number}`); // as a message of its own
      store.removeDeadLetter(number);
    }
    await written(opened);
    const seen = new Set<string>();
    for await (const { length, outstanding, dead } of cutEverywhere(directory.files.get(segment)!, before)) {
      expect(dead.length + outstanding.length, `cut after ${length} bytes`).toBe(20);
      seen.add(`${dead.length}`);
    }
    expect([...seen]).toEqual(["0", "20"]);
  });

  it("that is removed before it was written leaves nothing on the disk, not even that it is gone", async () => {
    const directory = simulated();
    const opened = await waiting(directory, 0);
    const before = directory.files.get(segment)!;
    const { commits } = opened.store.report();
    opened.store.putDeadLetter(deadLetter(1, "x"));
    opened.store.removeDeadLetter(1);
    await written(opened);
    expect(directory.files.get(segment)).toEqual(before);
    expect(opened.store.report().commits).toBe(commits);
    await opened.store.destroy();
    expect(directory.files.get(segment)).toEqual(before);
  });

  it("that was written is gone for good once it is removed", async () => {
    const directory = simulated();
    const opened = await waiting(directory, 0);
    opened.store.putDeadLetter(deadLetter(1, "x"));
    await written(opened);
    opened.store.removeDeadLetter(1);
    await written(opened);
    expect(await (await openNedbStore(directory)).store.deadLetters()).toEqual([]);
  });

  it("is of the class of messages that its topic has", async () => {
    const kind = { index: 2, priority: 7 };
    const directory = freshPath();
    const first = await openNedbStore(directory);
    first.store.putDeadLetter(deadLetter(1, "x"));
    await first.store.destroy();
    const { store } = await openNedbStore(directory, { kindOf: () => kind });
    expect((await store.deadLetters())[0]?.message.kind).toBe(kind);
    await store.destroy();
  });
});

describe("dead letters on the disk", () => {
  it("come to rest: what counts is not copied round and round, and what was removed is given back", async () => {
    const few = { ...limits, segmentBytesMax: 20_000, garbageBytesMax: 30_000, appendAtOnce: 50 };
    const clock = new ManualClock();
    const { store } = await openNedbStore(freshPath(), { clock, limits: few });
    onTestFinished(() => store.destroy());
    const topic = `${"\u{1f4a7}".repeat(100)}/`;
    for (let id = 1; id <= 100; id++) {
      store.putDeadLetter(
        deadLetter(id, Buffer.alloc(id % 2 === 0 ? 4000 : 0), { topic: topic + id, clientId: topic }),
      );
    }
    for (let id = 1; id <= 20; id++) {
      const settings = JSON.stringify({ topics: Array.from({ length: 50 }, (_, index) => `"jobs"/${index}`) });
      await store.putQueue({ name: `q${id}`, settings, isCreated: true, isPaused: false });
    }
    clock.advance(2000);
    for (let n = 0; n < 100; n++) await store.addSubscriptions({ id: "a" }, [{ topic: `f/${n}`, qos: 0 }]);
    const full = store.report();
    expect(full.bytesWritten).toBeLessThan(2 * 500_000);
    for (let id = 1; id <= 100; id++) store.removeDeadLetter(id);
    clock.advance(2000);
    for (let n = 0; n < 100; n++) await store.removeSubscriptions({ id: "a" }, [`f/${n}`]);
    expect(store.report().bytesOnDisk).toBeLessThan(full.bytesOnDisk / 3);
  });

  it("are the oldest first also after some were written anew", async () => {
    const directory = freshPath();
    const few = { ...limits, segmentBytesMax: 4000, garbageBytesMax: 8000, appendAtOnce: 50 };
    const clock = new ManualClock();
    const { store } = await openNedbStore(directory, { clock, limits: few });
    store.putDeadLetter(deadLetter(1, "one"));
    store.putDeadLetter(deadLetter(2, "two"));
    for (let n = 0; n < 200; n++) {
      store.putDeadLetter(deadLetter(3, "x".repeat(500)));
      await store.putSession({ id: `${n}` }, 1, NEVER_EXPIRES);
      await store.discardSession({ id: `${n}` });
    }
    await store.destroy();
    expect(existsSync(join(directory, segment))).toBe(false); // it was given back: the letters in it are in another
    const again = await openNedbStore(directory);
    expect((await again.store.deadLetters()).map(({ id }) => id)).toEqual([1, 2, 3]);
    await again.store.destroy();
  });

  it("are read within a second or two, ten thousand of them", async () => {
    const directory = freshPath();
    const first = await openNedbStore(directory);
    for (let id = 1; id <= 10_000; id++) first.store.putDeadLetter(deadLetter(id, "x".repeat(200)));
    await first.store.destroy();
    const begin = performance.now();
    const { store } = await openNedbStore(directory);
    console.log(`10,000 dead letters of 200 bytes are read in ${Math.round(performance.now() - begin)} ms`);
    const letters = await store.deadLetters();
    expect(letters).toHaveLength(10_000);
    expect(letters.at(-1)?.id).toBe(10_000);
    await store.destroy();
  });
});

/** A directory in which these lines are one commit. */
function directoryOf(...documents: object[]): string {
  const directory = freshPath();
  const lines = documents.map((document, index) => JSON.stringify({ _id: index + 1, ...document }));
  const checksum = lines.reduce((sum, line) => crc32(line, sum), 0);
  mkdirSync(directory);
  const end = JSON.stringify({ _id: lines.length + 1, k: "end", n: 1, z: checksum });
  writeFileSync(join(directory, segment), `${[...lines, end].join("\n")}\n`);
  return directory;
}

describe("a line of the store", () => {
  const dead = {
    k: "dead",
    i: 1,
    why: "expired",
    on: 1_700_000_000_000,
    for: ["queue", "jobs"],
    n: 7,
    t: "jobs/1",
    p: "eA==",
    q: 1,
    at: 1_700_000_000,
  };
  const queue = { k: "queue", i: "jobs", s: "{}", c: true, off: false };

  it("of a queue and of a dead letter is read", async () => {
    const { store, log, broker } = await openNedbStore(directoryOf({ k: "head", v: 3, n: 1 }, dead, queue));
    onTestFinished(() => store.destroy());
    expect(log.complaints).toEqual([]);
    expect(await store.deadLetters()).toMatchObject([{ id: 1, requeues: 0, reason: "expired" }]);
    expect(await store.queues()).toEqual([{ name: "jobs", settings: "{}", isCreated: true, isPaused: false }]);
    expect(broker.counter).toBe(7);
  });

  it.each([
    { i: "1" },
    { i: -1 },
    { i: 1.5 },
    { why: null },
    { on: "2023" },
    { on: 1e300 },
    { on: -1 },
    { for: "queue" },
    { for: ["queue"] },
    { for: ["queue", "jobs", "more"] },
    { for: ["queue", 5] },
    { re: "often" },
    { re: -1 },
    { n: "7" },
    { n: 1e300 },
    { b: 1 },
    { t: {} },
    { p: 5 },
    { q: 3 },
    { r: true },
    { o: [] },
    { x: "{1" },
    { x: 5 },
    { at: "now" },
    { at: 1e300 },
  ])("of a dead letter with %j is taken for damaged, and the others are kept", async (wrong) => {
    const path = directoryOf({ k: "head", v: 3, n: 1 }, { ...dead, ...wrong }, { ...dead, i: 2 }, queue);
    await damagedOnce(path);
  });

  it.each([{ i: 5 }, { s: 5 }, { s: "" }, { s: "[]" }, { s: "{" }, { c: "yes" }, { off: 1 }, { off: undefined }])(
    "of a queue with %j is taken for damaged, and the others are kept",
    async (wrong) => {
      const path = directoryOf({ k: "head", v: 3, n: 1 }, { ...queue, ...wrong }, { ...dead, i: 2 }, queue);
      await damagedOnce(path);
    },
  );

  /** A commit after it shows that it was synced. */
  async function damagedOnce(path: string): Promise<void> {
    const behind = '{"_id":9,"k":"end","n":2,"z":0}\n';
    writeFileSync(join(path, segment), readFileSync(join(path, segment), "utf8") + behind);
    const { store, log } = await openNedbStore(path);
    const texts = log.complaints.map(({ text }) => text);
    expect(texts[0]).toMatch(/line 2 \(byte \d+\) is damaged: it is not a document of this store$/);
    expect((await store.deadLetters()).map(({ id }) => id)).toEqual([2]);
    expect((await store.queues()).map(({ name }) => name)).toEqual(["jobs"]);
    await store.destroy();
    const again = await openNedbStore(path);
    expect(again.log.complaints).toEqual([]);
    expect(await again.store.deadLetters()).toHaveLength(1);
    await again.store.destroy();
  }

  it.each([1, 2])("of format %i is read", async (format) => {
    const message = { k: "msg", n: 3, t: "t", p: "eA==", q: 1, at: 1_700_000_000, to: ["a"] };
    const session = { k: "session", i: "a", away: 5 };
    const path = directoryOf({ k: "head", v: format, n: 1 }, session, message);
    const { store, log, texts } = await openNedbStore(path);
    onTestFinished(() => store.destroy());
    expect(log.complaints).toEqual([]);
    expect(await texts("a")).toEqual(["x"]);
  });
});
