import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { keptIdentity, passingIdentity } from "../../src/bridge/gateway-identity.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

describe("the identity of a gateway", () => {
  it("is one of its own each time, where there is nowhere to keep it", () => {
    const identities = Array.from({ length: 100 }, passingIdentity);
    expect(new Set(identities).size).toBe(100);
    for (const each of identities) expect(each).toMatch(/^[0-9a-f]{16}$/);
  });

  it("is made once, with the directory, and found again", () => {
    const directory = join(temporaryDirectory(), "a", "b");
    const identity = keptIdentity(directory);
    expect(identity).toMatch(/^[0-9a-f]{16}$/);
    expect(keptIdentity(directory)).toBe(identity);
    expect(readFileSync(join(directory, "gateway.id"), "utf8")).toBe(`${identity}\n`);
  });

  it.each(["x", "0123456789ABCDEF", "0123456789abcdef0", "\u00000123456789abcde"])(
    "is not taken from a file that holds %j: it is said which, and what to do",
    (text) => {
      const directory = temporaryDirectory();
      writeFileSync(join(directory, "gateway.id"), text);
      const expected = {
        code: "ERR_STORE",
        message: expect.stringMatching(/gateway\.id holds no identity.*remove it/),
      };
      expect(() => keptIdentity(directory)).toThrow(expect.objectContaining(expected));
    },
  );

  it("says which file cannot be read", () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, "gateway.id"));
    const expected = { code: "ERR_STORE", message: expect.stringContaining(join(directory, "gateway.id")) };
    expect(() => keptIdentity(directory)).toThrow(expect.objectContaining(expected));
  });
});
