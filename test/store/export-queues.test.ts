import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { linesOf } from "../../src/client/lines.ts";
import { exportStore } from "../../src/store/export-store.ts";
import { importStore } from "../../src/store/import-store.ts";
import { inspectStore } from "../../src/store/inspect-store.ts";
import { readExport } from "../../src/store/read-export.ts";
import { readStore } from "../../src/store/read-store.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { deadLetter, said } from "./dead-letter.ts";
import { openStore, stockedStore, stockedWithQueues } from "./stocked-store.ts";

const root = temporaryDirectory();
let count = 0;
const freshPath = () => join(root, String(++count));

async function exported(path: string): Promise<string[]> {
  return [...exportStore(await readStore(path), "0.0.0", 0)];
}

async function imported(lines: readonly string[], path: string, merge = false) {
  const source = await readExport(linesOf(Readable.from(lines.map((line) => Buffer.from(line)))), "backup");
  if (source.mistakes.length > 0) return source.mistakes;
  return importStore(path, source, { merge, name: "backup" });
}

describe("an export of queues and dead letters", () => {
  let source: string;
  let lines: string[];
  beforeAll(async () => {
    source = freshPath();
    await (await stockedWithQueues(source)).destroy();
    lines = await exported(source);
  });
  const changed = (text: string, from: string, to: string) => {
    const at = lines.findIndex((line) => line.includes(text));
    return lines.with(at, lines[at]!.replace(from, to));
  };

  it("has names that people can read, settings as a map, and times as ISO times", () => {
    const entries = lines.map((line) => JSON.parse(line));
    expect(entries[0]).toMatchObject({ format: 1, latest: 102 });
    expect(entries.filter(({ type }) => type === "queue")).toEqual([
      { type: "queue", name: "jobs", settings: { topics: ["jobs/#"] }, created: true, paused: true },
      { type: "queue", name: "idle", settings: {} },
    ]);
    const letters = entries.filter(({ type }) => type === "dead-letter");
    expect(letters).toMatchObject([
      {
        id: 1,
        reason: "expired",
        at: "2023-11-14T22:15:00.001Z",
        destination: { kind: "queue", name: "jobs" },
        number: 101,
        topic: "jobs/1",
        payload: Buffer.from("a job").toString("base64"),
        qos: 0,
        publishedAt: "2023-11-14T22:13:21.000Z",
      },
      { id: 2, reason: "no-such-group", requeues: 3, publishedRetained: true, expiresAt: "2023-11-14T22:14:20.000Z" },
    ]);
    expect(letters[0]).not.toHaveProperty("requeues");
    expect(entries.at(-1).counts).toMatchObject({ queue: 2, "dead-letter": 2, message: 1 });
  });

  it("brings back everything", async () => {
    const path = freshPath();
    expect(await imported(lines, path)).toMatchObject({ leftOut: 0 });
    expect(await exported(path)).toEqual(lines);
    const [before, after] = [await openStore(source), await openStore(path)];
    expect(await after.queues()).toEqual(await before.queues());
    expect((await after.deadLetters()).map(said)).toEqual((await before.deadLetters()).map(said));
    expect(after.broker.counter).toBe(102);
    for (const store of [before, after]) await store.destroy();
    expect(await exported(path)).toEqual(lines);
    const pictureOf = async (of: string) => {
      const { totals, queues } = inspectStore(await readStore(of), 1_700_000_060_000);
      return { totals: { ...totals, bytesOnDisk: 0 }, queues };
    };
    expect(await pictureOf(path)).toEqual(await pictureOf(source));
  });

  it("merged into a store adds its dead letters behind those that are there, and leaves its queues as they are", async () => {
    const path = freshPath();
    const before = await openStore(path);
    await before.putQueue({ name: "jobs", settings: '{"topics":[]}', isCreated: false, isPaused: false });
    before.putDeadLetter(deadLetter(7, "was here"));
    await before.destroy();
    expect(await imported(lines, path, true)).toMatchObject({ leftOut: 1 });
    const store = await openStore(path);
    expect((await store.queues()).map(({ name, settings }) => [name, settings])).toEqual([
      ["jobs", '{"topics":[]}'],
      ["idle", "{}"],
    ]);
    const letters = await store.deadLetters();
    expect(letters.map(({ id }) => id)).toEqual([7, 8, 9]);
    expect(letters.map(({ message }) => message.brokerCounter)).toEqual([107, 65_535 + 101, 65_535 + 102]);
    await store.destroy();
  });

  it("of a release that knew no queues comes in", async () => {
    const path = freshPath();
    await (await stockedStore(path)).destroy();
    const old = (await exported(path)).map((line) => line.replace('"queue":0,"dead-letter":0,', ""));
    expect(old.at(-1)).not.toContain("queue");
    expect(await imported(old, freshPath())).toMatchObject({ leftOut: 0 });
  });

  it("with a message for a queue that has no mailbox is refused, and names the queue", async () => {
    const stray = changed('"type":"message"', "queue/jobs", "queue/nowhere");
    await expect(imported(stray, freshPath())).rejects.toMatchObject({
      message: expect.stringMatching(/^backup:\d+: \$queue\/nowhere has no session here or in the store$/),
    });
  });

  it.each<[what: string, text: string, from: string, to: string, mistake: string]>([
    ["a queue that has no name", '"idle"', '"idle"', '""', "name is no queue name: it is empty"],
    ["a name with a wildcard", '"idle"', '"idle"', '"a/#"', 'name is no queue name: it contains "/"'],
    ["settings that are none", '"idle"', '"settings":{}', '"settings":"{}"', "settings must be a map"],
    ["a queue twice", '"idle"', '"idle"', '"jobs"', "this queue is on line "],
    ["no flag", '"created"', '"created":true', '"created":1', "created must be true or false"],
    ["a dead letter twice", '"id":2', '"id":2', '"id":1', "this dead-letter is on line "],
    ["an id that is none", '"id":2', '"id":2', '"id":-1', "id must be a whole number"],
    ["no time", '"id":2', '"at":"2023', '"at":"soon', "at must be a time such as"],
    ["no destination", '"id":2', '"kind":"group",', "", "destination kind is missing"],
    ["no reason", '"id":2', '"reason":"no-such-group",', "", "reason is missing"],
    ["a QoS that is none", '"id":2', '"qos":2', '"qos":3', "qos must be 0, 1 or 2"],
    ["requeues that are none", '"id":2', '"requeues":3', '"requeues":"3"', "requeues must be a whole number"],
    ["an expiry of nothing", '"id":2', '"messageExpiryInterval":60,', "", "expiresAt needs a messageExpiryInterval"],
  ])("with %s is refused", async (_what, text, from, to, mistake) => {
    expect(await imported(changed(text, from, to), freshPath())).toEqual([expect.stringContaining(mistake)]);
  });
});
