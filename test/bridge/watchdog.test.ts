import { describe, expect, it } from "vitest";
import { Watchdog } from "../../src/bridge/watchdog.ts";
import { ManualClock } from "../support/manual-clock.ts";

function watchdogAt() {
  const clock = new ManualClock();
  return { clock, watchdog: new Watchdog(() => clock.now()) };
}

describe("an upstream that acknowledges nothing", () => {
  it("is stalled after half of the keep alive, and at the latest after five seconds", () => {
    const { clock, watchdog } = watchdogAt();
    clock.advance(1001);
    expect([watchdog.isStalled(2), watchdog.isStalled(10)]).toEqual([true, false]);
    clock.advance(4000);
    expect(watchdog.isStalled(3600)).toBe(true);
    watchdog.progress();
    expect(watchdog.isStalled(2)).toBe(false);
  });

  it("is given up after the keep alive, and later where what it was sent is large", () => {
    const { clock, watchdog } = watchdogAt();
    clock.advance(30_001);
    expect(watchdog.isOver(30, 100_000)).toBe(false);
    expect(watchdog.isOver(30, 0)).toBe(true);
    clock.advance(50_000);
    expect(watchdog.isOver(30, 100_000)).toBe(true);
  });

  it("is gone where nothing at all comes for one and a half keep alives, and later where what it was sent is large", () => {
    const { clock, watchdog } = watchdogAt();
    clock.advance(45_001);
    expect([watchdog.isGone(30, 0), watchdog.isGone(30, 100_000), watchdog.isGone(31, 0)]).toEqual([
      true,
      false,
      false,
    ]);
    watchdog.heard();
    expect(watchdog.isGone(30, 0)).toBe(false);
  });

  it("is not given up because the clock was set", () => {
    const { clock, watchdog } = watchdogAt();
    clock.advance(3_600_000);
    watchdog.clockJumped(3_600_000);
    expect(watchdog.silentMs).toBe(0);
  });
});
