import { describe, expect, it } from "vitest";
import { createRandom } from "../../../devices/random.ts";
import { planTroubles, type Trouble, troubleKinds } from "../../../devices/uplink/trouble.ts";
import { troubleAtRandom } from "../../../devices/uplink/trouble-at-random.ts";

const liveMs = 100_000;
const plan = (count: number, seed = 1) => planTroubles(count, liveMs, createRandom(seed, "troubles"));

describe("the troubles of a run", () => {
  it.each([1, 7, 40])("are as many as asked for, one after another, within its life: %i", (count) => {
    const troubles = plan(count);
    expect(troubles).toHaveLength(count);
    let endedMs = 0;
    for (const { fromMs, forMs } of troubles) {
      expect(fromMs).toBeGreaterThanOrEqual(endedMs);
      endedMs = fromMs + forMs;
    }
    expect(endedMs).toBeLessThanOrEqual(liveMs);
  });

  it("are of every kind, about as often", () => {
    const kinds = plan(2 * troubleKinds.length).map(({ kind }) => kind);
    for (const kind of troubleKinds) expect(kinds.filter((each) => each === kind)).toHaveLength(2);
  });

  it("are of the wanted kinds only", () => {
    const troubles = planTroubles(4, liveMs, createRandom(1, "troubles"), ["muted", "cut"]);
    expect(troubles.map(({ kind }) => kind).sort()).toEqual(["cut", "cut", "muted", "muted"]);
  });

  it("repeat for the same seed, and differ for others", () => {
    expect(plan(5)).toEqual(plan(5));
    expect(plan(5)).not.toEqual(plan(5, 2));
  });
});

describe("spoiling the line as planned", () => {
  /** On a clock that moves only when it is slept on. */
  async function play(troubles: readonly Trouble[], abortAtMs = Number.POSITIVE_INFINITY) {
    const events: [atMs: number, what: string][] = [];
    const interruption = new AbortController();
    let nowMs = 0;
    const happens = (what: string) => events.push([nowMs, what]);
    await troubleAtRandom({
      line: {
        spoil: ({ kind }) => void happens(kind),
        heal: async () => void happens("healed"),
      },
      book: { troubled: () => {}, healed: () => {} },
      troubles,
      clock: {
        nowMs: () => nowMs,
        async sleep(delayMs) {
          nowMs += delayMs;
          if (nowMs >= abortAtMs) interruption.abort();
        },
      },
      signal: interruption.signal,
    });
    return events;
  }

  it("heals each trouble when its time is over", async () => {
    const troubles: Trouble[] = [
      { kind: "silent", fromMs: 1_000, forMs: 500, bytesPerSecond: 0 },
      { kind: "cut", fromMs: 3_000, forMs: 300, bytesPerSecond: 0 },
    ];
    expect(await play(troubles)).toEqual([
      [1_000, "silent"],
      [1_500, "healed"],
      [3_000, "cut"],
      [3_300, "healed"],
    ]);
  });

  it("leaves a line in order behind when the run is interrupted", async () => {
    const events = await play(plan(3), 20_000);
    expect(events.length).toBeLessThan(6);
    if (events.length > 0) expect(events.at(-1)?.[1]).toBe("healed");
  });
});
