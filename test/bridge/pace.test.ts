import { describe, expect, it } from "vitest";
import { Pace } from "../../src/bridge/pace.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** Sends packets of so many bytes whenever that is allowed; says how many bytes went in so many seconds. */
function sent({ ceiling, packetBytes, seconds }: { ceiling: number; packetBytes: number; seconds: number }): number {
  const clock = new ManualClock();
  let bytes = 0;
  const send = () => {
    while (pace.isOpen && bytes < 1e9) {
      bytes += packetBytes;
      pace.spend(packetBytes);
    }
  };
  const pace: Pace = new Pace(ceiling, clock, () => send());
  send();
  clock.advance(seconds * 1000);
  pace.stop();
  return bytes;
}

describe("the ceiling of what is sent to an upstream", () => {
  it.each([
    [1000, 100],
    [1000, 1500],
    [100_000, 64],
    [64, 1000],
  ])("is kept at %i bytes a second with packets of %i bytes", (ceiling, packetBytes) => {
    const seconds = 120;
    const bytes = sent({ ceiling, packetBytes, seconds });
    expect(bytes).toBeLessThanOrEqual(ceiling * (seconds + 0.25) + packetBytes);
    expect(bytes).toBeGreaterThanOrEqual(ceiling * seconds * 0.9 - packetBytes);
  });

  it("is none where it is 0", () => {
    const clock = new ManualClock();
    const pace = new Pace(0, clock, () => {});
    pace.spend(1e9);
    expect(pace.isOpen).toBe(true);
  });

  it("lets at most half a second go at once, however long nothing was sent", () => {
    const clock = new ManualClock();
    const pace = new Pace(1000, clock, () => {});
    clock.advance(3_600_000);
    let packets = 0;
    for (; pace.isOpen; packets++) pace.spend(10);
    expect(packets).toBeGreaterThanOrEqual(25);
    expect(packets).toBeLessThanOrEqual(50);
  });

  it("tells once when something may be sent again, and not after it was stopped", () => {
    const clock = new ManualClock();
    let opened = 0;
    const pace = new Pace(1000, clock, () => opened++);
    for (let i = 0; i < 3; i++) pace.spend(1000);
    clock.advance(2700);
    expect([opened, pace.isOpen]).toEqual([0, false]);
    clock.advance(100);
    expect([opened, pace.isOpen]).toEqual([1, true]);
    pace.spend(1000);
    pace.stop();
    clock.advance(10_000);
    expect(opened).toBe(1);
  });
});
