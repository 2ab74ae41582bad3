import type { Command, CommandOptions } from "commander";
import type { CommandContext } from "./command-context.ts";

/** What those need who add commands below a command. */
export interface CommandParts {
  readonly context: CommandContext;
  /** Makes a command below another. */
  command(parent: Command, name: string, description: string, options?: CommandOptions): Command;
  /** Takes the exit code. */
  finish(code: number): void;
}
