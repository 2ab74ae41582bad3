import { expect, it } from "vitest";
import { printable } from "../../src/command/printable.ts";

it.each([
  ["süß 温度 🌡", "süß 温度 🌡"],
  ["\u001b[2J", "\\u{1b}[2J"],
  ["a\nb\u202e", "a\\u{a}b\\u{202e}"],
  ["\\u{a}", "\\\\u{a}"],
])("%j is shown as %s", (text, shown) => {
  expect(printable(text)).toBe(shown);
});
