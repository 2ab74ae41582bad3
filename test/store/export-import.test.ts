import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { linesOf } from "../../src/client/lines.ts";
import { exportStore } from "../../src/store/export-store.ts";
import { importStore } from "../../src/store/import-store.ts";
import { inspectStore } from "../../src/store/inspect-store.ts";
import { Message } from "../../src/store/message.ts";
import type { NedbStore } from "../../src/store/nedb-store.ts";
import { readExport } from "../../src/store/read-export.ts";
import { readStore } from "../../src/store/read-store.ts";
import { NEVER_EXPIRES } from "../../src/store/store.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { keepMessage, openStore, stockedStore, stockedWithMqtt5 } from "./stocked-store.ts";

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

/** What waits for a device, as text. */
async function waitingFor(store: NedbStore, device: string): Promise<string[]> {
  const outstanding = await store.outstanding(device);
  const all = outstanding.map(({ entry, packetId }) => {
    const sent = packetId === undefined ? "" : ` sent as ${packetId}`;
    return entry instanceof Message ? `${entry.payload} QoS ${entry.qos}${sent}` : `release ${packetId}`;
  });
  return all.sort();
}

describe("an export", () => {
  let source: string;
  let lines: string[];
  beforeAll(async () => {
    source = freshPath();
    await (await stockedStore(source)).destroy();
    lines = await exported(source);
  });
  const lineOf = (text: string) => lines.findIndex((line) => line.includes(text));
  const changed = (text: string, from: string, to: string) =>
    lines.map((line, index) => (index === lineOf(text) ? line.replace(from, to) : line));

  it("is lines of JSON with names that people can read, and an end that counts them", () => {
    const entries = lines.map((line) => JSON.parse(line));
    expect(entries[0]).toEqual({
      type: "store",
      format: 1,
      waypost: "0.0.0",
      exportedAt: "1970-01-01T00:00:00.000Z",
      latest: 4,
    });
    expect(entries.find(({ topic }) => topic === "house/a")).toEqual({
      type: "message",
      number: 1,
      topic: "house/a",
      payload: Buffer.from("waits").toString("base64"),
      qos: 2,
      publisher: "switch",
      publishedAt: "2023-11-14T22:13:20.000Z",
      receivers: [
        { device: "lamp", qos: 2 },
        { device: "panel\u2028\n1", qos: 1 },
      ],
    });
    expect(entries.find(({ topic }) => topic === "house/b").receivers).toEqual([
      { device: "lamp", qos: 2, sent: true },
    ]);
    expect(entries).toContainEqual({ type: "released", device: "lamp", packetId: 4, message: 3 });
    expect(entries.at(-1)).toEqual({
      type: "end",
      counts: {
        session: 2,
        subscription: 2,
        retained: 1,
        will: 1,
        receipt: 1,
        released: 1,
        queue: 0,
        "dead-letter": 0,
        message: 3,
      },
    });
  });

  it("brings back everything: inspect, another export and a store that opens it see the same", async () => {
    const path = freshPath();
    await imported(lines, path);
    expect(await exported(path)).toEqual(lines);
    const pictureOf = async (of: string) => {
      const { totals, devices, wills } = inspectStore(await readStore(of), 1_700_000_060_000);
      return { totals: { ...totals, bytesOnDisk: 0 }, devices, wills };
    };
    expect(await pictureOf(path)).toEqual(await pictureOf(source));
    const [before, after] = [await openStore(source), await openStore(path)];
    for (const device of ["lamp", "panel\u2028\n1"]) {
      expect(await waitingFor(after, device)).toEqual(await waitingFor(before, device));
    }
    expect(await waitingFor(after, "lamp")).toContain("was sent QoS 2 sent as 3");
    expect(await waitingFor(after, "lamp")).toContain("release 4");
    expect(await after.incomingGetPacket({ id: "lamp" }, { messageId: 17 })).toMatchObject({ topic: "house/in" });
    expect(after.broker.counter).toBe(4);
    await before.destroy();
    await after.destroy();
  });

  it("of a store that works holds everything that was acknowledged", async () => {
    const path = freshPath();
    const store = await openStore(path);
    await store.putSession({ id: "lamp" }, 1, NEVER_EXPIRES);
    const copies: string[][] = [];
    for (let round = 1; round <= 10; round++) {
      for (let i = 0; i < 50; i++) keepMessage(store, "t", `${round}`, { lamp: 1 });
      const copying = exported(path);
      await store.durable();
      copies.push(await copying, await exported(path));
    }
    const messagesIn = (copy: string[]) => copy.filter((line) => line.includes('"type":"message"')).length;
    for (const [index, copy] of copies.entries()) {
      const acknowledged = Math.floor((index + 1) / 2) * 50;
      expect(messagesIn(copy)).toBeGreaterThanOrEqual(acknowledged);
      expect(await imported(copy, freshPath())).toHaveProperty("leftOut", 0);
    }
    await store.destroy();
  });

  it.each<[what: string, make: () => string[], mistake: string | RegExp]>([
    ["is empty", () => [], "backup: it is empty"],
    ["was cut off in a line", () => [...lines.slice(0, 4), '{"type":"me'], /^backup:5: this line is no JSON: /],
    ["was cut off between lines", () => lines.slice(0, -1), /^backup:\d+: the last line must be of type "end"/],
    ["lost a line", () => lines.toSpliced(3, 1), /it counts 2 lines of type subscription, and there are 1/],
    ["has a line twice", () => lines.toSpliced(2, 0, lines[1]!), "backup:3: this session is on line 2 already"],
    ["lacks its head", () => lines.slice(1), /^backup:1: an export begins with a line of type "store"/],
    ["goes on after its end", () => [...lines, "x"], /there is something after the end/],
    ["is of a newer format", () => changed('"store"', '"format":1', '"format":2'), /^backup:1: it is of format 2/],
    ["has a type that is none", () => changed('"will"', '"will"', '"wish"'), /type must be one of store, session/],
    ["has a QoS that is none", () => changed("house/d", '"qos":1', '"qos":3'), "qos must be 1 or 2"],
    ["has a QoS below a receiver's", () => changed("house/b", '"qos":2', '"qos":1'), "qos must be 2, the highest"],
    [
      "has a payload that is no base64",
      () => changed("house/a", '"payload":"', '"payload":"!'),
      "payload must be base64",
    ],
    ["has a filter that is none", () => changed("house/#", "house/#", "house#"), "filter is no topic filter: #"],
    ["lacks a field", () => changed('"will"', '"qos":1,', ""), "qos is missing"],
    ["has a field more", () => changed('"will"', '"qos":1,', '"qos":1,"colour":1,'), "colour is no field of it"],
  ])("that %s is refused", async (_what, make, mistake) => {
    const path = freshPath();
    const mistakes = (await imported(make(), path)) as string[];
    expect(mistakes.some((each) => (mistake instanceof RegExp ? mistake.test(each) : each.includes(mistake)))).toBe(
      true,
    );
    await expect(readdir(path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("names all mistakes with their lines", async () => {
    const bad = changed("house/#", '"qos":2', '"qos":9').map((line) => line.replace('"retain":true', '"retain":1'));
    expect(await imported(bad, freshPath())).toEqual([
      `backup:${lineOf("house/#") + 1}: qos must be 0, 1 or 2`,
      `backup:${lineOf('"will"') + 1}: retain must be true or false`,
    ]);
  });

  it("with a message for a device that has no session is refused", async () => {
    const stray = changed("house/d", '"lamp"', '"nobody"');
    await expect(imported(stray, freshPath())).rejects.toMatchObject({
      message: `backup:${lineOf("house/d") + 1}: the device "nobody" has no session here or in the store`,
    });
  });

  it("goes into no directory that a gateway uses, that is damaged or that is not empty", async () => {
    const path = freshPath();
    const store = await stockedStore(path);
    await expect(imported(lines, path, true)).rejects.toMatchObject({ code: "ERR_STORE_IN_USE" });
    await store.destroy();
    await expect(imported(lines, path)).rejects.toMatchObject({ message: expect.stringContaining("is not empty") });
    const commit = '{"k":"session"}\n{"k":"end","n":1,"z":1}\n';
    await writeFile(join(path, "segment-00000009.db"), `${commit}${commit}`);
    await expect(imported(lines, path, true)).rejects.toMatchObject({ message: expect.stringContaining("is damaged") });
  });

  it("goes behind a torn end, which is cut off first", async () => {
    const path = freshPath();
    await imported(lines, path);
    const torn = join(path, "segment-00000002.db");
    await writeFile(torn, '{"k":"session","i":"unsynced","away":1}\n{"k":"end","n":1,"z":1}\n');
    expect(await imported(lines, path, true)).toMatchObject({ leftOut: 8 });
    expect((await stat(torn)).size).toBe(0);
    expect(inspectStore(await readStore(path), 0).devices.map(({ device }) => device)).not.toContain("unsynced");
  });

  it("from before MQTT 5 comes in as it was", async () => {
    const old = { messageExpiryInterval: 9, userProperties: { a: ["1", "2"] }, correlationData: Buffer.from("id") };
    const path = freshPath();
    await imported(changed("house/a", '"publisher"', `"properties":${JSON.stringify(old)},"publisher"`), path);
    const store = await openStore(path);
    const waiting = (await store.outstanding("lamp")).map(({ entry }) => entry as Message);
    expect(waiting.find(({ topic }) => topic === "house/a")?.properties?.toObject()).toEqual(old);
    const expirySeconds = (await store.sessions()).map((session) => session.expirySeconds);
    expect(expirySeconds).toEqual([NEVER_EXPIRES, NEVER_EXPIRES]);
    await store.destroy();
  });

  describe("merged into a store", () => {
    it("adds its messages behind those that wait, and leaves what is there as it is", async () => {
      const path = freshPath();
      const before = await openStore(path);
      await before.putSession({ id: "lamp" }, 1, NEVER_EXPIRES);
      await before.addSubscriptions({ id: "lamp" }, [{ topic: "house/#", qos: 1 }]);
      keepMessage(before, "house/x", "was here", { lamp: 1 });
      await before.destroy();
      expect(await imported(lines, path, true)).toMatchObject({ leftOut: 4 }); // session, subscription, receipt, released
      const store = await openStore(path);
      const payloads = (await store.outstanding("lamp")).map(({ entry }) => (entry as Message).payload.toString());
      expect(payloads).toEqual(["was here", "waits", "was sent", "waits behind house/a"]);
      expect(await store.subscriptionsByClient({ id: "lamp" })).toMatchObject([{ qos: 1 }]);
      expect(await waitingFor(store, "panel\u2028\n1")).toEqual(["waits QoS 1"]);
      await store.destroy();
    });

    it("keeps packet ids of what devices that are new to the store have in flight, and counts on from there", async () => {
      const path = freshPath();
      const before = await openStore(path);
      await before.putSession({ id: "other" }, 1, NEVER_EXPIRES);
      keepMessage(before, "t", "x", { other: 1 });
      await before.destroy();
      await imported(lines, path, true);
      const store = await openStore(path);
      expect(await waitingFor(store, "lamp")).toContain("was sent QoS 2 sent as 3");
      expect(await waitingFor(store, "lamp")).toContain("release 4");
      expect(store.broker.counter).toBe(65_535 + 4);
      await store.destroy();
    });
  });
});

describe("an export of what MQTT 5 has beside", () => {
  let lines: string[];
  beforeAll(async () => {
    const path = freshPath();
    await (await stockedWithMqtt5(path)).destroy();
    lines = await exported(path);
  });
  const changed = (text: string, from: string, to: string) => {
    const at = lines.findIndex((line) => line.includes(text));
    return lines.with(at, lines[at]!.replace(from, to));
  };

  it("has names that people can read, and times as ISO times", () => {
    const entries = lines.map((line) => JSON.parse(line));
    const properties = {
      payloadFormatIndicator: true,
      contentType: "text/plain",
      responseTopic: "answers/here",
      correlationData: "AP8K",
      userProperties: [
        ["b", "1"],
        ["a", "2"],
        ["b", "3"],
      ],
    };
    expect(entries.find(({ topic }) => topic === "jobs/1")).toMatchObject({
      properties: { ...properties, messageExpiryInterval: 60 },
      expiresAt: "2023-11-14T22:14:20.000Z",
      receivers: [{ device: "\0share/workers/jobs/#", qos: 1 }],
    });
    expect(entries.find(({ topic }) => topic === "house/a")).toMatchObject({ publishedRetained: true });
    expect(entries.find(({ topic }) => topic === "house/a")).not.toHaveProperty("retain");
    expect(entries.find(({ topic }) => topic === "state/door")).toMatchObject({
      properties: { ...properties, messageExpiryInterval: 1000 },
      expiresAt: "2023-11-14T22:30:00.000Z",
    });
    expect(entries.find(({ topic }) => topic === "state/lamp")).toMatchObject({ properties: { contentType: "text" } });
    expect(entries.find(({ topic }) => topic === "state/lamp")).not.toHaveProperty("expiresAt");
    const [ofWorker, ofLamp] = ["worker", "lamp"].map((id) =>
      entries.find((e) => e.type === "will" && e.device === id),
    );
    expect(ofWorker).toMatchObject({ properties: { ...properties, messageExpiryInterval: 5 }, delaySeconds: 30 });
    expect(ofWorker).not.toHaveProperty("dueAt");
    expect(ofLamp).toMatchObject({ delaySeconds: 30, dueAt: "2023-11-14T22:13:20.000Z" });
    const sessions = entries.filter(({ type }) => type === "session");
    expect(sessions.map(({ device, expirySeconds }) => [device, expirySeconds])).toEqual([
      ["lamp", 3600],
      ["worker", 0],
      ["\0share/workers/jobs/#", undefined],
    ]);
  });

  it("brings back everything", async () => {
    const path = freshPath();
    await imported(lines, path);
    expect(await exported(path)).toEqual(lines);
    await (await openStore(path)).destroy();
    expect(await exported(path)).toEqual(lines);
  });

  it.each<[what: string, text: string, from: string, to: string, mistake: string]>([
    [
      "no number of seconds",
      '"lamp"',
      '"expirySeconds":3600',
      '"expirySeconds":-1',
      "expirySeconds must be a whole number",
    ],
    ["no delay", '"gone"', '"delaySeconds":30', '"delaySeconds":"30 s"', "delaySeconds must be a whole number"],
    ["no time when it is due", "dueAt", "2023", "the year 2023", "dueAt must be a time such as"],
    ["no time when it expires", "jobs/1", '"expiresAt":"2023', '"expiresAt":"soon', "expiresAt must be a time such as"],
    [
      "no flag",
      "house/a",
      '"publishedRetained":true',
      '"publishedRetained":1',
      "publishedRetained must be true or false",
    ],
    ["an expiry of nothing", "jobs/1", '"messageExpiryInterval":60,', "", "expiresAt needs a messageExpiryInterval"],
    ["a property that is none", "state/lamp", "contentType", "colour", "properties has colour, which is no property"],
    ["properties that are none", "state/lamp", '{"contentType":"text"}', '"text"', "properties must be a map"],
    ["bytes that are none", "jobs/1", '"AP8K"', '"A!"', "correlationData, which must be base64"],
    [
      "a type that is no text",
      "state/lamp",
      '"text"',
      "7",
      "properties is unfit: the property contentType of a message",
    ],
    [
      "a topic with a wildcard",
      "jobs/1",
      "answers/here",
      "answers/#",
      "responseTopic of a message must be a topic name: it contains a wildcard",
    ],
    ["user properties that are no pairs", "jobs/1", '["b","1"]', '"b"', "userProperties must be a list of pairs"],
  ])("with %s is refused", async (_what, text, from, to, mistake) => {
    expect(await imported(changed(text, from, to), freshPath())).toEqual([expect.stringContaining(mistake)]);
  });
});
