import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { Writable } from "node:stream";
import type { CommandContext } from "./command-context.ts";

/** Whether a person types there, and what is typed can be kept from being seen. */
export function isTerminal(stdin: Readable): boolean {
  return "isTTY" in stdin && stdin.isTTY === true && "setRawMode" in stdin;
}

/** Asks for lines on a terminal without showing what is typed; undefined where Ctrl-C or Ctrl-D ended it. */
export async function askUnseen(
  questions: readonly string[],
  { stdin, stderr }: CommandContext,
): Promise<string[] | undefined> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: nowhere, terminal: true, historySize: 0 });
  terminal.once("SIGINT", () => terminal.close());
  // Taken before the first question: what is pasted may be several lines at once.
  const lines = terminal[Symbol.asyncIterator]();
  const answers: string[] = [];
  try {
    for (const question of questions) {
      stderr.write(question);
      const { value, done } = await lines.next();
      stderr.write("\n");
      if (done) return undefined;
      answers.push(value);
    }
    return answers;
  } finally {
    terminal.close();
  }
}
