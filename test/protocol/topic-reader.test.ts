import { describe, expect, it } from "vitest";
import { TopicReader } from "../../src/protocol/topic-reader.ts";

const limits = () => ({ topicBytesMax: 50, topicLevelsMax: 4 });
const read = (reader: TopicReader, topic: string) => {
  const bytes = Buffer.from(`..${topic}..`);
  return reader.read(bytes, 2, bytes.length - 2);
};

describe("TopicReader", () => {
  it("reads a topic again and again as the same text, whatever was read in between", () => {
    const reader = new TopicReader(limits());
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 10_000; i++) expect(read(reader, `t/${i}`)).toBe(`t/${i}`);
    }
  });

  it("does not take a topic for another of the same length", () => {
    const reader = new TopicReader(limits());
    expect(["ab", "ba", "aa", "bb", "ä"].map((topic) => read(reader, topic))).toEqual(["ab", "ba", "aa", "bb", "ä"]);
  });

  it("does not depend on memory that is used again later", () => {
    const reader = new TopicReader(limits());
    const bytes = Buffer.from("abc");
    reader.read(bytes, 0, 3);
    bytes.write("xyz");
    expect(reader.read(bytes, 0, 3)).toBe("xyz");
    expect(read(reader, "abc")).toBe("abc");
  });

  it("refuses a topic over the limits, each time it comes", () => {
    const reader = new TopicReader(limits());
    for (let round = 0; round < 2; round++) {
      expect(() => read(reader, "x".repeat(51))).toThrow("over the limit of 50");
      expect(() => read(reader, "a/b/c/d/e")).toThrow("5 levels is over the limit of 4");
    }
    expect(read(reader, "a/b/c/d")).toBe("a/b/c/d");
  });
});
