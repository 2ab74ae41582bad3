import { expect, it } from "vitest";
import { topicMatches } from "../../devices/topic-matches.ts";

it.each([
  ["a/b", "a/b", true],
  ["a/b", "a/c", false],
  ["a/b", "a/b/c", false],
  ["a/b/c", "a/b", false],
  ["a/+", "a/b", true],
  ["a/+", "a", false],
  ["a/+", "a/", true],
  ["+", "/a", false],
  ["a/#", "a", true],
  ["a/#", "a/b/c", true],
  ["a/#", "ab", false],
  ["#", "a/b", true],
  ["#", "$SYS/a", false],
  ["+/a", "$SYS/a", false],
  ["$SYS/#", "$SYS/a", true],
])("the filter %s against the topic %s: %s", (filter, topic, matches) => {
  expect(topicMatches(filter, topic)).toBe(matches);
});
