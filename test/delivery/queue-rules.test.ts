import { describe, expect, it } from "vitest";
import { QueueRules } from "../../src/delivery/queue-rules.ts";
import { queueMessage, queueSettings } from "../support/queue-messages.ts";

const rulesOf = (changes: object = {}, now = 1_000_500) => new QueueRules(queueSettings(changes), () => now);

describe("the rules of a queue", () => {
  it.each([
    ["0", 0],
    ["9", 9],
    ["4", 4],
    ["10", 4],
    ["-1", 4],
    ["2.5", 4],
    ["", 4],
    ["nine", 4],
  ])("give a message that says priority %j the priority %s", (priority, expected) => {
    expect(rulesOf().kindOf(queueMessage(1, { userProperties: { priority } })).priority).toBe(expected);
  });

  it("give one without it that of the first rule that matches its topic", () => {
    const priorities = [
      { topics: ["a/+", "b"], priority: 7 },
      { topics: ["a/x", "#"], priority: 1 },
    ];
    const rules = rulesOf({ priorities });
    const of = (topic: string) => rules.kindOf(queueMessage(1, { topic })).priority;
    expect([of("a/x"), of("a/y"), of("b"), of("c"), of("a/x/y")]).toEqual([7, 7, 7, 1, 1]);
    rules.settings = queueSettings({ priorities: [{ topics: ["c"], priority: 9 }] });
    expect([of("c"), of("a/x")]).toEqual([9, 4]);
  });

  it("have one kind for each priority, so that messages of one stay in their order", () => {
    const rules = rulesOf();
    const kinds = Array.from({ length: 10 }, (_, i) =>
      rules.kindOf(queueMessage(1, { userProperties: { priority: `${i}` } })),
    );
    expect(new Set(kinds.map(({ index }) => index)).size).toBe(10);
    expect(kinds.map(({ priority }) => priority)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("say when a message may go: at once, after the queue's delay, or after its own", () => {
    expect(rulesOf().dueAt(queueMessage(1))).toBe(0);
    expect(rulesOf({ delaySeconds: 10 }).dueAt(queueMessage(1))).toBe(1_010_500);
    const own = (delay: string) => rulesOf({ delaySeconds: 10 }).dueAt(queueMessage(1, { userProperties: { delay } }));
    expect([own("0"), own("2"), own("0.25")]).toEqual([0, 1_002_500, 1_000_750]);
    expect([own("never"), own("-1")]).toEqual([1_010_500, 1_010_500]);
  });

  it("never let a message go before its delay is over, though it is known in whole seconds when it came", () => {
    const rules = rulesOf({ delaySeconds: 10 }, 1_500_000);
    const dueAt = rules.dueAt(queueMessage(1, { publishedAt: 1400 }));
    expect(dueAt).toBeGreaterThanOrEqual(1_410_999);
    expect(dueAt).toBeLessThanOrEqual(1_411_000);
  });

  it("know the key of a message by its user property, by a level of its topic, or not at all", () => {
    const keyed = { dispatch: "by-key", keyProperty: "device", keyTopicLevel: 2 };
    const own = queueMessage(1, { topic: "jobs/x/y", userProperties: { device: "d" } });
    const plain = queueMessage(1, { topic: "jobs/x/y" });
    expect([rulesOf(keyed).keyOf(own), rulesOf(keyed).keyOf(plain)]).toEqual(["d", "x"]);
    expect(rulesOf({ ...keyed, keyTopicLevel: 3 }).keyOf(plain)).toBe("y");
    expect(rulesOf({ ...keyed, keyTopicLevel: 4 }).keyOf(plain)).toBeUndefined();
    expect(rulesOf({ dispatch: "by-key" }).keyOf(plain)).toBeUndefined();
    expect(rulesOf({ keyTopicLevel: 2 }).keyOf(plain)).toBeUndefined();
    expect(rulesOf(keyed).keyOf(queueMessage(1, { topic: "jobs//y" }))).toBe("");
  });
});
