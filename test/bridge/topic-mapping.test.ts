import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BridgeRule } from "../../src/bridge/bridge-settings.ts";
import { TopicMapping } from "../../src/bridge/topic-mapping.ts";
import { filterMatches } from "../../src/topic/topic-rules.ts";
import { bridgeOf } from "./bridge-of.ts";

const mappingOf = (topics: string) => new TopicMapping(bridgeOf(topics).topics);

describe("a topic on its way up", () => {
  it("keeps its name without prefixes", () => {
    expect(mappingOf("[{ filter: telemetry/# }]").up("telemetry/a")?.topic).toBe("telemetry/a");
  });

  it("loses the local prefix and gets that of the upstream", () => {
    const mapping = mappingOf("[{ filter: +/state, localPrefix: home/, remotePrefix: site-7/x/ }]");
    expect(mapping.up("home/lamp/state")).toMatchObject({ index: 0, topic: "site-7/x/lamp/state" });
    expect(mapping.up("lamp/state")).toBeUndefined();
    expect(mapping.up("home/lamp/level")).toBeUndefined();
  });

  it("may have a prefix that ends within a level", () => {
    const mapping = mappingOf("[{ filter: 7/+, localPrefix: sensor-, remotePrefix: s }]");
    expect(mapping.up("sensor-7/t")?.topic).toBe("s7/t");
  });

  it("may be renamed as a whole", () => {
    const mapping = mappingOf('[{ filter: "", localPrefix: door, remotePrefix: site-7/door, direction: both }]');
    expect(mapping.up("door")?.topic).toBe("site-7/door");
    expect(mapping.up("door/x")).toBeUndefined();
    expect(mapping.down("site-7/door")?.topic).toBe("door");
  });

  it("is taken by the first rule that matches", () => {
    const mapping = mappingOf("[{ filter: a/b, remotePrefix: first/ }, { filter: a/#, remotePrefix: second/ }]");
    expect(mapping.up("a/b")).toMatchObject({ index: 0, topic: "first/a/b", rule: { filter: "a/b" } });
    expect(mapping.up("a/c")).toMatchObject({ index: 1, topic: "second/a/c" });
  });

  it("is taken by the first of two rules with the same filter, or by the second where that one excludes it", () => {
    const mapping = mappingOf(
      "[{ filter: a/#, exclude: [a/x/#], remotePrefix: first/ }, { filter: a/#, remotePrefix: second/ }]",
    );
    expect(mapping.up("a/b")?.topic).toBe("first/a/b");
    expect(mapping.up("a/x")?.topic).toBe("second/a/x");
    expect(mapping.up("a/x/y")?.topic).toBe("second/a/x/y");
  });

  it("is excluded by filters to which the prefix is not written", () => {
    const mapping = mappingOf('[{ filter: "#", exclude: [debug/#, +/secret], localPrefix: home/ }]');
    expect(mapping.up("home/debug/x")).toBeUndefined();
    expect(mapping.up("home/a/secret")).toBeUndefined();
    expect(mapping.up("home/a/b")?.topic).toBe("a/b");
    expect(mapping.up("home/home/debug/x")?.topic).toBe("home/debug/x");
  });

  it("is not taken where it ends before the prefix does, although its filter matches", () => {
    const mapping = mappingOf('[{ filter: "#", localPrefix: home/, remotePrefix: site/ }]');
    expect(mapping.up("home")).toBeUndefined();
    expect(mapping.up("home/")?.topic).toBe("site/");
  });

  it("is not taken by rules that only come down", () => {
    expect(mappingOf("[{ filter: a, direction: down }]").up("a")).toBeUndefined();
  });

  it("is called like a property of every object without harm", () => {
    const mapping = mappingOf("[{ filter: __proto__/# }, { filter: constructor }]");
    expect(mapping.up("__proto__/a")?.topic).toBe("__proto__/a");
    expect(mapping.up("constructor")?.index).toBe(1);
    expect(mapping.up("toString")).toBeUndefined();
  });
});

