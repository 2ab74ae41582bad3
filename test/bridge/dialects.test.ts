import { describe, expect, it } from "vitest";
import { type Dialect, Dialects, type VersionDoubt } from "../../src/bridge/dialects.ts";

const one = "mqtt://one";
const other = "mqtt://other";

/** What is known where MQTT 5 may be spoken; `asked` ends one connection that was not taken, and says what is asked next. */
function house(first: Dialect = "5") {
  const dialects = new Dialects(() => first);
  const asked = (doubt: VersionDoubt, url = one) => {
    dialects.ended(url, dialects.of(url), doubt, false);
    return dialects.of(url);
  };
  const taken = (url = one) => dialects.taken(url, dialects.of(url));
  const cut = (url = one) => dialects.ended(url, dialects.of(url), null, true);
  return { dialects, asked, taken, cut };
}

describe("the dialect of an upstream", () => {
  it("is the next one at once where it refuses one in words, and after all of them the first, but not at once", () => {
    const { dialects } = house();
    const tried: string[] = [];
    for (let i = 0; i < 4; i++) {
      const dialect = dialects.of(one);
      tried.push(`${dialect} ${dialects.ended(one, dialect, "refused", false)}`);
    }
    expect(tried).toEqual(["5 true", "bridge true", "3.1.1 false", "5 true"]);
  });

  it("is the next one where it closes twice without a word, and that is not asked at once", () => {
    const { dialects, asked } = house();
    expect(Array.from({ length: 6 }, () => asked("silent"))).toEqual(["5", "bridge", "bridge", "3.1.1", "3.1.1", "5"]);
    dialects.ended(one, "5", "silent", false);
    expect(dialects.ended(one, "5", "silent", false)).toBe(false);
  });

  it("is the next one only where the two follow each other", () => {
    const { asked } = house();
    expect(["silent", null, "silent", "silent"].map((doubt) => asked(doubt as VersionDoubt))).toEqual([
      "5",
      "5",
      "5",
      "bridge",
    ]);
  });

  it("stays MQTT 5 where that was taken once, however often somebody closes without a word then", () => {
    const { asked, taken, cut } = house();
    taken();
    cut();
    expect(new Set(Array.from({ length: 9 }, () => asked("silent")))).toEqual(new Set(["5"]));
  });

  it("is found anew after a connection in one that was but guessed from silence", () => {
    const { dialects, asked, taken, cut } = house();
    asked("silent");
    expect(asked("silent")).toBe("bridge");
    taken();
    expect(dialects.of(one)).toBe("bridge");
    cut();
    expect(dialects.of(one)).toBe("5");
  });

  it("stays the one that was taken where others were refused in words", () => {
    const { asked, taken, cut } = house();
    expect(asked("refused")).toBe("bridge");
    taken();
    cut();
    expect(new Set(Array.from({ length: 9 }, () => asked("silent")))).toEqual(new Set(["bridge"]));
  });

  it("stays one that was guessed from silence only where MQTT 5 was refused in words, in this very round", () => {
    const { dialects, asked, taken, cut } = house();
    expect(["refused", "silent", "silent"].map((doubt) => asked(doubt as VersionDoubt)).at(-1)).toBe("3.1.1");
    taken();
    cut();
    expect(dialects.of(one)).toBe("3.1.1");
    dialects.clear();
    const round = ["refused", "refused", "refused", "silent", "silent"];
    expect(round.map((doubt) => asked(doubt as VersionDoubt)).at(-1)).toBe("bridge");
    taken();
    cut();
    expect(dialects.of(one)).toBe("5");
  });

  it("is found for each URL apart", () => {
    const { asked, taken } = house();
    const found = Array.from({ length: 4 }, () => [asked("silent", one), asked("silent", other)]);
    expect(found).toEqual([
      ["5", "5"],
      ["bridge", "bridge"],
      ["bridge", "bridge"],
      ["3.1.1", "3.1.1"],
    ]);
    taken(one);
    expect(asked("silent", other)).toBe("3.1.1");
    expect(asked("silent", other)).toBe("5");
  });

  it("is never MQTT 5 where that is forbidden", () => {
    const { asked } = house("bridge");
    expect(["refused", "refused", "refused"].map((doubt) => asked(doubt as VersionDoubt))).toEqual([
      "3.1.1",
      "bridge",
      "3.1.1",
    ]);
  });

  it("is not known any more when all is forgotten", () => {
    const { dialects, asked, taken } = house();
    asked("refused");
    taken();
    dialects.clear();
    expect(dialects.of(one)).toBe("5");
  });
});
