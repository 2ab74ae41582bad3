import { describe, expect, it } from "vitest";
import { explainTopic, linesOf } from "../../src/bridge/explain-topic.ts";
import { TopicMapping } from "../../src/bridge/topic-mapping.ts";
import { bridgeOf } from "./bridge-of.ts";

const explain = (topics: string, topic: string) => explainTopic(bridgeOf(topics), topic);
const reasonsUp = (topics: string, topic: string) =>
  explain(topics, topic).up.passedOver.map(({ rule, reason }) => `${rule}: ${reason}`);

describe("the explanation of a topic", () => {
  it("names the rule that takes it and the topic at the other side, for both directions", () => {
    const rules = "[{ filter: a/#, remotePrefix: site/ }, { filter: a/#, direction: down, qos: 1 }]";
    const { topic, mistake, enabled, up, down } = explain(rules, "a/b");
    expect({ topic, mistake, enabled }).toEqual({ topic: "a/b", mistake: null, enabled: true });
    expect(up.taken).toMatchObject({ rule: 0, filter: "a/#", topic: "site/a/b", settings: { qos: 2 } });
    expect(down.taken).toMatchObject({ rule: 1, filter: "a/#", topic: "a/b", settings: { qos: 1 } });
  });

  it("agrees with the mapping", () => {
    const bridge = bridgeOf(
      "[{ filter: a/+, exclude: [a/x], direction: both, remotePrefix: r/ }, { filter: '#', localPrefix: a/ }, { filter: +/#, direction: down }]",
    );
    const mapping = new TopicMapping(bridge.topics);
    for (const topic of ["a", "a/b", "a/x", "a/b/c", "r/a/b", "r/a/x", "$SYS/a", "a/$SYS/a", "a/"]) {
      const { up, down } = explainTopic(bridge, topic);
      expect([up.taken?.rule, up.taken?.topic], topic).toEqual([mapping.up(topic)?.index, mapping.up(topic)?.topic]);
      expect([down.taken?.rule, down.taken?.topic], topic).toEqual([
        mapping.down(topic)?.index,
        mapping.down(topic)?.topic,
      ]);
    }
  });

  it("is plain data, as JSON has it", () => {
    const explanation = explain("[{ filter: a/#, remotePrefix: site/ }]", "a/b");
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  });

  it.each([
    ["", "it is empty"],
    ["a/#", "it contains a wildcard"],
    ["a\0b", "it contains U+0000"],
  ])("says that %j is no topic", (topic, mistake) => {
    const nothing = { taken: null, passedOver: [] };
    const explanation = explain("[{ filter: '#', direction: both }]", topic);
    expect(explanation).toEqual({ topic, mistake, enabled: true, up: nothing, down: nothing });
    expect(linesOf(explanation)).toEqual([expect.stringMatching(`is no topic: ${mistake.replace("+", "\\+")}$`)]);
  });
});

describe("a rule that almost takes a topic", () => {
  it.each([
    ["is excluded", "[{ filter: a/#, exclude: [x, a/b], localPrefix: l/ }]", "l/a/b", '0: its exclude "l/a/b" matches'],
    ["has the other direction", "[{ filter: a/#, direction: down }]", "a/b", "0: it only comes down"],
    ["comes later", "[{ filter: a/b }, { filter: a/# }]", "a/b", "1: topics.0 comes first"],
    [
      "wants a prefix",
      "[{ filter: a/#, localPrefix: home/ }]",
      "a/b",
      '0: localPrefix "home/" is missing, "a/#" would match',
    ],
    [
      "wants more than the prefix",
      "[{ filter: '#', localPrefix: home/ }]",
      "home",
      '0: it has no more than the beginning of localPrefix "home/"',
    ],
    [
      "begins with a wildcard, and the topic with $",
      "[{ filter: +/broker/# }]",
      "$SYS/broker/load",
      "0: a filter that begins with a wildcard matches no topic that begins with $",
    ],
    [
      "would make a topic below $SYS/ of it",
      "[{ filter: '#', localPrefix: a/ }]",
      "a/$SYS/x",
      '0: it would be "$SYS/x" at the other side: what is below $SYS/ is that broker\'s own to say',
    ],
    [
      "would make nothing of it",
      "[{ filter: '#', localPrefix: a/ }]",
      "a/",
      '0: it would be "" at the other side: it is empty',
    ],
  ])("%s", (_, rules, topic, reason) => {
    expect(reasonsUp(rules, topic)).toEqual([reason]);
  });

  it("is told on the way down too, with the upstream's prefix", () => {
    const { down } = explain("[{ filter: a/#, remotePrefix: site/, direction: both }, { filter: a/b }]", "a/b");
    expect(down).toEqual({
      taken: null,
      passedOver: [
        { rule: 0, filter: "site/a/#", reason: 'remotePrefix "site/" is missing, "a/#" would match' },
        { rule: 1, filter: "a/b", reason: "it only goes up" },
      ],
    });
  });

  it("is not one that has nothing to do with it", () => {
    expect(reasonsUp("[{ filter: a/#, direction: down, localPrefix: home/ }]", "a/b")).toEqual([]);
    expect(reasonsUp("[{ filter: b/#, localPrefix: home/ }, { filter: a }]", "a/b")).toEqual([]);
  });
});

