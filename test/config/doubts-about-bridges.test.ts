import { describe, expect, it } from "vitest";
import { bridgeLoop } from "../../src/config/bridge-loop.ts";
import { load } from "./config-file.ts";

const warningsOf = (topics: string, keys = "", more = "") =>
  load(`bridges: { c: { url: mqtt://upstream.example, ${keys} topics: [${topics}] } }\n${more}`).warnings.map((line) =>
    line.replaceAll("bridges.c.", ""),
  );

describe("warnings about a bridge", () => {
  it("are none for what is usual", () => {
    const topics = `
      { filter: "#", exclude: [private/#], remotePrefix: site-7/ },
      { filter: commands/#, direction: down, remotePrefix: site-7/ },
      { filter: $SYS/broker/#, remotePrefix: site-7/ }`;
    expect(warningsOf(topics)).toEqual([]);
    expect(warningsOf("{ filter: '#', direction: both }")).toEqual([]);
    expect(warningsOf("{ filter: state/#, direction: both, localPrefix: l/, remotePrefix: r/ }")).toEqual([]);
  });

  it("are given where its certificate is not checked", () => {
    const { warnings } = load(
      "bridges: { c: { url: mqtts://u.example, tls: { verify: false }, topics: [{ filter: a }] } }",
    );
    expect(warnings).toEqual([
      "bridges.c.tls.verify is false: whoever is on the way to the upstream can read and change everything; name its authority with tls.ca instead",
    ]);
  });

  it("are given where its password can be read on the way, without showing it", () => {
    const credentials = "username: alice, password: secret,";
    expect(warningsOf("{ filter: a }", credentials)).toEqual([
      "password can be read on the way to upstream.example: use mqtts or wss",
    ]);
    const local = `bridges: { c: { url: ["mqtt://[::1]", mqtts://u.example], ${credentials} topics: [{ filter: a }] } }`;
    expect(load(local).warnings).toEqual([]);
  });

  it("are given where the largest packet takes more than a minute", () => {
    expect(warningsOf("{ filter: a }", "bytesPerSecondMax: 10KiB,")).toEqual([
      "bytesPerSecondMax (10KiB) is so small that a message of limits.packetBytesMax (4MiB) takes more than a minute, and others wait behind it",
    ]);
    expect(warningsOf("{ filter: a }", "bytesPerSecondMax: 10KiB,", "limits: { packetBytesMax: 64KiB }")).toEqual([]);
  });

  it("are given where the largest packet never fits a rule that goes up", () => {
    expect(warningsOf("{ filter: a, bytesMax: 1MiB }")).toEqual([
      "topics.0.bytesMax (1MiB) is smaller than limits.packetBytesMax (4MiB): larger messages are accepted and never fit the bridge",
    ]);
  });

  it("are given where a rule that comes down says how things wait", () => {
    expect(warningsOf("{ filter: a, direction: down, bytesMax: 1MiB, lastValue: true }")).toEqual([
      "topics.0 comes down only, and lastValue, bytesMax are for what goes up",
    ]);
  });

  it("are given where an exclude matches nothing of its rule", () => {
    expect(warningsOf("{ filter: a/#, exclude: [a/b, b/#], localPrefix: l/ }")).toEqual([
      'topics.0.exclude.1 excludes nothing: "b/#" matches no topic that the filter "a/#" matches',
    ]);
  });

  it("are given where two bridges have the same client id at the same upstream", () => {
    const bridge = (url: string, more = "") => `{ url: ${url}, clientId: porch, topics: [{ filter: a }]${more} }`;
    const content = (second: string) => `bridges:\n  a: ${bridge("mqtt://u.example")}\n  b: ${second}\n`;
    expect(load(content(bridge("[mqtt://v.example, mqtts://U.example]"))).warnings).toEqual([
      "bridges.b.clientId is that of bridges.a, at the same upstream: each would end the connection of the other; give them different ones",
    ]);
    expect(load(content(bridge("mqtt://v.example"))).warnings).toEqual([]);
    expect(load(content(bridge("mqtt://u.example", ", enabled: false"))).warnings).toEqual([]);
  });
});