describe("a topic on its way down", () => {
  it("loses the prefix of the upstream and gets the local one", () => {
    const mapping = mappingOf("[{ filter: set/#, direction: down, localPrefix: cloud/, remotePrefix: site-7/ }]");
    expect(mapping.down("site-7/set/lamp")).toMatchObject({ index: 0, topic: "cloud/set/lamp" });
    expect(mapping.down("set/lamp")).toBeUndefined();
    expect(mapping.up("cloud/set/lamp")).toBeUndefined();
  });

  it("comes back to its own name by a rule for both directions", () => {
    const mapping = mappingOf("[{ filter: a/#, direction: both, localPrefix: x/, remotePrefix: y/z/ }]");
    const { topic = "" } = mapping.up("x/a/b") ?? {};
    expect(topic).toBe("y/z/a/b");
    expect(mapping.down(topic)?.topic).toBe("x/a/b");
  });

  it("is excluded as on its way up", () => {
    const mapping = mappingOf("[{ filter: a/#, exclude: [a/x], direction: both, localPrefix: l/, remotePrefix: r/ }]");
    expect([mapping.up("l/a/x"), mapping.down("r/a/x")]).toEqual([undefined, undefined]);
  });
});

describe("a topic that begins with $", () => {
  it("is not matched by a wildcard at the beginning [MQTT-4.7.2-1]", () => {
    const mapping = mappingOf(
      '[{ filter: "#", direction: both, remotePrefix: site/ }, { filter: "+/x", remotePrefix: s/ }]',
    );
    expect(mapping.up("$SYS/broker/load")).toBeUndefined();
    expect(mapping.up("$a/x")).toBeUndefined();
  });

  it("is matched where the filter begins with the same level", () => {
    const mapping = mappingOf("[{ filter: $SYS/broker/#, remotePrefix: site/ }, { filter: +/x, localPrefix: $a/ }]");
    expect(mapping.up("$SYS/broker/uptime")?.topic).toBe("site/$SYS/broker/uptime");
    expect(mapping.up("$a/b/x")?.topic).toBe("b/x");
  });

  it("is ordinary behind a prefix", () => {
    const mapping = mappingOf('[{ filter: "#", direction: down, remotePrefix: site/, localPrefix: from/ }]');
    expect(mapping.down("site/$SYS/x")?.topic).toBe("from/$SYS/x");
  });

  it.each(["$SYS/x", "$SYS", "$share/g/x", "$queue/jobs/$SYS/x"])("does not come down as %s", (topic) => {
    const mapping = mappingOf('[{ filter: "#", direction: both, remotePrefix: site/ }]');
    expect(mapping.down(`site/${topic}`)).toBeUndefined();
  });

  it("may come down to a queue or a group", () => {
    const mapping = mappingOf("[{ filter: '#', direction: down, remotePrefix: jobs/, localPrefix: $queue/jobs/ }]");
    expect(mapping.down("jobs/a/b")?.topic).toBe("$queue/jobs/a/b");
  });
});

describe("a topic that would not be one at the other side", () => {
  it("is not taken where it would be longer than 65,535 bytes", () => {
    const mapping = mappingOf("[{ filter: a/#, remotePrefix: 123/ }]");
    expect(mapping.up(`a/${"x".repeat(65_529)}`)?.topic).toHaveLength(65_535);
    expect(mapping.up(`a/${"x".repeat(65_530)}`)).toBeUndefined();
    expect(mapping.up(`a/${"ä".repeat(32_765)}`)).toBeUndefined();
  });

  it("is not taken where nothing would be left of it", () => {
    expect(mappingOf("[{ filter: '#', localPrefix: a/ }]").up("a/")).toBeUndefined();
  });

  it.each(["", "a/#", "a/+", "a\0"])("is not %j", (topic) => {
    const mapping = mappingOf("[{ filter: a/#, direction: both }]");
    expect([mapping.up(topic), mapping.down(topic)]).toEqual([undefined, undefined]);
  });
});

