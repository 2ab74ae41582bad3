import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Datastore from "nedb-promises";
import { expect, it } from "vitest";
import { NEVER_EXPIRES } from "../../src/store/store.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { openNedbStore } from "../support/open-nedb-store.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();
const limits = {
  segmentBytesMax: 20_000,
  segmentDocumentsMax: 10,
  appendAtOnce: 10,
  garbageBytesMax: 30_000,
  copyAtOnce: 10,
};

it("keeps ordinary NeDB datastores, which have just the documents of their lines", async () => {
  const directory = join(root, "ordinary");
  const { store, keep } = await openNedbStore(directory, { limits, clock: new ManualClock() });
  for (const id of ["a", "b"]) await store.putSession({ id }, 0, NEVER_EXPIRES);
  for (let n = 1; n <= 400; n++) {
    keep("a", `$et ${n}`);
    if (n % 2 === 0) await store.settle("a", "gateway", n / 2);
    if (n % 10 === 0) await store.durable();
  }
  await store.storeRetained({ ...retained, topic: "a.b/$c" });
  await store.destroy();
  const names = readdirSync(directory).filter((name) => name.endsWith(".db"));
  expect(names.length).toBeGreaterThan(3);
  for (const name of names) {
    const filename = join(root, name);
    copyFileSync(join(directory, name), filename); // to load is to write anew
    const lines = readFileSync(filename, "utf8").split("\n").slice(0, -1);
    const datastore = Datastore.create({ filename, corruptAlertThreshold: 0 });
    const found = await datastore.find({}).sort({ _id: 1 });
    expect(found).toEqual(lines.map((line) => JSON.parse(line)));
  }
});

it("gives back the disk space of what was settled, and keeps the rest", async () => {
  const directory = join(root, "space");
  const clock = new ManualClock();
  const first = await openNedbStore(directory, { limits, clock });
  await first.store.putSession({ id: "a" }, 0, NEVER_EXPIRES);
  for (let n = 1; n <= 2000; n++) {
    first.keep("a", `${n}`);
    if (n > 5) await first.store.settle("a", "gateway", n);
    else await first.store.durable();
  }
  first.keep("a", "last");
  for (let n = 0; n < 1000; n++) {
    first.keep("a", "passes");
    if (n % 10 === 0) await first.store.durable();
    await first.store.settle("a", "gateway", first.broker.counter);
  }
  await first.store.durable();
  expect(first.store.report().bytesOnDisk).toBeLessThan(4 * limits.garbageBytesMax);
  await first.store.destroy();
  const again = await openNedbStore(directory);
  expect(await again.texts("a")).toEqual(["1", "2", "3", "4", "5", "last"]);
  await again.store.destroy();
});

const retained = {
  cmd: "publish" as const,
  brokerId: "gateway",
  brokerCounter: 1,
  payload: Buffer.from("x"),
  qos: 1 as const,
  retain: true,
  dup: false,
};

it("comes to rest where much is retained: what counts is not copied round and round", async () => {
  const directory = join(root, "rest");
  const { store } = await openNedbStore(directory, { limits, clock: new ManualClock() });
  for (let n = 0; n < 40; n++) {
    const packet = { ...retained, topic: `t/${n}`, brokerCounter: n + 1, payload: Buffer.alloc(4000, n) };
    await store.storeRetained(packet);
  }
  // Each of these is a commit, after which the store may copy; it gets more turns than it needs.
  for (let n = 0; n < 100; n++) await store.addSubscriptions({ id: "a" }, [{ topic: `f/${n}`, qos: 0 }]);
  const { bytesWritten } = store.report();
  await store.destroy();
  expect(bytesWritten).toBeLessThan(3 * 40 * 5400);
});
