import { deriveScramVerifier, formatScramVerifier } from "../authentication/scram-verifier.ts";
import { textOfBytes } from "../authentication/text-of-bytes.ts";
import { userNameMistake } from "../authentication/user-name.ts";
import { linesOf } from "../client/lines.ts";
import type { CommandContext } from "./command-context.ts";
import { exitCodes } from "./exit-code.ts";
import { askUnseen, isTerminal } from "./unseen-line.ts";
import { usageError } from "./usage-error.ts";

/** A line that is longer is read no further. */
const LINE_BYTES_MAX = 64 * 1024;
const INTERRUPTED = 130;

/**
 * `waypost passwd`: reads a password, asking twice on a terminal, and prints its verifier; with the name of a user, the lines
 * for a configuration file. Errors: ERR_USAGE for a name or a password that cannot be.
 */
export async function passwd(name: string | undefined, context: CommandContext): Promise<number> {
  const mistake = name === undefined ? undefined : userNameMistake(name);
  if (mistake !== undefined) throw usageError(`${JSON.stringify(name)} is no user name: ${mistake}`);
  const password = isTerminal(context.stdin) ? await askTwice(context) : await firstLine(context);
  if (password === undefined) return INTERRUPTED;
  const verifier = formatScramVerifier(await deriveScramVerifier(password));
  context.stdout.write(name === undefined ? `${verifier}\n` : entryOf(name, verifier));
  return exitCodes.ok;
}

async function firstLine({ stdin }: CommandContext): Promise<string> {
  for await (const line of linesOf(stdin, LINE_BYTES_MAX)) {
    const text = textOfBytes(line);
    if (text === undefined) throw usageError("the password is not UTF-8 text: give it in UTF-8");
    return text.replace(/\r$/, "");
  }
  throw usageError("standard input is empty: give the password as its first line");
}

/** Undefined where it was interrupted. */
async function askTwice(context: CommandContext): Promise<string | undefined> {
  const answers = await askUnseen(["Password: ", "The same again: "], context);
  if (answers === undefined) return undefined;
  if (answers[0] !== answers[1]) throw usageError("the two are not the same: try again");
  return answers[0];
}

function entryOf(name: string, verifier: string): string {
  // What YAML would take for something else than a text, such as true or 0x10, is quoted.
  const isPlain = /^[A-Za-z][A-Za-z0-9_-]*$/.test(name) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(name);
  const key = isPlain ? name : JSON.stringify(name);
  return ["authentication:", "  users:", `    ${key}:`, `      password: "${verifier}"`, ""].join("\n");
}
