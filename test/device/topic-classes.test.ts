import { describe, expect, it } from "vitest";
import type { TopicClassSettings } from "../../src/device/device-settings.ts";
import { TopicClasses } from "../../src/device/topic-classes.ts";

const topicClass = (topics: string[], more: Partial<TopicClassSettings> = {}): TopicClassSettings => ({
  topics,
  priority: 4,
  ...more,
});

function classesWith(...classes: TopicClassSettings[]) {
  const settings = { classes };
  return { classes: new TopicClasses(settings), settings };
}

describe("TopicClasses", () => {
  it("has one class of ordinary messages, without limits, where none is configured", () => {
    const { classes } = classesWith();
    expect(classes.of("a")).toBe(classes.of("b"));
    expect(classes.of("a")).toEqual({
      index: 0,
      priority: 4,
      durability: undefined,
      whenFull: undefined,
      timeToLiveSeconds: undefined,
      messagesMax: Number.POSITIVE_INFINITY,
      bytesMax: Number.POSITIVE_INFINITY,
    });
  });

  it("gives a topic the first class that matches it, not the most precise one", () => {
    const { classes } = classesWith(
      topicClass(["alarm/fire"], { priority: 9 }),
      topicClass(["x", "alarm/#"], { priority: 8 }),
      topicClass(["alarm/water", "#"], { priority: 1 }),
    );
    const priorityOf = (topic: string) => classes.of(topic).priority;
    expect(["alarm/fire", "alarm/water", "alarm", "y"].map(priorityOf)).toEqual([9, 8, 8, 1]);
    expect(["alarm/fire", "alarm/water", "alarm", "y"].map(priorityOf)).toEqual([9, 8, 8, 1]);
  });

  it("gives a filter that two classes name to the first of them", () => {
    const { classes } = classesWith(topicClass(["a"], { priority: 7 }), topicClass(["a", "b"], { priority: 2 }));
    expect([classes.of("a").priority, classes.of("b").priority]).toEqual([7, 2]);
  });

  it("gives the topics that two classes name alike to the first of them", () => {
    const { classes } = classesWith(topicClass(["a", "b"], { priority: 7 }), topicClass(["b", "a"], { priority: 2 }));
    expect(classes.of("a").priority).toBe(7);
  });

  it("does not count topics that begin with $ among those of a wildcard [MQTT-4.7.2-1]", () => {
    const { classes } = classesWith(topicClass(["#", "+/x"]), topicClass(["$SYS/#"]));
    expect(classes.of("$SYS/x").index).toBe(2);
    expect(classes.of("$other/x")).toBe(classes.ordinary);
  });

  it("carries what its settings say", () => {
    const settings = { durability: "written", whenFull: "flow-control", timeToLiveSeconds: 0 } as const;
    const { classes } = classesWith(topicClass(["a"], { ...settings, messagesMax: 5, bytesMax: 6 }));
    expect(classes.of("a")).toEqual({ index: 1, priority: 4, ...settings, messagesMax: 5, bytesMax: 6 });
  });

  it("finds a class by its index", () => {
    const { classes } = classesWith(topicClass(["a"]), topicClass(["b"]));
    expect(classes.at(2)).toBe(classes.of("b"));
    expect(classes.at(0)).toBe(classes.ordinary);
    expect(classes.at(99)).toBe(classes.ordinary);
  });

  it("remembers no more than so many topics, and knows the others all the same", () => {
    const { classes } = classesWith(topicClass(["+/odd"], { priority: 1 }));
    for (let i = 0; i < 25_000; i++) expect(classes.of(`${i}/${i % 2 === 0 ? "even" : "odd"}`).index).toBe(i % 2);
  });
});

describe("TopicClasses whose settings change", () => {
  it("keep the object and the index of a class with the same topics, wherever it stands", () => {
    const { classes, settings } = classesWith(topicClass(["a", "a2"], { messagesMax: 5 }), topicClass(["b"]));
    const [a, b] = [classes.of("a"), classes.of("b")];
    settings.classes = [topicClass(["c"]), topicClass(["b"], { priority: 8 }), topicClass(["a2", "a"])];
    expect(classes.of("a")).toBe(a);
    expect(classes.of("b")).toBe(b);
    expect([a.index, b.index, classes.of("c").index]).toEqual([1, 2, 3]);
    expect([a.messagesMax, b.priority]).toEqual([Number.POSITIVE_INFINITY, 8]);
  });

  it("leave a class that is gone as it was, and give its index to no other", () => {
    const { classes, settings } = classesWith(topicClass(["a"], { priority: 2, messagesMax: 5 }));
    const gone = classes.of("a");
    settings.classes = [];
    expect(classes.of("a")).toBe(classes.ordinary);
    settings.classes = [topicClass(["b"])];
    expect(classes.of("b").index).toBe(2);
    expect(classes.at(1)).toBe(gone);
    expect(gone).toMatchObject({ index: 1, priority: 2, messagesMax: 5 });
  });

  it("know a class again that comes back", () => {
    const { classes, settings } = classesWith(topicClass(["a"]));
    const first = classes.of("a");
    settings.classes = [];
    expect(classes.of("a")).toBe(classes.ordinary);
    settings.classes = [topicClass(["a"], { priority: 0 })];
    expect(classes.of("a")).toBe(first);
    expect(first.priority).toBe(0);
  });
});
