import { describe, expect, it } from "vitest";
import { filterIntersection } from "../../src/topic/filter-intersection.ts";
import { filterMatches, filterMistake } from "../../src/topic/topic-rules.ts";

describe("the intersection of two topic filters", () => {
  it.each([
    ["a/b", "a/b", "a/b"],
    ["a/+", "+/b", "a/b"],
    ["a/#", "a", "a"],
    ["a/#", "+", "a"],
    ["a/#", "+/b/#", "a/b/#"],
    ["#", "+/b", "+/b"],
    ["#", "$SYS/#", undefined],
    ["+/a", "$SYS/a", undefined],
    ["$SYS/#", "$SYS/+/x", "$SYS/+/x"],
    ["a/b", "a", undefined],
    ["a/+", "a", undefined],
    ["a/b", "a/c", undefined],
    ["/+", "+/+", "/+"],
    ["/", "+", undefined],
  ])("of %s and %s is %s", (left, right, common) => {
    expect(filterIntersection(left, right)).toBe(common);
    expect(filterIntersection(right, left)).toBe(common);
  });

  it("matches exactly the topics that both match", () => {
    const topics = pathsOf(["a", "b", "", "$a"]).filter((topic) => topic !== "");
    const filters = pathsOf(["a", "b", "", "$a", "+", "#"]).filter((filter) => filterMistake(filter) === undefined);
    const matched = new Map(filters.map((filter) => [filter, topics.filter((each) => filterMatches(filter, each))]));
    const wrong: string[] = [];
    for (const [left, ofLeft] of matched) {
      for (const [right, ofRight] of matched) {
        const common = filterIntersection(left, right);
        const both = ofLeft.filter((topic) => ofRight.includes(topic));
        const found = common === undefined ? [] : (matched.get(common) ?? ["?"]);
        if (both.join() !== found.join()) wrong.push(`${left} and ${right}: ${common}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(matched.size).toBeGreaterThan(100);
  });
});

/** All paths of one to three of the levels. */
function pathsOf(levels: readonly string[]): string[] {
  const two = levels.flatMap((first) => levels.map((second) => `${first}/${second}`));
  return [...levels, ...two, ...two.flatMap((start) => levels.map((third) => `${start}/${third}`))];
}
