import { describe, expect, it } from "vitest";
import { BackOff } from "../../src/bridge/back-off.ts";

const settings = { retryMinSeconds: 1, retryMaxSeconds: 60 };

describe("the time to the next attempt", () => {
  it("doubles from the least to the most, and stays there", () => {
    const backOff = new BackOff(() => 1);
    const delaysMs = Array.from({ length: 8 }, () => backOff.nextMs(settings));
    expect(delaysMs).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    for (let i = 0; i < 5000; i++) expect(backOff.nextMs(settings)).toBe(60_000);
  });

  it("is anything between a half and the whole of that", () => {
    expect(new BackOff(() => 0).nextMs(settings)).toBe(500);
    expect(new BackOff(() => 0.5).nextMs(settings)).toBe(750);
    const delaysMs = Array.from({ length: 100 }, () => new BackOff().nextMs(settings));
    expect(new Set(delaysMs).size).toBeGreaterThan(10);
    expect(Math.min(...delaysMs)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...delaysMs)).toBeLessThanOrEqual(1000);
  });

  it("begins anew after a good attempt", () => {
    const backOff = new BackOff(() => 1);
    for (let i = 0; i < 5; i++) backOff.nextMs(settings);
    backOff.reset();
    expect(backOff.nextMs(settings)).toBe(1000);
  });
});
