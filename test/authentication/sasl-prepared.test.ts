import { describe, expect, it } from "vitest";
import { saslPrepared } from "../../src/authentication/sasl-prepared.ts";

describe("a name or password is compared in one form", () => {
  // RFC 4013, section 3
  it.each([
    ["I\u00adX", "IX"],
    ["user", "user"],
    ["USER", "USER"],
    ["\u00aa", "a"],
    ["\u2168", "IX"],
  ])("%j is %j", (text, prepared) => {
    expect(saslPrepared(text)).toBe(prepared);
  });

  it.each([
    ["of spaces", "a\u00a0b\u3000c", "a b c"],
    ["of accents", "e\u0301", "\u00e9"],
    ["of other scripts", "密码 пароль 🔑", "密码 пароль 🔑"],
    ["without joiners and variation selectors", "❤\ufe0f\u200d🔥", "❤🔥"],
  ])("%s", (_, text, prepared) => {
    expect(saslPrepared(text)).toBe(prepared);
    expect(saslPrepared(prepared)).toBe(prepared);
  });

  it.each(["", "\u0007", "a\nb", "a\u0000", "\u202eabc", "\ud800", "\ufffd", "\ue000", "\ufdd0", "\u2028", "\u00ad"])(
    "%j is refused",
    (text) => {
      expect(saslPrepared(text)).toBeUndefined();
    },
  );
});
