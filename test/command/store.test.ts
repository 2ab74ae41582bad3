import { mkdtemp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCommandLine } from "../../src/command/run-command-line.ts";
import { bridgeSessionId } from "../../src/store/bridge-session.ts";
import { queueSessionId } from "../../src/store/queue-session.ts";
import { NEVER_EXPIRES } from "../../src/store/store.ts";
import { keepMessage, openStore, stockedStore, stockedWithMqtt5, stockedWithQueues } from "../store/stocked-store.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { capturedContext } from "./captured-context.ts";

const root = temporaryDirectory();
const freshDirectory = () => mkdtemp(join(root, "store-"));

async function store(args: string[], input: Buffer[] = []) {
  const { context, stdout, stderr } = capturedContext(input);
  const code = await runCommandLine(["store", ...args], context);
  return { code, out: stdout.text, err: stderr.text };
}

/** A store in which a message waits for the bridge `cloud`, and for a queue beside it; returns its directory. */
async function stockedWithBridge(): Promise<string> {
  const directory = await freshDirectory();
  const opened = await openStore(directory);
  const [bridge, queue] = [bridgeSessionId("cloud"), queueSessionId("jobs")];
  for (const id of [bridge, queue]) await opened.putSession({ id }, 0, NEVER_EXPIRES);
  keepMessage(opened, "site/1", "goes up", { [bridge]: 2, [queue]: 1 });
  await opened.destroy();
  return directory;
}

async function stocked(): Promise<string> {
  const directory = await freshDirectory();
  await (await stockedStore(directory)).destroy();
  return directory;
}

describe("waypost store", () => {
  it.each<[args: string[], text: string]>([
    [[], "Usage: waypost store"],
    [["bogus"], "unknown command 'bogus'"],
    [["inspect", "file"], "too many arguments"],
    [["import"], "missing required argument 'file'"],
    [["inspect", "--payload"], "waypost store inspect: --payload needs --device"],
    [["inspect", "--set", "store.engine=memory"], "store.engine is memory in this configuration"],
    [["verify", "--directory", ""], "--directory is empty"],
  ])("%j is wrong usage", async (args, text) => {
    expect(await store(args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(text) });
  });

  it("exits with 3 where the configuration is wrong", async () => {
    const args = ["verify", "--set", "store.engine=paper"];
    expect(await store(args)).toMatchObject({ code: 3, err: expect.stringContaining("store.engine must be") });
  });

  it("works with the directory of the configuration, and says that there is none", async () => {
    const directory = await stocked();
    expect(await store(["verify", "--set", `store.directory=${directory}`])).toMatchObject({ code: 0 });
    const missing = join(directory, "none");
    expect(await store(["verify", "-d", missing])).toEqual({
      code: 1,
      out: "",
      err: `waypost store verify: there is no store directory ${missing}: name the one that the gateway has\n`,
    });
  });
});

