import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { Users } from "../../src/authentication/users.ts";
import { runCommandLine } from "../../src/command/run-command-line.ts";
import { load } from "../config/config-file.ts";
import { capturedContext } from "./captured-context.ts";

async function passwd(args: string[], input: Iterable<Buffer> | PassThrough) {
  const { context, stdout, stderr } = capturedContext(input);
  const code = await runCommandLine(["passwd", ...args], context);
  return { code, out: stdout.text, err: stderr.text };
}

const piped = (text: string, ...args: string[]) => passwd(args, text === "" ? [] : [Buffer.from(text)]);

/** A terminal at which the keys are pressed that are in `keys`. */
function terminal(keys: string) {
  const stream = Object.assign(new PassThrough(), { isTTY: true, modes: [] as boolean[] });
  const setRawMode = (isRaw: boolean) => stream.modes.push(isRaw);
  stream.write(keys);
  return Object.assign(stream, { setRawMode });
}

describe("waypost passwd", () => {
  it.each(["pencil\n", "pencil", "pencil\r\n", "pencil\nmore\n"])(
    "prints the verifier of the first line of %j",
    async (text) => {
      const { code, out, err } = await piped(text);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toMatch(/^SCRAM-SHA-256\$4096:[^\n]+\n$/);
      expect(await new Users({ user: out.trim() }).check("user", Buffer.from("pencil"))).toBe(true);
    },
  );

  it("prints another one each time, and never the password", async () => {
    const [first, second] = [await piped("pencil\n", "alice"), await piped("pencil\n", "alice")];
    expect(first.out).not.toBe(second.out);
    expect(first.out).not.toContain("pencil");
  });

  it.each(["alice", "true", "0x10", "a: b", "ключ", 'say "hi"', "constructor", "#1"])(
    "prints what a configuration file has of user %s",
    async (name) => {
      const { out } = await piped("pencil\n", name);
      const { users } = load(out).config.authentication;
      expect(Object.keys(users)).toEqual([name]);
      const verifiers = Object.fromEntries(Object.entries(users).map(([user, { password }]) => [user, password]));
      expect(await new Users(verifiers).check(name, Buffer.from("pencil"))).toBe(true);
    },
  );

  it.each([
    ["", "standard input is empty: give the password as its first line"],
    ["\n", "the password is empty"],
    ["\r\n", "the password is empty"],
    ["a\tb\n", "cannot be printed"],
    ["a\u001b[A\n", "cannot be printed"],
    ["x".repeat(1025), "is longer than 1024 bytes"],
  ])("refuses %.20j", async (text, message) => {
    const { code, out, err } = await piped(text, "alice");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(`waypost passwd: `);
    expect(err).toContain(message);
  });

  it("refuses what is no UTF-8", async () => {
    const refused = await passwd([], [Buffer.of(0x61, 0xff, 0x0a)]);
    expect(refused).toMatchObject({ code: 2, out: "", err: expect.stringContaining("is not UTF-8") });
  });

  it.each(["", "__proto__", "a\nb", "x".repeat(129)])(
    "refuses the name %.20j before it reads anything",
    async (name) => {
      expect(await piped("pencil\n", name)).toMatchObject({
        code: 2,
        out: "",
        err: expect.stringContaining("is no user name"),
      });
    },
  );
});

describe("waypost passwd on a terminal", () => {
  it("asks twice, shows nothing of what is typed, and leaves the terminal as it was", async () => {
    const keyboard = terminal("pencill\x7f\rpencil\r");
    const { code, out, err } = await passwd([], keyboard);
    expect({ code, err }).toEqual({ code: 0, err: "Password: \nThe same again: \n" });
    expect(await new Users({ user: out.trim() }).check("user", Buffer.from("pencil"))).toBe(true);
    expect(keyboard.modes).toEqual([true, false]);
  });

  it("refuses two that differ", async () => {
    const { code, out, err } = await passwd([], terminal("pencil\rpen\r"));
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("the two are not the same: try again");
    expect(err).not.toContain("pen\n");
  });

  it.each(["\x03", "pen\x03", "pencil\rpen\x03", "\x04"])("ends with 130 when it is interrupted: %j", async (keys) => {
    const keyboard = terminal(keys);
    expect(await passwd(["alice"], keyboard)).toMatchObject({ code: 130, out: "" });
    expect(keyboard.modes.at(-1)).toBe(false);
  });
});

describe("waypost check", () => {
  it("tells how many users there are, and not their verifiers", async () => {
    const { out: verifier } = await piped("pencil\n");
    for (const [args, users] of [
      [["--set", `authentication.users.alice.password=${verifier.trim()}`], "users: 1\n"],
      [[], "users: none, everybody who reaches a listener may connect\n"],
    ] as const) {
      const { context, stdout, stderr } = capturedContext();
      expect(await runCommandLine(["check", ...args], context)).toBe(0);
      expect(stdout.text).toContain(users);
      expect(stdout.text + stderr.text).not.toContain("SCRAM-SHA-256");
    }
  });
});
