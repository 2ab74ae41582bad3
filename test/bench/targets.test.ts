import { expect, it } from "vitest";
import type { BrokerResult, LaneResult } from "../../bench/bench-result.ts";
import { lanes } from "../../bench/lanes.ts";
import { report } from "../../bench/report.ts";
import type { Sample } from "../../bench/sample.ts";
import { targetsOf } from "../../bench/targets.ts";

const measured = (median: Sample): BrokerResult => ({ rounds: [median], median, errors: [] });
const failed = (reason: string): BrokerResult => ({ rounds: [], median: {}, errors: [reason] });
const inLane = (name: string, brokers: Record<string, BrokerResult>): LaneResult => ({
  lane: lanes.find((lane) => lane.name === name)!,
  brokers,
});

it("compares deliveries with Mosquitto and with aedes", () => {
  const result = inLane("q0-one", {
    waypost: measured({ deliveriesPerSecond: 800 }),
    mosquitto: measured({ deliveriesPerSecond: 200 }),
    aedes: measured({ deliveriesPerSecond: 160 }),
  });
  expect(targetsOf(result)).toMatchObject([
    { value: 4, bound: "at least", met: true },
    { value: 5, limit: 8, met: false },
  ]);
});

it("claims nothing where the other broker is missing", () => {
  const result = inLane("q0-single", { waypost: measured({ p50Us: 20 }) });
  expect(targetsOf(result)).toMatchObject([{ value: Number.NaN, met: undefined }]);
});

it("has no targets where Waypost failed or did not take part", () => {
  expect(targetsOf(inLane("crowd", { waypost: failed("it died") }))).toEqual([]);
  expect(targetsOf(inLane("crowd", {}))).toEqual([]);
});

it("holds memory, stalled subscribers and crowds to their limits", () => {
  const met = (name: string, sample: Sample) =>
    targetsOf(inLane(name, { waypost: measured(sample) })).map((target) => target.met);
  expect(met("memory", { idleRssKb: 71_680, kbPerConnection: 8.1 })).toEqual([true, false]);
  expect(met("q1-stall", { p99Ratio: 1.1 })).toEqual([true]);
  expect(met("crowd", { connections: 5000, lost: 1 })).toEqual([true, false]);
});

it("holds what is kept for the absent to its limits", () => {
  const met = (name: string, sample: Sample) =>
    targetsOf(inLane(name, { waypost: measured(sample) })).map((target) => target.met);
  expect(met("q1-away-1000", { acknowledgedPerSecond: 50_000, lost: 1 })).toEqual([true, false]);
  expect(met("q1-away-50", { acknowledgedPerSecond: 19_999, lost: 0 })).toEqual([false, true]);
  expect(met("q1-session-pairs", { cleanRatio: 1.5 })).toEqual([true]);
  const full = { fullAboveIdleKb: 102_400, restartedAboveIdleKb: 102_401, readyMs: 2000, lost: 0 };
  expect(met("away-memory", full)).toEqual([true, false, true, true]);
});

it("holds MQTT 5 to a tenth more than 3.1.1, where it brings nothing", () => {
  const targets = (name: string, costRatio: number) => targetsOf(inLane(name, { waypost: measured({ costRatio }) }));
  expect(targets("v5-q0-broadcast", 1.1)).toMatchObject([{ value: 1.1, limit: 1.1, met: true }]);
  expect(targets("v5-q0-broadcast-mixed", 1.11)).toMatchObject([{ met: false }]);
  expect(targets("v5-q0-pairs-properties", 2)).toEqual([]);
});

it("holds a queue in memory to twice the shared subscriptions of Mosquitto, and a synced one to no loss", () => {
  const brokers = {
    waypost: measured({ deliveriesPerSecond: 200, deliveriesPerSecondShare: 300, lost: 0 }),
    mosquitto: measured({ deliveriesPerSecondShare: 100 }),
  };
  expect(targetsOf(inLane("q1-queue-memory", brokers))).toMatchObject([{ value: 2, met: true }, { met: true }]);
  expect(targetsOf(inLane("q1-queue-synced", brokers))).toMatchObject([{ value: 0, bound: "at most", met: true }]);
  const text = report([inLane("q1-queue-memory", brokers)]);
  expect(text).toContain("Mosquitto has no queues");
  expect(text).toMatch(/waypost +300 +200 .* 2\.00$/m);
  expect(text).toMatch(/mosquitto +100 +- /);
});

