import { describe, expect, it } from "vitest";
import { FleetError } from "../../devices/fleet-error.ts";
import { killAtRandom } from "../../devices/kill-at-random.ts";
import { Outages } from "../../devices/outages.ts";
import { createRandom } from "../../devices/random.ts";
import { openBook } from "./book.ts";

const liveMs = 10_000;

type Course = { kills: number; seed?: number; start?: (kills: number) => Promise<void>; endedBefore?: string };

/** Plays it on a clock that moves only when it is slept on; gives the times of the kills. */
async function play({ kills, seed = 1, start = async () => {}, endedBefore }: Course) {
  const outages = new Outages();
  const book = openBook(1);
  const killedAtMs: number[] = [];
  let atMs = 0;
  const clock = {
    nowMs: () => atMs,
    async sleep(delayMs: number) {
      atMs += delayMs;
    },
  };
  const own = {
    async kill() {
      killedAtMs.push(atMs);
      return endedBefore;
    },
    async start() {
      await start(killedAtMs.length);
      return { url: "", wsUrl: "" };
    },
  };
  const { ledger } = book;
  const random = createRandom(seed, "kills");
  const signal = new AbortController().signal;
  await killAtRandom({ own, kills, liveMs, outages, ledger, clock, random, signal });
  return { killedAtMs, outages, incidents: [...ledger.incidents.keys()] };
}

describe("killing the gateway at random", () => {
  it("happens as often as asked for, spread over the time, and leaves a gateway behind", async () => {
    const { killedAtMs, outages, incidents } = await play({ kills: 20 });
    expect(killedAtMs).toHaveLength(20);
    expect(killedAtMs).toEqual(killedAtMs.toSorted((a, b) => a - b));
    expect(killedAtMs[0]).toBeGreaterThanOrEqual(0.1 * liveMs);
    expect(outages.excuseAttempt(outages.mark())).toBe(false);
    expect(incidents).toEqual([]);
  });

  it("repeats for the same seed, and differs for others", async () => {
    const times = async (seed: number) => (await play({ kills: 5, seed })).killedAtMs;
    expect(await times(1)).toEqual(await times(1));
    expect(await times(1)).not.toEqual(await times(2));
  });

  it("is an incident when the gateway does not come back, and ends there", async () => {
    const start = async (kills: number) => {
      if (kills === 2) throw new FleetError("ERR_GATEWAY_START", "the store is damaged");
    };
    const { outages, incidents } = await play({ kills: 9, start });
    expect(incidents).toContain("the gateway did not come back");
    expect(outages.kills).toBeLessThan(9);
    expect(outages.excuseAttempt(outages.mark())).toBe(false);
  });

  it("is an incident when the gateway had ended of itself", async () => {
    const { incidents } = await play({ kills: 1, endedBefore: "it ended of itself with exit code 1" });
    expect(incidents).toEqual(["the gateway was gone before it was killed"]);
  });
});
