import { describe, expect, it } from "vitest";
import { createRandom } from "../../devices/random.ts";

const draw = (seed: number, name: string) => {
  const random = createRandom(seed, name);
  return Array.from({ length: 1_000 }, () => random.between(0, 1));
};

describe("the randomness of a device", () => {
  it("repeats for the same seed and name, and differs for others", () => {
    expect(draw(1, "lamp-1")).toEqual(draw(1, "lamp-1"));
    expect(draw(1, "lamp-1")).not.toEqual(draw(2, "lamp-1"));
    expect(draw(1, "lamp-1")).not.toEqual(draw(1, "lamp-2"));
  });

  it("is spread over the range", () => {
    const values = draw(7, "thermometer-3");
    const mean = values.reduce((sum, value) => sum + value) / values.length;
    expect(mean).toBeGreaterThan(0.45);
    expect(mean).toBeLessThan(0.55);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
  });

  it("keeps whole numbers within their bounds and reaches both", () => {
    const random = createRandom(1, "dice");
    expect(new Set(Array.from({ length: 500 }, () => random.whole(1, 6)))).toEqual(new Set([1, 2, 3, 4, 5, 6]));
  });

  it("waits for rare events, but never longer than five times their mean", () => {
    const random = createRandom(1, "button-1");
    const waits = Array.from({ length: 5_000 }, () => random.waiting(100));
    expect(Math.max(...waits)).toBeLessThanOrEqual(500);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0);
  });
});
