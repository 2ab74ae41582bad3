import { expect, it } from "vitest";
import { ageText } from "../../src/command/age-text.ts";

it.each([
  [null, "-"],
  [0, "0 s"],
  [59.9, "59 s"],
  [60, "1 min"],
  [3725, "1 h 2 min"],
  [3 * 86_400 + 59, "3 d"],
])("%s seconds are %s", (seconds, text) => {
  expect(ageText(seconds)).toBe(text);
});