describe("warnings about a rule that gets nothing", () => {
  const takenFirst = (later: number, what: string, first: number) =>
    `topics.${later} never has anything that ${what}: topics.${first} takes all of it first; put it before that one, or remove it`;

  it.each([
    ["the same filter", "{ filter: a/+, remotePrefix: x/ }, { filter: a/+, remotePrefix: y/ }"],
    ["a wider filter", "{ filter: a/# }, { filter: a/b }"],
    ["everything", "{ filter: '#' }, { filter: +/b/# }"],
    ["the same topics by another prefix", "{ filter: a/#, localPrefix: l/ }, { filter: l/a/b/# }"],
    ["all but what the second excludes too", "{ filter: a/#, exclude: [a/x] }, { filter: a/#, exclude: [a/y, a/x] }"],
    ["all but what the second does not have", "{ filter: a/#, exclude: [a/x] }, { filter: a/b }"],
  ])("are given where the first has %s", (_, topics) => {
    expect(warningsOf(topics).filter((each) => each.includes("never has"))).toEqual([takenFirst(1, "goes up", 0)]);
  });

  it.each([
    ["the second is wider", "{ filter: a/b }, { filter: a/# }"],
    ["they overlap", "{ filter: a/+ }, { filter: +/b }"],
    ["the first excludes something", "{ filter: a/#, exclude: [a/x] }, { filter: a/# }"],
    [
      "the first wants a prefix that one topic of the second has not",
      "{ filter: '#', localPrefix: a/ }, { filter: a/# }",
    ],
    ["the first does not match what begins with $", "{ filter: '#' }, { filter: $SYS/#, remotePrefix: x/ }"],
    [
      "they have different directions",
      "{ filter: a, remotePrefix: x/ }, { filter: a, remotePrefix: x/, direction: down }",
    ],
  ])("are not given where %s", (_, topics) => {
    expect(warningsOf(topics).filter((each) => each.includes("never has"))).toEqual([]);
  });

  it("are given for each direction", () => {
    expect(warningsOf("{ filter: a/#, direction: both }, { filter: a/b, direction: both }")).toEqual([
      takenFirst(1, "goes up", 0),
      takenFirst(1, "comes down", 0),
    ]);
  });
});

describe("a warning about a loop", () => {
  it("tells the rules and a topic that goes up twice", () => {
    expect(
      warningsOf("{ filter: '#', remotePrefix: site/ }, { filter: '#', direction: down, localPrefix: cloud/ }"),
    ).toEqual([
      "topics is a loop: what goes up by topics.0 comes down by topics.1 as another topic, and goes up again by topics.0: " +
        '"a" goes up as "site/a", comes down as "cloud/site/a", goes up as "site/cloud/site/a"; exclude what comes down from what goes up',
    ]);
  });

  const ofRules = (topics: string) =>
    bridgeLoop(load(`bridges: { c: { url: mqtt://u.example, topics: [${topics}] } }`).config.bridges.c?.topics ?? []);

  it.each([
    [
      "three rules",
      "{ filter: a/# }, { filter: a/#, direction: down, localPrefix: b/ }, { filter: b/# }",
      [0, 1, 2, "a/c", "a/c", "b/a/c", "b/a/c"],
    ],
    [
      "a rule in both directions and one that comes down",
      "{ filter: x/#, direction: down, localPrefix: y/ }, { filter: '#', direction: both }",
      [1, 0, 1, "x/a", "x/a", "y/x/a", "y/x/a"],
    ],
    [
      "two rules that exchange topics",
      "{ filter: '', localPrefix: a, remotePrefix: t }, { filter: '', localPrefix: b, remotePrefix: t, direction: both }",
      [0, 1, 1, "a", "t", "b", "t"],
    ],
    [
      "an exclude that leaves deeper topics",
      "{ filter: a/#, exclude: [a, a/+] }, { filter: a/#, direction: down, localPrefix: b/ }, { filter: b/# }",
      [0, 1, 2, "a/c/c", "a/c/c", "b/a/c/c", "b/a/c/c"],
    ],
  ])("is given for %s", (_, topics, [up, down, again, ...names]) => {
    expect(ofRules(topics)).toEqual({ up, down, again, topics: names });
  });

  it.each([
    [
      "what comes back to its own topic",
      "{ filter: '#', remotePrefix: s/ }, { filter: '#', direction: down, remotePrefix: s/ }",
    ],
    [
      "what comes back to its own topic by other prefixes",
      "{ filter: b/#, localPrefix: a/, remotePrefix: x/a/ }, { filter: a/#, direction: down, remotePrefix: x/ }",
    ],
    [
      "what is excluded",
      "{ filter: '#', exclude: [cloud/#], remotePrefix: site/ }, { filter: '#', direction: down, localPrefix: cloud/ }",
    ],
    ["what never comes down", "{ filter: a/#, remotePrefix: s/ }, { filter: a/#, direction: down }"],
    ["what does not go up again", "{ filter: a/# }, { filter: a/#, direction: down, localPrefix: b/ }"],
    [
      "what an earlier rule takes back to its own topic",
      "{ filter: a/#, direction: both }, { filter: a/#, direction: down, localPrefix: b/ }, { filter: b/# }",
    ],
  ])("is not given for %s", (_, topics) => {
    expect(ofRules(topics)).toBeUndefined();
  });

  it("is not looked for without end", () => {
    const ways = ["up", "down"].flatMap((direction) =>
      Array.from({ length: 500 }, (_, index) => ({ direction, index })),
    );
    const many = ways.map(
      ({ direction, index }) =>
        `{ filter: +/${index}/#, exclude: [+/+/#], direction: ${direction}, localPrefix: ${direction}/ }`,
    );
    expect(ofRules(many.join(", "))).toBeUndefined();
  });
});
