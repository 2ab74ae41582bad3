import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { bundleGateway } from "../devices/bundle-gateway.ts";
import type { FuzzOptions } from "./fuzz-options.ts";
import { replay } from "./replay.ts";
import { runFuzz } from "./run-fuzz.ts";
import { readSeed } from "./seed-file.ts";

const seedDirectory = join(import.meta.dirname, "seeds");
const kept = (await readdir(seedDirectory)).filter((name) => name.endsWith(".json"));

async function shortRun(seed: number, store: "memory" | "nedb"): Promise<FuzzOptions> {
  const main = await bundleGateway();
  const directory = await mkdtemp(join(tmpdir(), "waypost-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const ends = { seconds: 0, scriptsMax: 400, replay: undefined };
  return { ...ends, seed, connections: 16, store, versions: [3, 4, 5], main, seedDirectory: directory };
}

describe("a gateway that hundreds of connections send nonsense", () => {
  it.each([
    [1, "memory"],
    [2, "nedb"],
  ] as const)("goes on as if nothing was (seed %i, store %s)", async (seed, store) => {
    const { faults, tally, pairs } = await runFuzz(await shortRun(seed, store), () => {});
    expect(faults).toEqual([]);
    expect(tally.played).toBeGreaterThanOrEqual(400);
    for (const { arrived } of pairs) expect(arrived).toBeGreaterThan(0);
  });
});

describe("what once was too much for a gateway", () => {
  it.each(kept)("is so no more: %s", async (name) => {
    const { scripts, store } = await readSeed(join(seedDirectory, name));
    expect(await replay(await bundleGateway(), store, scripts)).toEqual([]);
  });
});
