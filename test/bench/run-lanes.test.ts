import { expect, it } from "vitest";
import type { BrokerKind } from "../../bench/brokers.ts";
import type { Lane } from "../../bench/lanes.ts";
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

it("measures mailboxes only of brokers that keep them", async () => {
  const mailbox: Lane = { name: "mailbox", title: "", kind: "away-memory", load: single.load };
  const keeper = { ...kind("keeper"), keeps: true };
  const kinds = [keeper, kind("forgetful"), kind("relay", true)];
  const [result] = await runLanes([mailbox], kinds, 1, async () => ({}), quiet);
  expect(Object.keys(result!.brokers)).toEqual(["keeper"]);
});
