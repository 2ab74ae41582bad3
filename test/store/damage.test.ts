import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Message } from "../../src/store/message.ts";
import { NedbDirectory } from "../../src/store/nedb-directory.ts";
import { NEVER_EXPIRES } from "../../src/store/store.ts";
import { openNedbStore } from "../support/open-nedb-store.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();
let count = 0;

/** The files of a store in which each of ten messages was a commit of its own. Segments hold five. */
async function tenMessages(): Promise<{
  directory: string;
  change: (name: string, how: (text: string) => string) => void;
}> {
  const directory = join(root, String(++count));
  const limits = {
    segmentBytesMax: 1e6,
    segmentDocumentsMax: 13,
    appendAtOnce: 10,
    garbageBytesMax: 1e6,
    copyAtOnce: 10,
  };
  const { store, keep } = await openNedbStore(directory, { limits });
  await store.putSession({ id: "a" }, 1, NEVER_EXPIRES);
  await store.putSession({ id: "b" }, 1, NEVER_EXPIRES);
  for (let n = 1; n <= 10; n++) {
    keep("a", `message ${n}`);
    await store.durable();
  }
  await store.destroy();
  const change = (name: string, how: (text: string) => string) => {
    const path = join(directory, name);
    writeFileSync(path, how(readFileSync(path, "latin1")), "latin1");
  };
  return { directory, change };
}

const all = Array.from({ length: 10 }, (_, index) => `message ${index + 1}`);
const base64 = (text: string) => Buffer.from(text).toString("base64");
const open = async (directory: string) => {
  const opened = await openNedbStore(directory);
  onTestFinished(() => opened.store.destroy());
  return opened;
};
const names = (directory: string) => readdirSync(directory).filter((name) => name.startsWith("segment"));