describe("waypost store inspect", () => {
  it("shows devices, the one with the most messages first, and what the store holds beside them", async () => {
    const directory = await stocked();
    const { code, out, err } = await store(["inspect", "-d", directory]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("2 devices with 2 subscriptions");
    expect(out).toContain("3 messages waiting");
    expect(out).toContain("1 retained message, ");
    expect(out).toContain("1 will of connected devices\n");
    expect(out).not.toMatch(/shared|queue|dead/);
    const [lamp, panel] = [out.indexOf("\nlamp "), out.indexOf("\npanel\\u{2028}\\u{a}1 ")];
    expect(lamp).toBeGreaterThan(0);
    expect(panel).toBeGreaterThan(lamp);
    expect(out).toMatch(/segment-00000001\.db .* whole\n/);
  });

  it("says it in JSON too", async () => {
    const { out } = await store(["inspect", "--json", "-d", await stocked()]);
    const { totals, devices, wills } = JSON.parse(out);
    expect(totals).toMatchObject({ devices: 2, subscriptions: 2, messages: 3, retained: 1, wills: 1 });
    expect(devices[0]).toMatchObject({
      device: "lamp",
      messages: 3,
      awaySince: "2023-11-14T22:13:15.000Z",
      subscriptions: 1,
      unfinishedIn: 1,
      unfinishedOut: 2,
    });
    expect(devices[1]).toMatchObject({ messages: 1, awaySince: null, unfinishedOut: 0 });
    expect(wills).toMatchObject([{ topic: "gone", qos: 1, retain: true, payloadBytes: 2 }]);
  });

  it("lists the messages of one device, their payloads only where asked", async () => {
    const directory = await stocked();
    const { out } = await store(["inspect", "-d", directory, "--device", "lamp"]);
    expect(out.match(/house\/\w/g)).toEqual(["house/a", "house/b", "house/d"]);
    expect(out).not.toContain("was sent");
    const full = await store(["inspect", "-d", directory, "--device", "lamp", "--payload"]);
    expect(full.out).toContain("\n    was sent\n");
    const { list } = JSON.parse((await store(["inspect", "-d", directory, "--device", "lamp", "--json"])).out);
    expect(list[1]).toEqual({
      topic: "house/b",
      qos: 2,
      payloadBytes: 8,
      ageSeconds: expect.any(Number),
      sent: true,
      retain: false,
    });
    expect(await store(["inspect", "-d", directory, "--device", "nobody"])).toMatchObject({
      code: 1,
      err: expect.stringContaining('no device "nobody" in '),
    });
  });

  it("shows shared subscriptions apart from devices, by their names, and one of them with its messages", async () => {
    const directory = await freshDirectory();
    await (await stockedWithMqtt5(directory)).destroy();
    const { out } = await store(["inspect", "-d", directory]);
    expect(out).toContain("2 devices with 1 subscription\n  1 shared subscription\n  2 messages waiting");
    expect(out).toMatch(/\nshared subscription +waiting +bytes +oldest\n\$share\/workers\/jobs\/# +1 /);
    expect(out).not.toContain("\\u{0}");
    const { totals, devices, sharedSubscriptions } = JSON.parse(
      (await store(["inspect", "--json", "-d", directory])).out,
    );
    expect(totals).toMatchObject({ devices: 2, sharedSubscriptions: 1 });
    expect(devices).toMatchObject([
      { device: "lamp", messages: 1, expirySeconds: 3600 },
      { device: "worker", messages: 0, expirySeconds: 0 },
    ]);
    expect(sharedSubscriptions).toMatchObject([{ name: "$share/workers/jobs/#", messages: 1 }]);
    const one = await store(["inspect", "-d", directory, "--device", "$share/workers/jobs/#", "--payload"]);
    expect(one).toMatchObject({ code: 0, out: expect.stringContaining("jobs/1") });
    expect(one.out).toContain("\n    shared\n");
  });

  it("shows queues by their names, what waits in them, and how many dead letters there are", async () => {
    const directory = await freshDirectory();
    await (await stockedWithQueues(directory)).destroy();
    const { out } = await store(["inspect", "-d", directory]);
    expect(out).toContain("1 device with 0 subscriptions\n  2 queues\n  1 message waiting");
    expect(out).toMatch(/\n {2}2 dead letters, \d+ B\n/);
    expect(out).toMatch(
      /\nqueue +waiting +bytes +oldest +paused +created\n\$queue\/jobs +1 .* yes +yes\n\$queue\/idle +0 /,
    );
    expect(out).not.toContain("\\u{0}");
    const { totals, queues } = JSON.parse((await store(["inspect", "--json", "-d", directory])).out);
    expect(totals).toMatchObject({ devices: 1, queues: 2, deadLetters: 2, deadLetterBytes: expect.any(Number) });
    expect(queues).toMatchObject([
      { name: "$queue/jobs", messages: 1, paused: true, created: true },
      { name: "$queue/idle", messages: 0, paused: false, created: false, oldestAgeSeconds: null },
    ]);
    const one = await store(["inspect", "-d", directory, "--device", "$queue/jobs", "--payload"]);
    expect(one).toMatchObject({ code: 0, out: expect.stringContaining("jobs/1") });
    expect(one.out).toContain("\n    waits for a worker\n");
  });

  it("shows bridges by their names, and what waits to go up", async () => {
    const directory = await stockedWithBridge();
    const { out } = await store(["inspect", "-d", directory]);
    expect(out).toContain("0 devices with 0 subscriptions\n  1 queue\n  1 bridge\n  1 message waiting");
    expect(out).toMatch(/\nbridge +waiting +bytes +oldest +QoS 2 in +QoS 2 out\n\$bridge\/cloud +1 .* 0 +0\n/);
    expect(out).not.toContain("\\u{0}");
    const { totals, bridges } = JSON.parse((await store(["inspect", "--json", "-d", directory])).out);
    expect(totals).toMatchObject({ devices: 0, queues: 1, sharedSubscriptions: 0, bridges: 1 });
    expect(bridges).toMatchObject([{ name: "$bridge/cloud", messages: 1, unfinishedIn: 0, unfinishedOut: 0 }]);
    const one = await store(["inspect", "-d", directory, "--device", "$bridge/cloud", "--payload"]);
    expect(one).toMatchObject({ code: 0, out: expect.stringContaining("site/1") });
    expect(one.out).toContain("\n    goes up\n");
  });

  it("counts no retained message that has expired, and says which wills wait for their delay", async () => {
    const directory = await freshDirectory();
    await (await stockedWithMqtt5(directory)).destroy();
    const { out } = await store(["inspect", "-d", directory]);
    expect(out).toContain("1 retained message, ");
    expect(out).toContain("1 will of connected devices, 1 will whose delay runs\n");
    expect(out).toMatch(/\nlamp +gone .* 30 s +2023-11-14T22:13:20\.000Z\n/);
    expect(out).toMatch(/\nworker +gone .* 30 s +no\n/);
  });

  it("leaves a running gateway's directory alone", async () => {
    const directory = await freshDirectory();
    const running = await stockedStore(directory);
    const before = await readdir(directory);
    for (const name of ["inspect", "verify", "export"]) expect((await store([name, "-d", directory])).code).toBe(0);
    expect(await readdir(directory)).toEqual(before);
    await running.destroy();
  });
});

describe("waypost store verify", () => {
  const segment = "segment-00000001.db";

  it("finds a torn end, which is no fault", async () => {
    const directory = await stocked();
    const bytes = await readFile(join(directory, segment));
    await writeFile(join(directory, segment), bytes.subarray(0, -3));
    const { code, out } = await store(["verify", "-d", directory]);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^segment-00000001\.db: torn; /) });
    expect(out).toContain("are of a write that was interrupted, or is under way; nobody was told");
    expect(out).toContain("nothing is damaged");
  });

  it("says where a segment is damaged and what to do, and exits with 1", async () => {
    const directory = await stocked();
    const bytes = await readFile(join(directory, segment));
    const offset = bytes.indexOf('{"_id":', 200);
    const line = bytes.subarray(0, offset).toString().split("\n").length;
    bytes[offset] = 0x21;
    await writeFile(join(directory, segment), bytes);
    const { code, out } = await store(["verify", "-d", directory]);
    expect(code).toBe(1);
    expect(out).toContain(`  line ${line}, byte ${offset}: it is not a document of this store\n`);
    expect(out).toContain("what to do: start a gateway on it");
    const json = JSON.parse((await store(["verify", "--json", "-d", directory])).out);
    expect(json).toMatchObject({ damaged: 1, segments: [{ verdict: "damaged", damage: [{ line, byte: offset }] }] });
    const exported = await store(["export", "-d", directory]);
    expect(exported).toMatchObject({ code: 1, err: expect.stringContaining("what can be read was exported") });
    const inspected = await store(["inspect", "-d", directory]);
    expect(inspected).toMatchObject({ code: 0, err: expect.stringContaining("something may be missing") });
  });
});

