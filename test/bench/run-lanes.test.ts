import { describe, expect, it } from "vitest";
import type { BrokerKind } from "../../bench/brokers.ts";
import type { Lane } from "../../bench/lane.ts";
import { runLanes } from "../../bench/run-lanes.ts";

const memory: Lane = { name: "memory", title: "", kind: "memory", firstConnections: 1, moreConnections: 1 };
const single: Lane = {
  name: "single",
  title: "",
  kind: "single",
  load: { mode: "pair", qos: 0, publishers: 1, subscribers: 1, windowMessages: 1, payloadBytes: 64 },
};
const kind = (name: string, ceiling = false): BrokerKind => ({
  name,
  missing: "",
  ceiling,
  version: () => "1",
  command: () => ({ command: name, args: [] }),
});
const quiet = () => {};

it("gives every broker its turn in every lane, round by round", async () => {
  const turns: string[] = [];
  const measure = async (lane: Lane, { name }: BrokerKind) => {
    turns.push(`${lane.name} ${name}`);
    return {};
  };
  await runLanes([memory, single], [kind("a"), kind("b")], 2, measure, quiet);
  const round = ["memory a", "memory b", "single a", "single b"];
  expect(turns).toEqual([...round, ...round]);
});

it("goes on when a broker fails, and remembers why", async () => {
  let turn = 0;
  const measure = async () => {
    turn++;
    if (turn === 2) throw new RangeError("it stalled");
    return { p50Us: turn };
  };
  const [result] = await runLanes([single], [kind("a")], 3, measure, quiet);
  expect(result!.brokers.a).toEqual({
    rounds: [{ p50Us: 1 }, { p50Us: 3 }],
    median: { p50Us: 2 },
    errors: ["it stalled"],
  });
});

it("measures the ceiling only in lanes that it could limit", async () => {
  const results = await runLanes([memory, single], [kind("a"), kind("relay", true)], 1, async () => ({}), quiet);
  expect(results.map(({ brokers }) => Object.keys(brokers))).toEqual([["a"], ["a", "relay"]]);
});

describe("a lane of MQTT 5", () => {
  const plain: Lane = { name: "plain", title: "", kind: "throughput", load: single.load };
  const five: Lane = { name: "five", title: "", kind: "mqtt5", twin: "plain", load: { ...single.load, protocol: "5" } };
  const speaker = (name: string): BrokerKind => ({ ...kind(name), speaks5: true });

  it("has its turn beside that of its twin, before or after it", async () => {
    const turns: string[] = [];
    const measure = async (lane: Lane, { name }: BrokerKind) => {
      turns.push(`${lane.name} ${name}`);
      return {};
    };
    await runLanes([plain, memory, five], [speaker("a"), speaker("b")], 2, measure, quiet);
    expect(turns).toEqual([
      ...["plain a", "five a", "plain b", "five b", "memory a", "memory b"],
      ...["five a", "plain a", "five b", "plain b", "memory a", "memory b"],
    ]);
  });

  it("is compared with its twin round by round", async () => {
    const speeds = [100, 50, 90, 60, 80, 80]; // in reverse in the second round
    const measure = async () => ({ deliveriesPerSecond: speeds.shift()! });
    const [, result] = await runLanes([plain, five], [speaker("a")], 3, measure, quiet);
    const { rounds, median } = result!.brokers.a!;
    expect(rounds.map(({ costRatio }) => costRatio)).toEqual([2, 60 / 90, 1]);
    expect(median.costRatio).toBe(1);
  });

  it("has no ratio in a round in which its twin failed", async () => {
    const measure = async ({ name }: Lane) => {
      if (name === "plain") throw new RangeError("it stalled");
      return { deliveriesPerSecond: 10 };
    };
    const [, result] = await runLanes([plain, five], [speaker("a")], 1, measure, quiet);
    expect(result!.brokers.a!.median).toMatchObject({ deliveriesPerSecond: 10, costRatio: Number.NaN });
  });

  it("is measured only of brokers that speak it", async () => {
    const results = await runLanes([plain, five], [kind("old"), speaker("new")], 1, async () => ({}), quiet);
    expect(results.map(({ brokers }) => Object.keys(brokers))).toEqual([["old", "new"], ["new"]]);
  });
});

it("measures shared subscriptions only of brokers that know them", async () => {
  const share: Lane = { name: "share", title: "", kind: "throughput", load: { ...single.load, mode: "share" } };
  const [result] = await runLanes([share], [kind("a"), { ...kind("b"), shares: true }], 1, async () => ({}), quiet);
  expect(Object.keys(result!.brokers)).toEqual(["b"]);
});

it("measures queues beside shared subscriptions, and only queues of brokers that have no more than those", async () => {
  const { load } = single;
  const beside: Lane = { name: "beside", title: "", kind: "queue", load, shared: load, durability: "memory" };
  const waiting: Lane = { name: "waiting", title: "", kind: "queue-waiting", load, tries: 1 };
  const stall: Lane = { name: "stall", title: "", kind: "queue-stall", load };
  const kinds = [kind("a"), { ...kind("b"), shares: true }, { ...kind("c"), shares: true, queues: true }];
  const results = await runLanes([beside, waiting, stall], kinds, 1, async () => ({}), quiet);
  expect(results.map(({ brokers }) => Object.keys(brokers))).toEqual([["b", "c"], ["c"], ["c"]]);
});

it("measures bridges only of brokers that have them", async () => {
  const filters = ["#"];
  const drain: Lane = { name: "drain", title: "", kind: "bridge-drain", load: single.load, filters, liveRate: 1 };
  const live: Lane = { name: "live", title: "", kind: "bridge-live", load: single.load, filters };
  const kinds = [{ ...kind("a"), bridges: true }, { ...kind("b"), keeps: true }, kind("relay", true)];
  const results = await runLanes([drain, live], kinds, 1, async () => ({}), quiet);
  expect(results.map(({ brokers }) => Object.keys(brokers))).toEqual([["a"], ["a"]]);
});

it("measures mailboxes only of brokers that keep them", async () => {
  const mailbox: Lane = { name: "mailbox", title: "", kind: "away-memory", load: single.load };
  const keeper = { ...kind("keeper"), keeps: true };
  const kinds = [keeper, kind("forgetful"), kind("relay", true)];
  const [result] = await runLanes([mailbox], kinds, 1, async () => ({}), quiet);
  expect(Object.keys(result!.brokers)).toEqual(["keeper"]);
});
