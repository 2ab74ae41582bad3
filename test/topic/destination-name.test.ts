import { describe, expect, it } from "vitest";
import { destinationNameMistake } from "../../src/topic/destination-name.ts";

describe("the name of a queue or group", () => {
  it.each(["a", "jobs", "floor-2", "A.b_c~d-9", "7", "...", ".a", "x".repeat(64), "__proto__", "constructor"])(
    "may be %s",
    (name) => {
      expect(destinationNameMistake(name)).toBeUndefined();
    },
  );

  it.each([
    ["", "it is empty"],
    [".", "it must be more than dots"],
    ["..", "it must be more than dots"],
    ["x".repeat(65), "it has more than 64 characters"],
    ...["a/b", "#", "+", "$jobs", "two words", "jobs\n", "a\0", "ä", "%20", "😀"].map((name) => [
      name,
      `it contains ${JSON.stringify(/[^a-z0-9]/u.exec(name)?.[0])}, use letters (a to z, A to Z), digits and . _ ~ - only`,
    ]),
  ])("is not %j", (name, mistake) => {
    expect(destinationNameMistake(name!)).toBe(mistake);
  });
});
