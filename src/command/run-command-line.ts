import { Command, CommanderError, type CommandOptions } from "commander";
import { addClientOptions } from "./client-flags.ts";
import type { CommandContext } from "./command-context.ts";
import { addConfigOptions } from "./config-flags.ts";
import { addControlCommands } from "./control-flags.ts";
import { exitCodeOf, exitCodes } from "./exit-code.ts";
import { addStoreCommands } from "./store-flags.ts";
import { version } from "./version.ts";

const exitCodeText = `
Exit codes: 0 done, 1 something failed, 2 wrong usage, 3 wrong configuration, 27 sub -W, a
request or a drain ran out of time.
A second Ctrl-C ends \`start\` at once (130).`;

/** Runs `waypost <args>`; resolves to the exit code, with everything that went wrong said on stderr. Loads only what the command needs. */
export async function runCommandLine(args: readonly string[], context: CommandContext): Promise<number> {
  let code: number = exitCodes.ok;
  const program = programFor(context, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    context.stderr.write(`${problemText(error, nameOf(program, args))}\n`);
    return exitCodeOf(error);
  }
}

function programFor(context: CommandContext, finish: (code: number) => void): Command {
  const program = new Command("waypost")
    .description("An actor-style MQTT broker for the edge.")
    .version(version, "--version", "print the version")
    .helpOption("--help", "print this help")
    .addHelpText("after", exitCodeText)
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .showHelpAfterError("Try --help.")
    .exitOverride();

  addConfigOptions(command(program, "start", "run a gateway until Ctrl-C; SIGHUP reloads its configuration")).action(
    async (options) => finish(await (await import("./start.ts")).start(options, context)),
  );
  addConfigOptions(command(program, "check", "check a configuration and list all its mistakes")).action(
    async (options) => finish(await (await import("./check.ts")).check(options, context)),
  );
  addClientOptions(command(program, "pub", "publish messages, with the options of mosquitto_pub"), "pub").action(
    async (options) => finish(await (await import("../client/pub.ts")).pub(options, context)),
  );
  addClientOptions(
    command(program, "sub", "subscribe and print messages, with the options of mosquitto_sub"),
    "sub",
  ).action(async (options) => finish(await (await import("../client/sub.ts")).sub(options, context)));
  command(program, "passwd", "read a password from standard input and print what the configuration has of it")
    .argument("[name]", "name of the user; with it, the lines for the configuration file are printed")
    .action(async (name) => finish(await (await import("./passwd.ts")).passwd(name, context)));
  addControlCommands(program, { context, command, finish });
  addStoreCommands(program, { context, command, finish });
  return program;
}

function command(parent: Command, name: string, description: string, options: CommandOptions = {}): Command {
  return parent
    .command(name, options)
    .description(description)
    .helpOption("--help", "print this help")
    .allowExcessArguments(false);
}

/** The command, with the one below it that was meant. */
function nameOf(program: Command, [name = "", below = ""]: readonly string[]): string {
  const found = program.commands.find((each) => each.name() === name || each.aliases().includes(name));
  return found?.commands.some((each) => each.name() === below) ? `${name} ${below}` : name;
}

function problemText(error: unknown, name: string): string {
  const isUsage = exitCodeOf(error) === exitCodes.usage;
  if (exitCodeOf(error) === exitCodes.configuration) return (error as Error).message;
  const text = error instanceof Error ? error.message : String(error);
  return `waypost ${name}: ${text}${isUsage ? `\nTry waypost ${name} --help.` : ""}`;
}
