import { describe, expect, it } from "vitest";
import { Rate } from "../../src/actor/rate.ts";

describe("a rate", () => {
  it("is nothing before anything has happened", () => {
    const rate = new Rate();
    expect(rate.perSecond).toBe(0);
    rate.tick();
    expect(rate.perSecond).toBe(0);
  });

  it("is what happened each second, where that is always the same", () => {
    const rate = new Rate();
    for (let second = 0; second < 30; second++) {
      rate.tick();
      rate.total += 7;
    }
    expect(rate.perSecond).toBe(7);
  });

  it("is that of the last ten seconds", () => {
    const rate = new Rate();
    rate.tick();
    rate.total += 1000;
    for (let second = 0; second < 9; second++) rate.tick();
    expect(rate.perSecond).toBe(100);
    for (let second = 0; second < 2; second++) rate.tick();
    expect(rate.perSecond).toBe(0);
    expect(rate.total).toBe(1000);
  });
});