describe("what a mapping subscribes to", () => {
  const mapping = mappingOf(`[
    { filter: a/#, localPrefix: l/, remotePrefix: r/, direction: both, qos: 1 },
    { filter: l/a/#, remotePrefix: other/ },
    { filter: b, direction: down, qos: 0 },
    { filter: b, direction: down, exclude: [c], qos: 2, localPrefix: x/ },
    { filter: b, direction: down, qos: 1, share: g },
    { filter: c }
  ]`);

  it("is the local filter of each rule that goes up, once", () => {
    expect(mapping.localFilters).toEqual(["l/a/#", "c"]);
  });

  it("is the upstream's filter of each rule that comes down, once, at the highest QoS", () => {
    expect(mapping.remoteSubscriptions).toEqual([
      { filter: "r/a/#", qos: 1, isShared: false },
      { filter: "b", qos: 2, isShared: false },
      { filter: "$share/g/b", qos: 1, isShared: true },
    ]);
  });
});

describe("a mapping of any rules", () => {
  const level = fc.constantFrom("a", "b", "", "$a");
  const path = (levels: fc.Arbitrary<string>) =>
    fc.array(levels, { minLength: 1, maxLength: 3 }).map((all) => all.join("/"));
  const filter = fc
    .tuple(path(fc.oneof(level, fc.constant("+"))), fc.boolean())
    .map(([start, hasMore]) => (hasMore ? `${start}/#` : start));
  const rule = fc.record({
    filter,
    exclude: fc.array(filter, { maxLength: 2 }),
    localPrefix: fc.constantFrom("", "a/", "b/a/"),
    remotePrefix: fc.constantFrom("", "a/", "r/"),
    direction: fc.constantFrom("up", "down", "both"),
  });
  const [defaults] = bridgeOf("[{ filter: a }]").topics as [BridgeRule];

  it("finds what trying one rule after the other finds, and the way back", () => {
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 6 }), path(level), (given, topic) => {
        fc.pre(topic !== "");
        const rules = given.map((each) => ({ ...defaults, ...each }) as BridgeRule);
        const expected = rules.findIndex(({ direction, localPrefix, remotePrefix, filter, exclude }) => {
          const matches = (each: string) => filterMatches(localPrefix + each, topic);
          if (direction === "down" || !matches(filter) || !topic.startsWith(localPrefix)) return false;
          return !exclude.some(matches) && remotePrefix + topic.slice(localPrefix.length) !== "";
        });
        const found = new TopicMapping(rules).up(topic);
        expect(found?.index ?? -1).toBe(expected);
        if (found === undefined || found.topic.startsWith("$")) return;
        const back = new TopicMapping([{ ...found.rule, direction: "down", exclude: [] }]).down(found.topic);
        if (!/^[+#]/.test(found.rule.filter) || !topic.startsWith("$")) expect(back?.topic).toBe(topic);
      }),
    );
  });
});

describe("what a mapping remembers", () => {
  it("is the same answer for a topic that it has seen", () => {
    const mapping = mappingOf("[{ filter: a/#, remotePrefix: r/ }]");
    expect(mapping.up("a/b")).toBe(mapping.up("a/b"));
    expect([mapping.up("b"), mapping.up("b")]).toEqual([undefined, undefined]);
  });

  it("is forgotten after 10,000 topics, and found again", () => {
    const mapping = mappingOf("[{ filter: a/#, remotePrefix: r/ }]");
    const first = mapping.up("a/0");
    for (let index = 1; index < 10_000; index++) mapping.up(`a/${index}`);
    expect(mapping.up("a/0")).toBe(first);
    mapping.up("a/10000");
    expect(mapping.up("a/0")).not.toBe(first);
    expect(mapping.up("a/0")).toEqual(first);
  });
});
