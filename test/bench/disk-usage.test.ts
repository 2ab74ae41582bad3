import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { diskUsageBytes, watchDiskPeak } from "../../bench/disk-usage.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "waypost-bench-test-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("adds up files in all folders", async () => {
  const emptyBytes = await diskUsageBytes(folder);
  mkdirSync(join(folder, "inner"));
  writeFileSync(join(folder, "inner", "segment"), Buffer.alloc(100_000, 1), { flush: true });
  expect((await diskUsageBytes(folder)) - emptyBytes).toBeGreaterThanOrEqual(100_000);
});

it("finds nothing in a folder that does not exist", async () => {
  expect(await diskUsageBytes(join(folder, "missing"))).toBe(0);
});

it("looks once more when it is stopped", async () => {
  const watch = watchDiskPeak(folder);
  writeFileSync(join(folder, "segment"), Buffer.alloc(100_000, 1), { flush: true });
  expect(await watch.stop()).toBeGreaterThanOrEqual(100_000);
});
