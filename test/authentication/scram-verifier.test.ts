import { describe, expect, it } from "vitest";
import {
  deriveScramVerifier,
  formatScramVerifier,
  matchesScramVerifier,
  parseScramVerifier,
  scramVerifierMistake,
} from "../../src/authentication/scram-verifier.ts";
import { pencilVerifier } from "./stock-users.ts";

const key = Buffer.alloc(32, 7).toString("base64");
const salt = Buffer.alloc(16, 1).toString("base64");

describe("a verifier", () => {
  it("is derived as RFC 7677 has it", async () => {
    const derived = await deriveScramVerifier("pencil", { salt: Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64") });
    expect(formatScramVerifier(derived)).toBe(pencilVerifier);
  });

  it("has 4096 iterations and 16 bytes of salt, others at each derivation", async () => {
    const [first, second] = [await deriveScramVerifier("pencil"), await deriveScramVerifier("pencil")];
    expect(first.iterations).toBe(4096);
    expect(first.salt).toHaveLength(16);
    expect(first.salt.equals(second.salt)).toBe(false);
    expect(first.storedKey.equals(second.storedKey)).toBe(false);
  });

  it("is written as it was read", () => {
    expect(formatScramVerifier(parseScramVerifier(pencilVerifier))).toBe(pencilVerifier);
  });

  it.each([
    ["pencil", true],
    ["Pencil", false],
    ["pencil ", false],
    ["", false],
    ["x".repeat(60_000), false],
  ])("is that of the password: %.10j is %s", async (password, isRight) => {
    expect(await matchesScramVerifier(parseScramVerifier(pencilVerifier), Buffer.from(password))).toBe(isRight);
  });

  it("takes a password however its accents are written", async () => {
    const verifier = await deriveScramVerifier("cafe\u0301");
    expect(await matchesScramVerifier(verifier, Buffer.from("caf\u00e9"))).toBe(true);
  });

  it("is not met by bytes that are no text, not even that of nothing", async () => {
    const derived = await import("node:crypto").then(({ pbkdf2Sync, createHmac, createHash }) => {
      const salted = pbkdf2Sync("", Buffer.alloc(16, 1), 4096, 32, "sha256");
      const clientKey = createHmac("sha256", salted).update("Client Key").digest();
      return createHash("sha256").update(clientKey).digest("base64");
    });
    const verifier = parseScramVerifier(`SCRAM-SHA-256$4096:${salt}$${derived}:${key}`);
    for (const password of ["", "\u0007", "x".repeat(2000)]) {
      expect(await matchesScramVerifier(verifier, Buffer.from(password))).toBe(false);
    }
    expect(await matchesScramVerifier(verifier, Buffer.of(0xff))).toBe(false);
  });

  it.each([
    ["empty", ""],
    ["longer", "x".repeat(1025)],
    ["cannot be printed", "a\tb"],
  ])("is not derived where the password is bad: %s", async (text, password) => {
    const error = expect.objectContaining({ code: "ERR_USAGE", message: expect.stringContaining(text) });
    await expect(deriveScramVerifier(password)).rejects.toEqual(error);
  });
});

describe("a text that is no verifier", () => {
  it.each([
    ["hunter2", "it has not the form SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>"],
    ["", "it has not the form"],
    [`${pencilVerifier}\n`, "ServerKey"],
    [`${pencilVerifier}$`, "it has not the form"],
    [pencilVerifier.replace("256", "512"), "it has not the form"],
    [`SCRAM-SHA-256$4095:${salt}$${key}:${key}`, "its iterations must be a whole number from 4096 to 1000000"],
    [`SCRAM-SHA-256$1000001:${salt}$${key}:${key}`, "iterations"],
    [`SCRAM-SHA-256$99999999999999:${salt}$${key}:${key}`, "iterations"],
    [`SCRAM-SHA-256$04096:${salt}$${key}:${key}`, "iterations"],
    [`SCRAM-SHA-256$4096:$${key}:${key}`, "its salt must be 8 to 64 bytes in base64"],
    [`SCRAM-SHA-256$4096:${Buffer.alloc(65).toString("base64")}$${key}:${key}`, "salt"],
    [`SCRAM-SHA-256$4096:${salt.slice(0, -1)}$${key}:${key}`, "salt"],
    [`SCRAM-SHA-256$4096:${salt}$${key.slice(4)}:${key}`, "its StoredKey must be 32 bytes in base64"],
    [`SCRAM-SHA-256$4096:${salt}$${key}:${key.replaceAll("B", "-")}`, "its ServerKey must be 32 bytes in base64"],
  ])("%j is refused, and says why without showing it", (text, mistake) => {
    expect(scramVerifierMistake(text)).toContain(mistake);
    expect(() => parseScramVerifier(text)).toThrow(
      expect.objectContaining({
        code: "ERR_CONFIG_INVALID",
        message: `this is no verifier: ${scramVerifierMistake(text)}`,
      }),
    );
    if (text !== "") expect(scramVerifierMistake(text)).not.toContain(text.slice(0, 30));
  });
});
