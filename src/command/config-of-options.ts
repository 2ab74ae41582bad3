import { type LoadedConfig, loadConfig } from "../config/load.ts";
import type { CommandContext } from "./command-context.ts";

export interface ConfigOptions {
  readonly config?: string;
  readonly set?: readonly string[];
}

/** The configuration that `--config`, `WAYPOST_CONFIG` and `--set` ask for. No file is read that nobody named. */
export function configOfOptions(options: ConfigOptions, { environment }: CommandContext): LoadedConfig {
  return loadConfig({
    file: options.config ?? (environment.WAYPOST_CONFIG || undefined),
    environment,
    overrides: options.set,
  });
}
