import { describe, expect, it } from "vitest";
import { RetainedTree } from "../../src/store/retained-tree.ts";
import type { StoredPublish } from "../../src/store/stored-packets.ts";
import { filterMatches } from "../../src/topic/topic-rules.ts";

const packet = (topic: string): StoredPublish => ({
  cmd: "publish",
  brokerId: "g",
  brokerCounter: 1,
  topic,
  payload: Buffer.from("x"),
  qos: 0,
  retain: true,
  dup: false,
});

const levels = ["a", "b", "", "$s", "__proto__"];
const topics = levels
  .flatMap((x) => [x, ...levels.flatMap((y) => [`${x}/${y}`, `${x}/${y}/a`])])
  .filter((topic) => topic !== "");

describe("RetainedTree", () => {
  it.each([
    "#",
    "+",
    "a",
    "a/#",
    "a/+",
    "+/a",
    "+/+/a",
    "/",
    "/#",
    "+/#",
    "$s/#",
    "$s/+",
    "a/#",
    "__proto__/#",
    "nothing/#",
  ])("finds for %s what comparing each topic finds", (filter) => {
    const tree = new RetainedTree();
    for (const topic of topics) tree.set(topic, packet(topic));
    const found = tree.matching(filter).map(({ topic }) => topic);
    expect(found.sort()).toEqual(topics.filter((topic) => filterMatches(filter, topic)).sort());
  });

  it("keeps one message for each topic", () => {
    const tree = new RetainedTree();
    const topicsOf = () => tree.matching("#").map(({ topic }) => topic);
    for (const topic of ["a", "a", "a/b"]) tree.set(topic, packet(topic));
    expect(topicsOf().sort()).toEqual(["a", "a/b"]);
    tree.delete("a");
    tree.delete("a");
    tree.delete("unknown/topic");
    expect(topicsOf()).toEqual(["a/b"]);
    tree.delete("a/b");
    expect(topicsOf()).toEqual([]);
  });
});
