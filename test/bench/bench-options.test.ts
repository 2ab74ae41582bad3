import { expect, it } from "vitest";
import { parseBenchOptions } from "../../bench/bench-options.ts";

const known = { lanes: ["q0-one", "memory"], brokers: ["waypost", "aedes"] };
const parse = (...args: string[]) => parseBenchOptions(args, known);

it("measures three rounds of three seconds of everything by default", () => {
  expect(parse()).toEqual({
    rounds: 3,
    measureMs: 3000,
    warmupMs: 1000,
    burst: 10,
    lanes: undefined,
    brokers: undefined,
    store: { engine: undefined, durability: "synced" },
    cleanUpMs: 5000,
    quick: false,
    jsonFile: undefined,
    help: false,
  });
});

it("takes a quick look, in which single options still count", () => {
  expect(parse("--quick", "--rounds", "2")).toMatchObject({ rounds: 2, measureMs: 1000, warmupMs: 500 });
});

it("takes fractions of a second and lists of names", () => {
  const options = parse("--seconds", "0.5", "--lanes", "memory,q0-one", "--brokers", "aedes", "--json", "out.json");
  expect(options).toMatchObject({
    measureMs: 500,
    lanes: ["memory", "q0-one"],
    brokers: ["aedes"],
    jsonFile: "out.json",
  });
});

it("keeps messages as it is told", () => {
  const { store } = parse("--engine", "memory", "--durability", "written");
  expect(store).toEqual({ engine: "memory", durability: "written" });
});

it.each([
  [["--engine", "redis"], "nedb or memory"],
  [["--rounds", "1.5"], "--rounds"],
  [["--rounds", "0"], "--rounds"],
  [["--burst", "-1"], "--burst"],
  [["--seconds", "soon"], "--seconds"],
  [["--lanes", "q9"], "q0-one, memory"],
  [["--brokers", "waypost,emqx"], "emqx"],
  [["--fast"], "--fast"],
])("refuses %j and says why", (args, reason) => {
  expect(() => parse(...args)).toThrow(
    expect.objectContaining({ code: "ERR_USAGE", message: expect.stringContaining(reason) }),
  );
});
