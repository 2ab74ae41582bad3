import { describe, expect, it } from "vitest";
import { FilterTree } from "../../src/topic/filter-tree.ts";
import { filterMatches, filterMistake, isHiddenFrom, levelCount, topicMistake } from "../../src/topic/topic-rules.ts";

/** Filter, topic, whether they match: the examples of MQTT 3.1.1, 4.7, and their neighbours. */
const matches: [string, string, boolean][] = [
  ["sport/tennis/player1/#", "sport/tennis/player1", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/ranking", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
  ["sport/tennis/player1/#", "sport/tennis/player2", false],
  ["sport/#", "sport", true],
  ["#", "sport", true],
  ["#", "/", true],
  ["sport/tennis/+", "sport/tennis/player1", true],
  ["sport/tennis/+", "sport/tennis/player1/ranking", false],
  ["sport/+", "sport", false],
  ["sport/+", "sport/", true],
  ["+/+", "/finance", true],
  ["/+", "/finance", true],
  ["+", "/finance", false],
  ["+/tennis/#", "sport/tennis/x/y", true],
  ["a//b", "a//b", true],
  ["a/+/b", "a//b", true],
  ["a/b", "a//b", false],
  ["A/b", "a/b", false],
  ["a/b/", "a/b", false],
  ["$SYS/#", "$SYS/broker", true],
];

describe("topic filters", () => {
  it.each(matches)("%s matches %s: %s [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-4]", (filter, topic, expected) => {
    expect(filterMatches(filter, topic)).toBe(expected);
    const tree = new FilterTree<string>();
    tree.set(filter, filter);
    expect(tree.matching(topic)).toEqual(expected ? [filter] : []);
  });

  it("hide topics that begin with $ from leading wildcards [MQTT-4.7.2-1]", () => {
    expect(filterMatches("#", "$SYS/x")).toBe(false);
    expect(filterMatches("+/x", "$SYS/x")).toBe(false);
    expect(isHiddenFrom("$SYS/#", "$SYS/x")).toBe(false);
    expect(isHiddenFrom("#", "a$")).toBe(false);
  });

  it.each(["", "a\0b", "a/#/b", "a#", "#a", "a/b+", "+a/b", "a/++", "##"])("%j is no valid filter", (filter) => {
    expect(filterMistake(filter)).toBeTypeOf("string");
  });

  it.each(["#", "+", "a/#", "+/#", "/", "//", "a/+/b", " ", "a b/ü"])("%j is a valid filter", (filter) => {
    expect(filterMistake(filter)).toBeUndefined();
  });

  it.each(["", "a/+", "#", "a\0"])("%j is no valid topic", (topic) => {
    expect(topicMistake(topic)).toBeTypeOf("string");
  });

  it("counts levels, empty ones too", () => {
    expect([levelCount("a"), levelCount("a/b"), levelCount("//")]).toEqual([1, 2, 3]);
  });
});

describe("FilterTree", () => {
  it("finds all of many filters that match, as comparing each one would", () => {
    const levels = ["a", "b", "+", "$x", ""];
    const filters = levels.flatMap((x) => levels.flatMap((y) => [`${x}`, `${x}/${y}`, `${x}/${y}/#`, `${x}/#`]));
    const tree = new FilterTree<string>();
    for (const filter of filters) tree.set(filter, filter);
    for (const topic of ["a", "a/b", "b/a/c", "$x/a", "/", "", "a//b", "c/c/c"]) {
      const expected = [...new Set(filters)].filter(
        (each) =>
          filterMatches(each, topic) || (isHiddenFrom(each, topic) && filterMatches(each.replace("+", "$x"), topic)),
      );
      expect(tree.matching(topic).sort(), topic).toEqual(expected.sort());
    }
  });

  it("forgets a filter, and leaves nothing of it behind", () => {
    const tree = new FilterTree<number>();
    tree.set("a/b/c", 1);
    tree.set("a/b", 2);
    tree.delete("a/b/c");
    tree.delete("a/b/c");
    tree.delete("x/y");
    expect(tree.get("a/b/c")).toBeUndefined();
    expect(tree.matching("a/b")).toEqual([2]);
    tree.delete("a/b");
    expect(tree.matching("a/b")).toEqual([]);
  });

  it("treats __proto__ and constructor as ordinary levels", () => {
    const tree = new FilterTree<number>();
    tree.set("__proto__/constructor", 1);
    expect(tree.matching("__proto__/constructor")).toEqual([1]);
    expect(tree.matching("toString")).toEqual([]);
    expect(tree.get("__proto__")).toBeUndefined();
  });
});
