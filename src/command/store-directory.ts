import type { CommandContext } from "./command-context.ts";
import { type ConfigOptions, configOfOptions } from "./config-of-options.ts";
import { usageError } from "./usage-error.ts";

export interface StoreOptions extends ConfigOptions {
  readonly directory?: string;
}

/** Where the store is that the options choose. Errors: ERR_USAGE where it keeps no files; those of loadConfig. */
export function storeDirectory(options: StoreOptions, context: CommandContext): string {
  if (options.directory === "") throw usageError("--directory is empty: name the folder of a store");
  if (options.directory !== undefined) return options.directory;
  const { engine, directory } = configOfOptions(options, context).config.store;
  if (engine === "memory") {
    throw usageError(
      "store.engine is memory in this configuration, which keeps no files: name a folder with --directory",
    );
  }
  return directory;
}
