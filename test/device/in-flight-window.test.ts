import { describe, expect, it } from "vitest";
import { awaiting, type InFlight, InFlightWindow } from "../../src/device/in-flight-window.ts";
import { Message } from "../../src/store/message.ts";

let brokerCounter = 0;
const identity = { cmd: "publish" as const, brokerId: "g", topic: "t", retain: false, dup: false };
const message = () =>
  new Message({ ...identity, brokerCounter: ++brokerCounter, payload: Buffer.from("x"), qos: 1 }, 1, false);

function add(window: InFlightWindow): number {
  return window.add(message(), awaiting.puback, true).packetId;
}

function settle(window: InFlightWindow, packetId: number): void {
  window.settle(window.find(packetId) as InFlight);
}

describe("InFlightWindow", () => {
  it("gives ids from 1 to 65535, never 0, and starts over [MQTT-2.3.1-1]", () => {
    const window = new InFlightWindow();
    const seen = new Set<number>();
    for (let i = 0; i < 70_000; i++) {
      const packetId = add(window);
      seen.add(packetId);
      settle(window, packetId);
    }
    expect([Math.min(...seen), Math.max(...seen), seen.size]).toEqual([1, 65_535, 65_535]);
  });

  it("never gives an id that is in flight, even if one message stays while 200,000 pass [MQTT-2.3.1-4]", () => {
    const window = new InFlightWindow();
    const stuck = [add(window), add(window), add(window)];
    const inFlight = new Set(stuck);
    for (let i = 0; i < 200_000; i++) {
      const packetId = add(window);
      expect(inFlight.has(packetId)).toBe(false);
      inFlight.add(packetId);
      if (inFlight.size > 50) {
        const oldest = [...inFlight][3] as number;
        settle(window, oldest);
        inFlight.delete(oldest);
      }
    }
    for (const packetId of stuck) expect(window.find(packetId)?.packetId).toBe(packetId);
  });

  it("keeps the order of sending, whatever is settled in between", () => {
    const window = new InFlightWindow();
    const ids = Array.from({ length: 300 }, () => add(window));
    const settled = ids.filter((_, i) => i % 3 !== 1);
    for (const packetId of settled.toReversed()) settle(window, packetId);
    expect(window.count).toBe(100);
    expect(window.list().map(({ packetId }) => packetId)).toEqual(ids.filter((_, i) => i % 3 === 1));
  });

  it("finds nothing under an id that was settled or never given", () => {
    const window = new InFlightWindow();
    const packetId = add(window);
    settle(window, packetId);
    expect(window.find(packetId)).toBeUndefined();
    expect(window.find(4711)).toBeUndefined();
    expect(window.list()).toEqual([]);
  });

  it("avoids the ids of a reloaded session", () => {
    const window = new InFlightWindow();
    const next = message().packetId + 1;
    for (const packetId of [next, next + 1]) {
      window.restoreReleased(packetId, "g", 1);
    }
    expect(add(window)).toBe(next + 2);
    expect(window.count).toBe(3);
  });
});
