import type { Command } from "commander";
import type { CommandContext } from "./command-context.ts";
import { addConfigOptions } from "./config-flags.ts";

export interface StoreCommandParts {
  context: CommandContext;
  /** Makes a command below another. */
  command(parent: Command, name: string, description: string): Command;
  /** Takes the exit code. */
  finish(code: number): void;
}

/** `waypost store` and what is below it. */
export function addStoreCommands(program: Command, { context, command, finish }: StoreCommandParts): void {
  const store = command(program, "store", "look into the files of a store, check them, back them up");
  const below = (name: string, description: string) =>
    addConfigOptions(command(store, name, description)).option(
      "-d, --directory <dir>",
      "folder of the store, instead of store.directory of the configuration",
    );
  below("inspect", "show devices, queues, bridges and what waits for them; a gateway may be running")
    .option(
      "--device <id>",
      "one device, or by its name a queue, bridge or shared subscription, with its messages in their order",
    )
    .option("--payload", "show the payloads of these messages")
    .option("--json", "one JSON object")
    .action(async (options) => finish(await (await import("./store-inspect.ts")).storeInspect(options, context)));
  below("verify", "read every line, check every checksum; exits with 1 where something is damaged")
    .option("--json", "one JSON object")
    .action(async (options) => finish(await (await import("./store-verify.ts")).storeVerify(options, context)));
  below("export", "write everything as lines of JSON; a gateway may be running")
    .argument("[file]", "where to; without it, or with -, standard output")
    .action(async (file, options) =>
      finish(await (await import("./store-export.ts")).storeExport(file, options, context)),
    );
  below("import", "read what export wrote, all of it or nothing; no gateway may be running")
    .argument("<file>", "where from; - is standard input")
    .option("--merge", "add to a store that is not empty; what is there stays as it is")
    .action(async (file, options) =>
      finish(await (await import("./store-import.ts")).storeImport(file, options, context)),
    );
}