describe("a store whose files are damaged", () => {
  it("cuts off a write that was interrupted, and says so", async () => {
    const { directory, change } = await tenMessages();
    const newest = names(directory).at(-1) as string;
    change(newest, (text) => `${text}{"_id":99,"k":"msg","n":11,"t":"t`);
    const { log, texts } = await open(directory);
    expect(await texts("a")).toEqual(all);
    expect(log.complaints).toMatchObject([
      { level: "warn", text: expect.stringMatching(/cut off 33 bytes of a write that was interrupted/) },
    ]);
    expect(names(directory).some((name) => name.includes("corrupt"))).toBe(false);
  });

  it("drops a last write that has gaps, as a power cut leaves it", async () => {
    const { directory, change } = await tenMessages();
    const newest = names(directory).at(-1) as string;
    change(newest, (text) => text.replace(base64("message 10"), "\0".repeat(base64("message 10").length)));
    const { log, texts } = await open(directory);
    expect(await texts("a")).toEqual(all.slice(0, 9));
    expect(log.complaints).toMatchObject([
      { level: "warn", text: expect.stringMatching(/the last write, which is damaged/) },
    ]);
  });

  it("keeps what can be read around garbage, says which line was lost, and sets the file aside", async () => {
    const { directory, change } = await tenMessages();
    const [oldest = ""] = names(directory);
    change(oldest, (text) => text.replace(base64("message 2"), '\x00\xff"\n{}garbage'));
    const { log, store, texts } = await open(directory);
    expect(await texts("a")).toEqual(all.filter((text) => text !== "message 2"));
    expect(log.complaints.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^segment-0+1\.db, line \d+ \(byte \d+\) is damaged: it is not a document of this store$/),
      expect.stringMatching(/^segment-0+1\.db, line \d+ \(byte \d+\) is damaged/),
      expect.stringMatching(/2 damaged places/),
      expect.stringMatching(/the damaged file was kept as segment-0+1\.db\.corrupt-\d{4}-/),
    ]);
    expect(names(directory).filter((name) => name.includes(".corrupt-"))).toHaveLength(1);
    await store.durable();
  });

  it("notices a flipped bit by the checksum", async () => {
    const { directory, change } = await tenMessages();
    const [oldest = ""] = names(directory);
    change(oldest, (text) => text.replace(base64("message 2"), base64("massage 2")));
    const { log, texts } = await open(directory);
    expect((await texts("a")).length).toBe(10);
    expect(log.complaints[0]?.text).toMatch(/the checksum of the 1 lines before it does not match/);
  });

  it("does not fall over damage within properties or lists", async () => {
    const { directory, change } = await tenMessages();
    const [oldest = ""] = names(directory);
    change(oldest, (text) =>
      text.replace('"a",null]', '"a",null,{"x":"{1"}]').replace('"a",null]', '"a",null,{"to1":5}]'),
    );
    const { log } = await open(directory);
    expect(log.complaints.length).toBeGreaterThan(0);
  });

  it.each([
    ["are no map", "null"],
    ["are text", '"text"'],
    ["are cut off", '{"contentType":"te'],
    ["name bytes that are none", '{"correlationData":5}'],
    ["name text that is none", '{"contentType":7}'],
    ["have user properties that are no pairs", '{"userProperties":[["a","b"],"c"]}'],
    ["expire at no time", '{"messageExpiryInterval":1,"expiresAt":"soon"}'],
    ["expire beyond all time", '{"messageExpiryInterval":4294967296}'],
    ["have a subscription identifier that is none", '{"subscriptionIdentifier":"x"}'],
  ])("takes a line for damaged whose properties %s", async (_what, x) => {
    const { directory, change } = await tenMessages();
    const [oldest = ""] = names(directory);
    const rest = JSON.stringify({ x });
    change(oldest, (text) => text.replace(/("k":"msgs".*?"a",null)\]/, (_, before) => `${before},${rest}]`));
    const retained = JSON.stringify({ k: "retained", t: "t", p: "eA==", q: 1, n: 1, x });
    const will = JSON.stringify({ k: "will", i: "a", t: "t", p: "", q: 0, r: false, x });
    change(names(directory).at(-1) as string, (text) => text.replace(/\n(.*"k":"msgs")/, `\n${retained}\n${will}\n$1`));
    const { log, store, texts } = await open(directory);
    expect(await texts("a")).toEqual(all.slice(1));
    expect(await store.retainedMatching(["#"])).toEqual([]);
    expect(await store.getWill({ id: "a" })).toBeUndefined();
    const lines = log.complaints.filter(({ text }) => text.endsWith("is damaged: it is not a document of this store"));
    expect(lines).toHaveLength(3);
  });

  it("reads properties as files had them before, with user properties and bytes as objects", async () => {
    const { directory, change } = await tenMessages();
    const userProperties = { a: ["1", "2"], b: "3" };
    const old = { messageExpiryInterval: 5, userProperties, correlationData: Buffer.from("id"), topicAlias: 3 };
    const rest = JSON.stringify({ x: JSON.stringify(old) });
    const [oldest = ""] = names(directory);
    change(oldest, (text) => text.replace(/("k":"msgs".*?"a",null)\]/, (_, before) => `${before},${rest}]`));
    const { log, store } = await open(directory);
    const [found] = await store.outstanding("a");
    expect((found?.entry as Message | undefined)?.properties?.toObject()).toEqual({
      messageExpiryInterval: 5,
      userProperties,
      correlationData: Buffer.from("id"),
    });
    // Of the checksum: the line itself is as an earlier release wrote it.
    expect(log.complaints.filter(({ text }) => text.includes("it is not a document"))).toEqual([]);
  });

  it("starts again as it was after it has mended itself", async () => {
    const { directory, change } = await tenMessages();
    const first = await openNedbStore(directory);
    await first.store.settle("a", "gateway", 1);
    first.keep("b", "for b");
    await first.store.destroy(); // that 1 is settled is in the newest segment, and 1 itself in the oldest
    const newest = names(directory).at(-1) as string;
    change(newest, (text) => text.replace(/\n(.*"k":"msgs")/, "\n?$1").concat(text));
    for (let start = 0; start < 3; start++) {
      const { store, texts, log } = await openNedbStore(directory);
      expect(await texts("a")).toEqual(all.slice(1));
      expect(log.complaints.length > 0).toBe(start === 0);
      await store.destroy();
    }
  });

  it.each([
    [
      "a file of zeros",
      (directory: string) => writeFileSync(join(directory, "segment-00000099.db"), Buffer.alloc(8192)),
    ],
    ["an empty file", (directory: string) => writeFileSync(join(directory, "segment-00000099.db"), "")],
    [
      "what NeDB was writing anew",
      (directory: string) => writeFileSync(join(directory, "segment-00000003.db~"), "{}\n"),
    ],
    ["files of others", (directory: string) => writeFileSync(join(directory, "segment-1.db"), "x")],
  ])("starts beside %s", async (_what, spoil) => {
    const { directory } = await tenMessages();
    spoil(directory);
    const first = await openNedbStore(directory);
    expect(await first.texts("a")).toEqual(all);
    first.keep("a", "one more");
    await first.store.durable();
    await first.store.destroy();
    expect(await (await open(directory)).texts("a")).toEqual([...all, "one more"]);
  });

  it("refuses a segment that cannot be read, names it, and lets go of the directory", async () => {
    const { directory } = await tenMessages();
    mkdirSync(join(directory, "segment-00000099.db"));
    const refusal = {
      code: "ERR_STORE",
      message: expect.stringMatching(/segment-00000099\.db .*cannot be read: .*move it away/),
    };
    await expect(openNedbStore(directory)).rejects.toMatchObject(refusal);
    await expect(openNedbStore(directory)).rejects.toMatchObject(refusal);
  });

  it("refuses a segment of a newer format, and changes nothing", async () => {
    const { directory, change } = await tenMessages();
    const newest = names(directory).at(-1) as string;
    change(newest, (text) => text.replace('"v":3', '"v":4'));
    const before = names(directory).map((name) => readFileSync(join(directory, name), "latin1"));
    // It says what to do even where the checksum is not what this release would write.
    await expect(openNedbStore(directory)).rejects.toMatchObject({
      code: "ERR_STORE",
      message: expect.stringMatching(/is of format 4/),
    });
    expect(names(directory).map((name) => readFileSync(join(directory, name), "latin1"))).toEqual(before);
  });
});

describe("a directory", () => {
  it("is one gateway's: a second is refused, until the first has stopped", async () => {
    const { directory } = await tenMessages();
    const first = await openNedbStore(directory);
    await expect(openNedbStore(directory)).rejects.toMatchObject({
      code: "ERR_STORE_IN_USE",
      message: expect.stringContaining(`(process ${process.pid})`),
    });
    await first.store.destroy();
    await open(directory);
  });

  it("is free at once when its gateway was killed", async () => {
    const { directory } = await tenMessages();
    const program = `import { createServer } from "node:net"; createServer().listen(${JSON.stringify(join(directory, "gateway.sock"))}, () => console.log("has it"));`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    holder.kill("SIGKILL");
    await once(holder, "exit");
    const lock = await new NedbDirectory(directory).lock();
    await lock.release();
  });
});