describe("the lines of an explanation", () => {
  it("say what happens, and why", () => {
    const rules = `[
      { filter: telemetry/debug/#, direction: down },
      { filter: telemetry/#, remotePrefix: site-7/, qos: 1, qosMin: 0 },
      { filter: "#", remotePrefix: rest/ },
      { filter: telemetry/+/b, direction: down, retain: clear, share: gateways }
    ]`;
    expect(linesOf(explain(rules, "telemetry/a/b"))).toEqual([
      "published here:",
      '  it goes up as "site-7/telemetry/a/b", by topics.1 "telemetry/#"',
      "  QoS: as published, at most 1; what has QoS 0 is not kept while the upstream is away",
      "  retained messages: stay retained",
      "  waits with at most 100000 messages or 67108864 bytes of its rule, then reject-newest",
      "  waits as long as it takes",
      "  after an outage: live-first, what is fresh has 50 % of the line and never overtakes its own topic",
      "  priority: 4 (9 goes first, 0 last)",
      '  not by topics.2 "#": topics.1 comes first',
      '  not by topics.3 "telemetry/+/b": it only comes down',
      "published at the upstream:",
      '  it comes down as "telemetry/a/b", by topics.3 "telemetry/+/b"',
      "  QoS: as published, at most 2",
      "  retained messages: become ordinary ones",
      '  shared with the other subscribers of "gateways"',
    ]);
  });

  it("say what the policy of a rule is", () => {
    const rules =
      "[{ filter: a, qosMin: 1, qos: 1, lastValue: true, sampleSeconds: 5, timeToLiveSeconds: 60, outage: oldest-first }]";
    const lines = linesOf(explain(rules, "a")).map((line) => line.trim());
    expect(lines).toContain("QoS: 1");
    expect(lines).toContain("waits at most 60 s");
    expect(lines).toContain("after an outage: oldest-first, strictly in order");
    expect(lines).toContain("last value: of what waits, only the newest message of a topic is kept");
    expect(lines).toContain("sampled: one message of a topic in 5 s, the rest is dropped");
  });

  it("say that nothing happens", () => {
    expect(linesOf(explain("[{ filter: a }]", "b"))).toEqual([
      "published here:",
      "  it never goes up: no rule matches it",
      "published at the upstream:",
      "  it never comes down: no rule matches it",
    ]);
    expect(linesOf(explain("[{ filter: a }]", "a"))).toContain("  it never comes down: no rule takes it");
  });

  it("say that the bridge is not enabled", () => {
    const bridge = bridgeOf("[{ filter: a }]", ["enabled=false"]);
    expect(linesOf(explainTopic(bridge, "a"))[0]).toBe("the bridge has enabled: false, nothing passes; if it had not:");
  });

  it("hold no control characters", () => {
    const lines = linesOf(explain("[{ filter: '#' }]", "a\n\u009b31m\u202e/b")).join("");
    expect(lines).toContain('"a\\n\\u{9b}31m\\u{202e}/b"');
  });
});
