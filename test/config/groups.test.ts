import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { load, mistakesOf } from "./config-file.ts";

const groups = (content: string) => `groups:\n  ${content}\n`;

describe("groups", () => {
  it("are none by default", () => {
    expect(loadConfig({ environment: {} }).config.groups).toEqual({});
  });

  it("have members by pattern, and a QoS", () => {
    const content = groups("floor-2: { members: [sensor-2-*, hvac-7] }\n  displays: { members: ['d?'], qos: 0 }");
    expect(load(content)).toMatchObject({
      config: {
        groups: { "floor-2": { members: ["sensor-2-*", "hvac-7"], qos: 2 }, displays: { members: ["d?"], qos: 0 } },
      },
      warnings: [],
    });
  });

  it("may be called __proto__ and constructor", () => {
    const { config } = load(groups("__proto__: { members: [a] }\n  constructor: { members: [b] }"));
    expect(Object.entries(config.groups)).toEqual([
      ["__proto__", { members: ["a"], qos: 2 }],
      ["constructor", { members: ["b"], qos: 2 }],
    ]);
  });

  it.each(["a/b", "#", "+", "", "x".repeat(65)])("are not called %j", (name) => {
    expect(mistakesOf(groups(`"${name}": { members: [a] }`))).toEqual([
      expect.stringContaining(`2:3 groups.${name} is no group name: it `),
    ]);
  });

  it.each([
    ["g:", "2:3 groups.g is empty: give the group its members"],
    ["g: {}", "2:3 groups.g.members is missing: it must be a list of client id patterns"],
    ["g: { members: }", expect.stringMatching(/^2:8 groups\.g\.members is empty/)],
    ["g: { members: [] }", "2:17 groups.g.members must have at least one of the client id patterns"],
    ["g: { members: a* }", '2:17 groups.g.members must be a list of client id patterns, not "a*"'],
    ["g: { members: [7] }", "2:18 groups.g.members.0 must be a client id pattern, not 7"],
    ["g: { members: [''] }", '2:18 groups.g.members.0 "" is no client id pattern: it is empty'],
    ['g: { members: ["a\\0"] }', '2:18 groups.g.members.0 "a\\u0000" is no client id pattern: it contains U+0000'],
    [
      `g: { members: [${"x".repeat(257)}] }`,
      expect.stringContaining("is no client id pattern: it has more than 256 characters"),
    ],
    ["g: { members: [a], qos: 3 }", "2:27 groups.g.qos must be a whole number from 0 to 2, not 3"],
    ["g: { member: [a], members: [a] }", "2:8 groups.g.member is no known key: did you mean members?"],
  ])("in %j are clear mistakes", (content, mistake) => {
    expect(mistakesOf(groups(content))).toEqual([mistake]);
  });

  it("have at most 1000 members, of at most 256 characters", () => {
    const of = (count: number) => groups(`g: { members: [${`${"x".repeat(256)}, `.repeat(count)}] }`);
    expect(mistakesOf(of(1000))).toEqual([]);
    expect(mistakesOf(of(1001))).toEqual(["2:17 groups.g.members has too many client id patterns: at most 1000"]);
  });

  it.each(["*", "**"])("of everybody, %s, get a warning", (pattern) => {
    expect(load(groups(`all: { members: ["a*", "${pattern}"] }`)).warnings).toEqual([
      `groups.all.members has "${pattern}", which matches every client id: a message to the group goes to every device`,
    ]);
  });

  it("come from the environment and from flags too", () => {
    const environment = { WAYPOST_GROUPS__FLOOR_2__MEMBERS: "[sensor-2-*]" };
    const overrides = ["groups.Displays.members=['display-*', 'tv']", "groups.Displays.qos=1"];
    const content = groups("floor-2: { members: [x], qos: 0 }");
    expect(load(content, { environment, overrides }).config.groups).toEqual({
      "floor-2": { members: ["sensor-2-*"], qos: 0 },
      Displays: { members: ["display-*", "tv"], qos: 1 },
    });
  });
});

describe("deadLetters", () => {
  it("have limits by default", () => {
    expect(loadConfig({ environment: {} }).config.deadLetters).toEqual({
      messagesMax: 10_000,
      bytesMax: 16 * 1024 * 1024,
      timeToLiveSeconds: 604_800,
    });
  });

  it("that large messages never fit get a warning, unless none are kept", () => {
    expect(load("deadLetters: { bytesMax: 1MiB }").warnings).toEqual([
      "deadLetters.bytesMax (1MiB) is smaller than limits.packetBytesMax (4MiB): larger messages are never kept as dead letters",
    ]);
    expect(load("deadLetters: { bytesMax: 1MiB, messagesMax: 0, timeToLiveSeconds: 0 }").warnings).toEqual([]);
  });

  it("are found by their name alone", () => {
    expect(mistakesOf("deadletters: {}")).toEqual(["1:1 deadletters is no known key: did you mean deadLetters?"]);
    const environment = { WAYPOST_DEAD_LETTERS__MESSAGES_MAX: "5" };
    expect(loadConfig({ environment }).config.deadLetters.messagesMax).toBe(5);
  });
});

describe("control", () => {
  it("is on by default, with a path that follows the store", () => {
    expect(loadConfig({ environment: {} }).config.control).toEqual({ enabled: true, path: "" });
  });

  it("has a path that fits the address of a socket", () => {
    expect(mistakesOf(`control: { path: ${"x".repeat(107)} }`)).toEqual([]);
    const mistake = "1:18 control.path must be the path of a socket of at most 107 bytes";
    expect(mistakesOf(`control: { path: ${"x".repeat(108)} }`)).toEqual([mistake]);
    expect(mistakesOf(`control: { path: ${"ä".repeat(54)} }`)).toEqual([mistake]);
    expect(mistakesOf("control: { path: 5, enabled: maybe }")).toEqual([
      `${mistake}, not 5`,
      '1:30 control.enabled must be true or false, not "maybe"',
    ]);
  });
});
