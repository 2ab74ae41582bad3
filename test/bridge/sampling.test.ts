import { describe, expect, it } from "vitest";
import { Sampling } from "../../src/bridge/sampling.ts";

describe("a sample", () => {
  it("is the first message of each topic in an interval", () => {
    const sampling = new Sampling(10);
    const takes = (topic: string, now: number) => sampling.takes(topic, now);
    expect([0, 1, 9999, 10_000, 10_001, 20_000].map((now) => takes("a", now))).toEqual([
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
    expect(takes("b", 20_001)).toBe(true);
  });

  it("is taken although the clock was set back", () => {
    const sampling = new Sampling(10);
    expect(sampling.takes("a", 1_000_000)).toBe(true);
    expect(sampling.takes("a", 500)).toBe(true);
    expect(sampling.takes("a", 501)).toBe(false);
  });

  it("is remembered of a hundred thousand topics, and of those beyond that whose turn is the longest ago no more", () => {
    const sampling = new Sampling(10);
    for (let i = 0; i < 100_000; i++) sampling.takes(`t/${i}`, 0);
    expect(sampling.takes("t/0", 1)).toBe(false);
    expect(sampling.takes("one/more", 1)).toBe(true);
    expect(sampling.takes("t/0", 2)).toBe(true);
    expect(sampling.takes("t/99999", 2)).toBe(false);
    expect(sampling.takes("one/more", 2)).toBe(false);
  });
});
