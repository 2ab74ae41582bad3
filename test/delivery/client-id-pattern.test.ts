import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientIdPattern } from "../../src/delivery/client-id-pattern.ts";

/** Slow and plainly right. */
function matchesPlainly(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern[0] === "*") {
    for (let skip = 0; skip <= text.length; skip++) if (matchesPlainly(pattern.slice(1), text.slice(skip))) return true;
    return false;
  }
  return (
    text !== "" && (pattern[0] === "?" || pattern[0] === text[0]) && matchesPlainly(pattern.slice(1), text.slice(1))
  );
}

describe("a pattern of client ids", () => {
  it.each([
    ["sensor-2-*", ["sensor-2-", "sensor-2-17"], ["sensor-2", "sensor-21", "a sensor-2-1", "Sensor-2-1"]],
    ["hvac-7", ["hvac-7"], ["hvac-77", "hvac-", "hvac-7 "]],
    ["*", ["", "a", "a/b", "*", "?"], []],
    ["?", ["a", "*", "?"], ["", "ab"]],
    ["a?c*e", ["abce", "a?cdde", "accee"], ["ace", "abc", "abced"]],
    ["**a**", ["a", "bab"], ["", "b"]],
    ["*.*", [".", "a.b"], ["ab"]],
    ["a.c", ["a.c"], ["abc"]],
    ["[a-z]+", ["[a-z]+"], ["a", "abc"]],
    ["*ab", ["ab", "aab", "abab"], ["aba"]],
    ["\\*", ["\\", "\\x"], ["*", "x"]],
  ] as [string, string[], string[]][])("%s is read as it is written", (pattern, members, others) => {
    const matches = clientIdPattern(pattern);
    for (const id of members) expect(matches(id), id).toBe(true);
    for (const id of others) expect(matches(id), id).toBe(false);
  });

  it("matches as a plain reading of it does, for any pattern and any client id", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "-", "*", "?"), maxLength: 12 });
    fc.assert(
      fc.property(text, text, (pattern, id) => {
        expect(clientIdPattern(pattern)(id)).toBe(matchesPlainly(pattern, id));
      }),
      { numRuns: 3000 },
    );
  });

  it("takes one character for a question mark, one that is two units of UTF-16 too", () => {
    expect(clientIdPattern("lamp-?")("lamp-💡")).toBe(true);
    expect(clientIdPattern("lamp-??")("lamp-💡")).toBe(false);
  });

  it("does not take long over a pattern of many stars, nor over a long client id", () => {
    const matches = clientIdPattern(`${"*a".repeat(500)}*b`);
    expect(matches("a".repeat(20_000))).toBe(false);
  });
});
