#!/usr/bin/env node
import type { CommandContext } from "./command/command-context.ts";
import { runCommandLine } from "./command/run-command-line.ts";

// `waypost sub | head -1`: the reader of a pipe may leave first, which is no fault.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
}

const context: CommandContext = {
  environment: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signals: process,
};
const code = await runCommandLine(process.argv.slice(2), context);
// Open handles (standard input, a half-closed socket) must not keep a finished command alive.
process.stdout.write("", () => process.exit(code));
