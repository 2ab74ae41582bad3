import { describe, expect, it } from "vitest";
import { deriveScramVerifier, formatScramVerifier } from "../../src/authentication/scram-verifier.ts";
import { Users } from "../../src/authentication/users.ts";
import { pencilVerifier, stockUsers } from "./stock-users.ts";

const pencil = Buffer.from("pencil");

describe("users", () => {
  it("are let in by their own password only, as often as they come", async () => {
    const users = stockUsers();
    for (let round = 0; round < 3; round++) {
      expect(await users.check("user", pencil)).toBe(true);
      expect(await users.check("user", Buffer.from("pen"))).toBe(false);
      expect(await users.check("user", Buffer.alloc(0))).toBe(false);
      expect(await users.check("nobody", pencil)).toBe(false);
      expect(await users.check("User", pencil)).toBe(false);
    }
  });

  it("may be called as what every object has", async () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const none = new Users({});
    const all = new Users(Object.fromEntries(names.map((name) => [name, pencilVerifier])));
    expect([none.size, all.size]).toEqual([0, 4]);
    for (const name of names) {
      expect(none.verifierOf(name)).toBeUndefined();
      expect(await none.check(name, pencil)).toBe(false);
      expect(await all.check(name, pencil)).toBe(true);
    }
  });

  it("are replaced as a whole", async () => {
    const users = stockUsers();
    expect(await users.check("user", pencil)).toBe(true);
    users.replace({ user: formatScramVerifier(await deriveScramVerifier("crayon")), other: pencilVerifier });
    expect(users.size).toBe(2);
    expect(await users.check("user", pencil)).toBe(false);
    expect(await users.check("user", Buffer.from("crayon"))).toBe(true);
    expect(await users.check("other", pencil)).toBe(true);
    users.replace({});
    expect(await users.check("user", Buffer.from("crayon"))).toBe(false);
  });

  it("that are removed while their password is checked are not let in", async () => {
    const users = stockUsers();
    const checking = users.check("user", pencil);
    users.replace({});
    expect(await checking).toBe(false);
  });

  it("stay as they are where one of those in their place has no verifier", async () => {
    const users = stockUsers();
    const replace = () => users.replace({ other: pencilVerifier, bad: "hunter2" });
    expect(replace).toThrow(expect.objectContaining({ code: "ERR_CONFIG_INVALID" }));
    expect(replace).toThrow(
      /^the password of user "bad" is no verifier: it has not the form .*; waypost passwd makes one$/,
    );
    expect(await users.check("user", pencil)).toBe(true);
    expect(users.size).toBe(1);
  });

  it("wait for their turn, and beyond a thousand that wait are told to come again", async () => {
    const users = stockUsers();
    const checks = Array.from({ length: 1003 }, (_, index) => users.check("user", Buffer.from(`pencil${index}`)));
    await expect(checks.pop()).rejects.toMatchObject({ code: "ERR_LIMIT_EXCEEDED" });
    expect(await Promise.all(checks)).toEqual(checks.map(() => false));
    expect(await users.check("user", pencil)).toBe(true);
  });
});

describe("an unknown user", () => {
  it("seems to have the iterations and the length of salt that others have", async () => {
    const salt = Buffer.alloc(40, 1);
    const verifier = formatScramVerifier(await deriveScramVerifier("pencil", { iterations: 5000, salt }));
    const users = new Users({ user: verifier });
    for (const name of ["a", "b", "__proto__"]) {
      const standIn = users.standInFor(name);
      expect([standIn.iterations, standIn.salt.length]).toEqual([5000, 40]);
      expect(users.standInFor(name)).toEqual(standIn);
    }
    expect(users.standInFor("a").salt.equals(users.standInFor("b").salt)).toBe(false);
    expect(new Users({}).standInFor("a")).toMatchObject({ iterations: 4096 });
  });

  it("has another salt in another process", () => {
    expect(stockUsers().standInFor("a").salt.equals(stockUsers().standInFor("a").salt)).toBe(false);
  });
});