describe("waypost store export and import", () => {
  it("write a file as a whole, readable by its owner only, and bring it back", async () => {
    const [directory, elsewhere] = [await stocked(), await freshDirectory()];
    const file = join(elsewhere, "backup.jsonl");
    expect(await store(["export", file, "-d", directory])).toEqual({ code: 0, out: "", err: "" });
    expect(await readdir(elsewhere)).toEqual(["backup.jsonl"]);
    expect((await stat(file)).mode & 0o077).toBe(0);
    const restored = await freshDirectory();
    const { code, out } = await store(["import", file, "-d", restored]);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining("3 of type message") });
    expect((await store(["inspect", "-d", restored, "--device", "lamp"])).out).toContain("house/b");
    expect(await store(["import", file, "-d", restored])).toMatchObject({
      code: 1,
      err: expect.stringContaining("is not empty"),
    });
  });

  it("carry queues and dead letters", async () => {
    const directory = await freshDirectory();
    await (await stockedWithQueues(directory)).destroy();
    const { out } = await store(["export", "-d", directory]);
    const restored = await freshDirectory();
    expect(await store(["import", "-", "-d", restored], [Buffer.from(out)])).toMatchObject({
      code: 0,
      out: expect.stringContaining("2 of type queue, 2 of type dead-letter, 1 of type message"),
    });
    expect(await store(["verify", "-d", restored])).toMatchObject({ code: 0 });
  });

  it("carry what waits for bridges, and name one that is missing", async () => {
    const { out } = await store(["export", "-d", await stockedWithBridge()]);
    const restored = await freshDirectory();
    expect(await store(["import", "-", "-d", restored], [Buffer.from(out)])).toMatchObject({ code: 0 });
    expect((await store(["inspect", "-d", restored])).out).toMatch(/\n\$bridge\/cloud +1 /);
    const stray = out.replace(/bridge\/cloud(?=","qos":2)/, "bridge/nowhere");
    expect(await store(["import", "-", "-d", await freshDirectory()], [Buffer.from(stray)])).toMatchObject({
      code: 1,
      err: expect.stringContaining("$bridge/nowhere has no session here or in the store"),
    });
  });

  it("go through a pipe", async () => {
    const { out } = await store(["export", "-d", await stocked()]);
    const restored = await freshDirectory();
    expect(await store(["import", "-", "-d", restored], [Buffer.from(out)])).toMatchObject({ code: 0 });
  });

  it("say all mistakes of a file, and change nothing", async () => {
    const directory = await freshDirectory();
    const file = join(directory, "bad.jsonl");
    await writeFile(file, "1\n{}\n");
    const { code, err } = await store(["import", file, "-d", join(directory, "new")]);
    expect(code).toBe(1);
    expect(err.split("\n").slice(0, 2)).toEqual([
      `${file}:1: this line is no JSON object`,
      expect.stringContaining(`${file}:1: an export begins with`),
    ]);
    expect(err).toMatch(/mistakes in .*bad\.jsonl: nothing was imported\n$/);
    expect(await readdir(directory)).toEqual(["bad.jsonl"]);
  });

  it("say which file cannot be read or written", async () => {
    const directory = await stocked();
    const missing = join(directory, "no", "such.jsonl");
    expect(await store(["import", missing])).toMatchObject({
      code: 1,
      err: expect.stringContaining(`${missing} cannot be read`),
    });
    const written = await store(["export", missing, "-d", directory]);
    expect(written).toMatchObject({ code: 1, err: expect.stringContaining(`${missing} cannot be written`) });
  });
});
