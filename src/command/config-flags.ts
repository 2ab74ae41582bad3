import type { Command } from "commander";

/** The options that choose a configuration. */
export function addConfigOptions(command: Command): Command {
  return command
    .option("-c, --config <file>", "configuration file (or WAYPOST_CONFIG); without it the defaults apply")
    .option("--set <path=value>", "set one key, such as listeners.mqtt.port=1884; repeatable", collect);
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
