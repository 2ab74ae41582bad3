import { describe, expect, it } from "vitest";
import { NEVER_EXPIRES } from "../../src/store/store.ts";
import { SeededRandom } from "../scenario/seeded-random.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { openNedbStore } from "../support/open-nedb-store.ts";
import { PowerCutDirectory } from "../support/power-cut-directory.ts";

const limits = {
  segmentBytesMax: 3000,
  segmentDocumentsMax: 30,
  appendAtOnce: 5,
  garbageBytesMax: 4000,
  copyAtOnce: 5,
};
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function opened() {
  const directory = new PowerCutDirectory(new SeededRandom(7));
  const clock = new ManualClock();
  const { store, log, keep, texts, broker } = await openNedbStore(directory, { clock, limits });
  await store.putSession({ id: "a" }, 1, NEVER_EXPIRES);
  const accepted: string[] = [];
  const put = (text: string) => keep("a", text).whenAccepted(() => accepted.push(text));
  /** Lets so many attempts to write pass. */
  const attempts = async (count: number) => {
    for (let attempt = 0; attempt < count; attempt++) {
      clock.advance(1000);
      for (let turn = 0; turn < 100; turn++) await nextTurn();
    }
  };
  const reopened = async () => {
    await store.destroy();
    return openNedbStore(directory, { clock, limits });
  };
  return { directory, store, log, put, texts, accepted, attempts, reopened, broker };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);

describe("a store whose disk fails", () => {
  it.each([
    ["append", "ENOSPC", "make room on the disk"],
    ["sync", "EIO", "look at the disk"],
    ["create", "ENOSPC", "make room on the disk"],
  ] as const)(
    "accepts nothing while %s fails with %s, and everything in its order afterwards",
    async (operation, code, advice) => {
      const { directory, store, log, put, accepted, attempts, reopened } = await opened();
      for (const text of numbers(1, 50)) put(text);
      await store.durable();
      for (const text of numbers(51, 60)) put(text);
      directory.failure = (attempted) =>
        attempted === operation || (operation === "create" && attempted === "append") ? code : null;
      const files = directory.files.size;
      for (const text of numbers(61, 100)) put(text);
      await attempts(20);
      expect(accepted).toEqual(numbers(1, 50));
      expect(store.report().failing).toContain(code);
      expect(log.complaints.map(({ text }) => text)).toEqual([expect.stringContaining(advice)]);
      expect(directory.files.size).toBeLessThanOrEqual(files + 2);
      directory.failure = null;
      await attempts(1);
      await store.durable();
      expect(accepted).toEqual(numbers(1, 100));
      expect(store.report().failing).toBeNull();
      expect(log.lines.at(-1)?.text).toMatch(/can be written again/);
      const again = await reopened();
      expect(await again.texts("a")).toEqual(numbers(1, 100));
      expect(again.log.complaints).toEqual([]);
      await again.store.destroy();
    },
  );

  it("goes on where only the removal of old segments fails, says so once, and catches up", async () => {
    const { directory, store, log, put, accepted, attempts, reopened } = await opened();
    directory.failure = (attempted) => (attempted === "remove" ? "EPERM" : null);
    for (let n = 1; n <= 200; n++) {
      put(`${n}`);
      if (n % 5 === 0) await store.durable();
      await store.settle("a", "gateway", n);
    }
    put("last");
    await attempts(5);
    expect(accepted.length).toBe(201);
    expect(log.complaints.map(({ text }) => text)).toEqual([expect.stringContaining("EPERM")]);
    const files = directory.files.size;
    directory.failure = null;
    await attempts(5);
    expect(directory.files.size).toBeLessThan(files);
    expect(store.report().failing).toBeNull();
    const again = await reopened();
    expect(await again.texts("a")).toEqual(["last"]);
    await again.store.destroy();
  });

  it("says at its end what it could not write, and that again is what was promised", async () => {
    const { directory, store, put, accepted, attempts } = await opened();
    put("1");
    await store.durable();
    directory.failure = (attempted) => (attempted === "append" ? "ENOSPC" : null);
    put("2");
    await attempts(2);
    await expect(store.destroy()).rejects.toMatchObject({
      code: "ERR_STORE",
      message: expect.stringContaining("ENOSPC"),
    });
    directory.failure = null;
    const again = await openNedbStore(directory, { limits });
    expect(await again.texts("a")).toEqual(accepted);
    await again.store.destroy();
  });

  it.each(numbers(1, 40))("has written anew what it copied before a sync failed (%s)", async (seed) => {
    const random = new SeededRandom(Number(seed));
    const { directory, store, put, accepted, attempts } = await opened();
    for (const text of numbers(1, 30)) put(text);
    await store.durable();
    for (const id of numbers(1, 40)) await store.putSession({ id }, 0, NEVER_EXPIRES);
    for (let round = 1; round <= 4 + random.below(10); round++) {
      // For when a session is away nobody waits, nor for the copies that this garbage calls for: neither is synced.
      for (const id of numbers(1, 40)) await store.putSession({ id }, round, NEVER_EXPIRES);
      let left = random.below(4);
      // Linux says so once, and takes what was to be synced for synced.
      directory.failure = (attempted) => (attempted === "sync" && left-- === 0 ? "EIO" : null);
      await attempts(3);
    }
    directory.afterPowerCut();
    const again = await openNedbStore(directory, { limits });
    expect(await again.texts("a")).toEqual(accepted);
    await again.store.destroy();
  });

  it("does not take for written what a failed commit has left on the disk and could not be cut off", async () => {
    const { directory, store, attempts, reopened } = await opened();
    directory.failure = (attempted) => (attempted === "sync" || attempted === "cut" ? "EIO" : null);
    void store.addSubscriptions({ id: "a" }, [{ topic: "unwanted", qos: 1 }]);
    await attempts(2);
    void store.removeSubscriptions({ id: "a" }, ["unwanted"]);
    directory.failure = null;
    await attempts(2);
    await store.durable();
    const again = await reopened();
    expect(await again.store.subscriptionsByClient({ id: "a" })).toEqual([]);
    await again.store.destroy();
  });
});
