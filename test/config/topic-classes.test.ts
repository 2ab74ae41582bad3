import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { load, mistakesOf } from "./config-file.ts";

const classesOf = (content: string) => load(content).config.mailboxes.classes;
const withOverrides = (...overrides: string[]) => loadConfig({ environment: {}, overrides }).config.mailboxes.classes;

describe("mailboxes.classes", () => {
  it("are read with their sizes, and what is not given stays open", () => {
    const content = `
mailboxes:
  classes:
    - { topics: [alarm/#, +/alarm], priority: 9 }
    - topics: ["#"]
      durability: written
      messagesMax: 10
      bytesMax: 4MiB
      whenFull: flow-control
      timeToLiveSeconds: 0
`;
    expect(classesOf(content)).toEqual([
      { topics: ["alarm/#", "+/alarm"], priority: 9 },
      {
        topics: ["#"],
        priority: 4,
        durability: "written",
        messagesMax: 10,
        bytesMax: 4 * 1024 * 1024,
        whenFull: "flow-control",
        timeToLiveSeconds: 0,
      },
    ]);
  });

  it("have each mistake at its place", () => {
    const content = `mailboxes:
  classes:
    - topics: [a/#, b/#/c, ""]
      priority: 10
      mesagesMax: 3
    - 5
    - priority: 2
    - topics: []
    - topics: a/#
      whenFull: never
    - topics:
        - 4
        -
      bytesMax: 1XB
`;
    expect(mistakesOf(content)).toEqual([
      '3:21 mailboxes.classes.0.topics.1 "b/#/c" is no topic filter: # stands before its end',
      '3:28 mailboxes.classes.0.topics.2 "" is no topic filter: it is empty',
      "4:17 mailboxes.classes.0.priority must be a whole number from 0 to 9, not 10",
      "5:7 mailboxes.classes.0.mesagesMax is no known key: did you mean messagesMax?",
      "6:7 mailboxes.classes.1 must be a map of keys and values, not 5",
      "7:7 mailboxes.classes.2.topics is missing: it must be a list of topic filters",
      "8:15 mailboxes.classes.3.topics must have at least one of the topic filters",
      '9:15 mailboxes.classes.4.topics must be a list of topic filters, not "a/#"',
      '10:17 mailboxes.classes.4.whenFull must be one of reject-newest, remove-oldest, remove-low-priority, flow-control, not "never"',
      "12:11 mailboxes.classes.5.topics.0 must be a topic filter, not 4",
      "13:10 mailboxes.classes.5.topics.1 is empty: give it a value, or remove the line to get the default",
      expect.stringMatching(/^14:17 mailboxes\.classes\.5\.bytesMax must be a size/),
    ]);
  });

  it("are at most 64", () => {
    const classes = (count: number) => `mailboxes: { classes: [${"{ topics: [a/#] }, ".repeat(count)}] }`;
    expect(mistakesOf(classes(64))).toEqual([]);
    expect(mistakesOf(classes(65))).toEqual(["1:23 mailboxes.classes has too many classes: at most 64"]);
  });

  it.each(["x".repeat(100), "5", "{ topics: [a] }"])("are a list and not %s", (value) => {
    expect(mistakesOf(`mailboxes:\n  classes: ${value}`)).toEqual([
      expect.stringMatching(/^2:12 mailboxes\.classes must be a list of classes, not /),
    ]);
  });

  it("take text from a variable, also where it looks like a number", () => {
    const content = `mailboxes: { classes: [{ topics: ["$\{TOPIC}"], priority: "$\{PRIORITY}" }] }`;
    expect(load(content, { environment: { TOPIC: "5", PRIORITY: "6" } }).config.mailboxes.classes).toEqual([
      { topics: ["5"], priority: 6 },
    ]);
  });

  it("that name a filter twice get a warning: the first class counts", () => {
    const { warnings } = load("mailboxes: { classes: [{ topics: [a, b, a] }, { topics: [c, b] }] }");
    expect(warnings).toEqual([
      'mailboxes.classes.1.topics has "b", which mailboxes.classes.0 takes first: remove it from one',
    ]);
  });
});

describe("mailboxes.classes in one line of YAML", () => {
  it("come whole from --set and replace those of the file", () => {
    const { config } = load("mailboxes: { classes: [{ topics: [x] }, { topics: [y] }] }", {
      overrides: ["mailboxes.classes=[{topics: [a/#], priority: 2}]"],
    });
    expect(config.mailboxes.classes).toEqual([{ topics: ["a/#"], priority: 2 }]);
    expect(withOverrides("mailboxes.classes=[]")).toEqual([]);
  });

  it("come from the environment too", () => {
    const environment = { WAYPOST_MAILBOXES__CLASSES: '[{"topics": ["a/#"], "bytesMax": "4MiB"}]' };
    expect(loadConfig({ environment }).config.mailboxes.classes).toEqual([
      { topics: ["a/#"], priority: 4, bytesMax: 4 * 1024 * 1024 },
    ]);
  });

  it("have their mistakes where they were given, not where the file has others", () => {
    const overrides = ["mailboxes.classes=[{topics: [a], priority: x}, {topics: ['#/a'], __proto__: {}}]"];
    expect(mistakesOf("mailboxes:\n  classes:\n    - { topics: [x], priority: 2 }\n", { overrides })).toEqual([
      '--set mailboxes.classes.0.priority must be a whole number from 0 to 9, not "x"',
      '--set mailboxes.classes.1.topics.0 "#/a" is no topic filter: # stands before its end',
      expect.stringMatching(/^--set mailboxes\.classes\.1\.__proto__ is no known key: /),
    ]);
  });

  it.each([
    ["mailboxes.classes=x", '--set mailboxes.classes must be a list of classes, not "x"'],
    ["mailboxes.classes=[{topics: [a]", '--set mailboxes.classes must be a list of classes, not "[{topics: [a]"'],
    ["mailboxes.classes=[{topics: &a [a]}, {topics: *a}]", expect.stringMatching(/must be a list of classes, not/)],
    ["mailboxes.classes=[{topics: [a], topics: [b]}]", expect.stringMatching(/must be a list of classes, not/)],
    ["mailboxes.classes=", "--set mailboxes.classes is empty: give it a value, or remove the line to get the default"],
    [
      "mailboxes.classes.0.priority=2",
      "--set mailboxes.classes.0.priority is no setting: mailboxes.classes is a list, give it whole as [{topics: …, priority: …}]",
    ],
  ])("%s is a clear mistake", (override, text) => {
    expect(mistakesOf("", { overrides: [override] })).toEqual([text]);
  });
});