it("holds the first of many jobs and the others of a stalled consumer to their limits", () => {
  const met = (name: string, sample: Sample) =>
    targetsOf(inLane(name, { waypost: measured(sample) })).map((target) => target.met);
  expect(met("queue-waiting", { firstP50Ms: 50, lost: 0 })).toEqual([true, true]);
  expect(met("queue-waiting-by-key", { firstP50Ms: 50.1, lost: 1 })).toEqual([false, false]);
  expect(met("queue-stall", { p99Ratio: 1.11, lost: 0 })).toEqual([false, true]);
});

it("holds a bridge to its drain, to live messages meanwhile and to no loss", () => {
  const drained = (sample: Sample) =>
    targetsOf(inLane("bridge-drain", { waypost: measured({ drainedPerSecond: 10_000, p99Us: 100_000, ...sample }) }));
  expect(drained({ lost: 0, liveLost: 0 }).map(({ met }) => met)).toEqual([true, true, true]);
  expect(drained({ drainedPerSecond: 9999, p99Us: 100_001, lost: 1, liveLost: 2 })).toMatchObject([
    { met: false },
    { value: 100.001, met: false },
    { value: 3, met: false },
  ]);
  const forwarded = inLane("bridge-live", { waypost: measured({ lost: 0 }) });
  expect(targetsOf(forwarded)).toMatchObject([{ value: 0, met: true }]);
});

it("compares what bridges drain and forward with Mosquitto", () => {
  const text = report([
    inLane("bridge-drain", {
      waypost: measured({ drainedPerSecond: 30_000 }),
      mosquitto: measured({ drainedPerSecond: 60_000 }),
    }),
    inLane("bridge-live", {
      waypost: measured({ deliveriesPerSecond: 50 }),
      mosquitto: measured({ deliveriesPerSecond: 40 }),
    }),
  ]);
  expect(text).toMatch(/waypost +30,000 .* 0\.50$/m);
  expect(text).toMatch(/waypost +50 .* 1\.25$/m);
});

it("takes the worst stall and the worst loss of all rounds, not their median", () => {
  const calm = { maxFillUs: 1000, maxDrainUs: 1000, maxCleanUpUs: 1000, lost: 0 };
  const rounds = [calm, { ...calm, maxDrainUs: 51_000, lost: 1 }, calm];
  const result = inLane("away-stall", { waypost: { rounds, median: calm, errors: [] } });
  expect(targetsOf(result)).toMatchObject([{ met: true }, { value: 51, met: false }, { met: true }, { value: 1 }]);
});

it("reports what MQTT 5 costs each broker, and compares Waypost with Mosquitto", () => {
  const text = report([
    inLane("v5-q0-one", {
      waypost: measured({ deliveriesPerSecondTwin: 1050, deliveriesPerSecond: 1000, costRatio: 1.05 }),
      mosquitto: measured({ deliveriesPerSecondTwin: 600, deliveriesPerSecond: 500, costRatio: 1.2 }),
    }),
  ]);
  expect(text).toMatch(/waypost +1,050 +1,000 +1\.05 .* 2\.00$/m);
  expect(text).toMatch(/mosquitto +600 +500 +1\.20 /);
});

it("reports failures and missed targets beside the tables", () => {
  const text = report([
    inLane("q0-one", {
      waypost: measured({ deliveriesPerSecond: 1000 }),
      mosquitto: measured({ deliveriesPerSecond: 500 }),
    }),
    inLane("crowd", { waypost: failed("it died") }),
  ]);
  expect(text).toMatch(/waypost +1,000 .* 2\.00/);
  expect(text).toContain("crowd, waypost: it died");
  expect(text).toMatch(/times Mosquitto +MISSED +2\.00 +at least 4/);
});
