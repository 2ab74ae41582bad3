import type { Command } from "commander";
import type { Place } from "../admin/administration.ts";
import type { CommandParts } from "./command-parts.ts";
import { addConfigOptions } from "./config-flags.ts";
import { usageError } from "./usage-error.ts";

/** The commands that ask the gateway which runs. */
export function addControlCommands(program: Command, parts: CommandParts): void {
  addQueueCommands(program, parts);
  addMailboxCommands(program, parts);
  addBridgeCommands(program, parts);
  addGroupCommand(program, parts);
  addDeadLetterCommands(program, parts);
  addRequestCommand(program, parts);
}

function addControlOptions(command: Command): Command {
  return addConfigOptions(command)
    .option("--socket <path>", "control socket of the gateway, instead of the one of the configuration")
    .option("--json", "one JSON object");
}

/** What the parent's name alone does. */
function addListCommand(parent: Command, description: string, { command }: CommandParts): Command {
  return addControlOptions(command(parent, "list", description, { isDefault: true }))
    .allowExcessArguments(true) // commander's own words for it speak of a command that nobody wrote
    .hook("preAction", (_, { args: [excess] }) => {
      if (excess === undefined) return;
      throw usageError(`${excess} is no command here: is waypost ${parent.name()} show ${excess} meant?`);
    });
}

function addQueueCommands(program: Command, parts: CommandParts): void {
  const { context, command, finish } = parts;
  const queues = command(program, "queues", "see the queues of the running gateway, make, empty and pause them");
  const below = (name: string, description: string) => addControlOptions(command(queues, name, description));
  addListCommand(queues, "how full they are, and how fast (also without a command)", parts).action(async (options) =>
    finish(await (await import("./queues.ts")).listQueues(options, context)),
  );
  below("show", "one queue, with its consumers")
    .argument("<name>")
    .action(async (name, options) => finish(await (await import("./queues.ts")).showQueue(name, options, context)));
  below("create", "make a queue that is not in the configuration")
    .argument("<name>")
    .option("--topic <filter>", "topic filter whose messages go there; repeatable", collect)
    .option("--setting <key=value>", "a key that a queue has in the configuration; repeatable", collect)
    .action(async (name, options) => finish(await (await import("./queues.ts")).createQueue(name, options, context)));
  below("remove", "remove a queue that is empty")
    .argument("<name>")
    .option("--force", "remove it with its messages, which become dead letters")
    .action(async (name, options) =>
      finish(await (await import("./places.ts")).removePlace({ kind: "queue", name }, options, context)),
    );
  addPlaceCommands("queue", below, parts);
}

function addMailboxCommands(program: Command, parts: CommandParts): void {
  const { context, command, finish } = parts;
  const mailboxes = command(program, "mailboxes", "see the mailboxes of devices, empty and pause them");
  const below = (name: string, description: string) => addControlOptions(command(mailboxes, name, description));
  addListCommand(mailboxes, "what waits for each device (also without a command)", parts).action(async (options) =>
    finish(await (await import("./mailboxes.ts")).listMailboxes(options, context)),
  );
  below("show", "one mailbox")
    .argument("<client-id>")
    .action(async (id, options) => finish(await (await import("./mailboxes.ts")).showMailbox(id, options, context)));
  addPlaceCommands("device", below, parts);
}

function addBridgeCommands(program: Command, parts: CommandParts): void {
  const { context, command, finish } = parts;
  const bridges = command(program, "bridges", "see the bridges to upstream brokers, drain, pause and empty them");
  bridges.alias("bridge");
  const below = (name: string, description: string) => addControlOptions(command(bridges, name, description));
  addListCommand(bridges, "whether they are connected, and what waits (also without a command)", parts).action(
    async (options) => finish(await (await import("./bridges.ts")).listBridges(options, context)),
  );
  below("show", "one bridge, with its rules")
    .argument("<name>")
    .action(async (name, options) => finish(await (await import("./bridges.ts")).showBridge(name, options, context)));
  below("drain", "send what waits before all that is fresh, and wait until it is through; ends a pause")
    .argument("<name>")
    .option("--timeout <seconds>", "how long to wait (default: until it is through); the bridge goes on all the same")
    .action(async (name, options) =>
      finish(await (await import("./bridge-drain.ts")).drainBridge(name, options, context)),
    );
  below("remove", "forget a bridge that is not in the configuration any more")
    .argument("<name>")
    .option("--force", "with the messages that it holds")
    .action(async (name, options) =>
      finish(await (await import("./places.ts")).removePlace({ kind: "bridge", name }, options, context)),
    );
  addPlaceCommands("bridge", below, parts);
  addConfigOptions(command(bridges, "test", "say what the configuration has a bridge do with a topic, and why"))
    .argument("<name>")
    .argument("<topic>", "as published here, or at the upstream")
    .option("--json", "one JSON object")
    .addHelpText("after", "\nAsks no gateway. Exits with 1 where the bridge lets the topic pass in neither direction.")
    .action(async (name, topic, options) =>
      finish(await (await import("./bridge-test.ts")).testBridge(name, topic, options, context)),
    );
}

/** What `addPlaceCommands` calls a place of this kind. */
const placeWords: Readonly<Record<Place["kind"], { argument: string; here: string; from: string; deliver: string }>> = {
  queue: { argument: "<name>", here: "the queue", from: "name of a queue", deliver: "deliver" },
  device: { argument: "<client-id>", here: "the mailbox", from: "client id of a device", deliver: "deliver" },
  bridge: { argument: "<name>", here: "the bridge", from: "name of a bridge", deliver: "send" },
};

/** What can be done with queues, mailboxes and bridges alike. */
function addPlaceCommands(
  kind: Place["kind"],
  below: (name: string, description: string) => Command,
  { context, finish }: CommandParts,
): void {
  const { argument, here, from, deliver } = placeWords[kind];
  const places = () => import("./places.ts");
  for (const [verb, description] of [
    ["pause", `${deliver} nothing from ${here}; it still takes messages`],
    ["resume", `${deliver} from ${here} again`],
  ] as const) {
    below(verb, description)
      .argument(argument)
      .action(async (name, options) =>
        finish(await (await places()).switchPlace(verb, { kind, name }, options, context)),
      );
  }
  below("purge", `forget what waits in ${here}; asks nothing`)
    .argument(argument)
    .action(async (name, options) => finish(await (await places()).purgePlace({ kind, name }, options, context)));
  below("move", `put what waits in ${here} elsewhere, the oldest first`)
    .argument("<from>", from)
    .argument("<to>", "where to: queue:<name>, device:<client id>, bridge:<name>, or a name of the same kind")
    .option("--max <messages>", "at most this many (default: all)")
    .action(async (name, to, options) =>
      finish(await (await places()).movePlace({ kind, name }, to, options, context)),
    );
}

function addGroupCommand(program: Command, { context, command, finish }: CommandParts): void {
  addControlOptions(command(program, "groups", "see the groups of the running gateway, and whom they reach"))
    .argument("[name]", "one group, with its devices")
    .action(async (name, options) => finish(await (await import("./groups.ts")).groups(name, options, context)));
}

function addDeadLetterCommands(program: Command, { context, command, finish }: CommandParts): void {
  const parent = command(program, "dead-letters", "see what could not be delivered, and send it on its way again");
  const below = (name: string, description: string) => addControlOptions(command(parent, name, description));
  const filtered = (name: string, description: string) =>
    below(name, description)
      .option("--reason <reason>", "those with this reason, such as expired")
      .option("--destination <name>", "those for this queue, device, group or bridge");
  const letters = () => import("./dead-letters.ts");
  filtered("list", "the newest first")
    .option("--max <number>", "at most this many (default: 100)")
    .action(async (options) => finish(await (await letters()).listDeadLetters(options, context)));
  below("show", "one of them, with its payload")
    .argument("<id>")
    .action(async (id, options) => finish(await (await letters()).showDeadLetter(id, options, context)));
  filtered("requeue", "send them to where they could not go")
    .argument("[ids...]")
    .option("--all", "all of them")
    .option("--force", "also those that failed again several times")
    .action(async (ids, options) => finish(await (await letters()).requeueDeadLetters(ids, options, context)));
  filtered("purge", "forget them; asks nothing")
    .argument("[ids...]")
    .option("--all", "all of them")
    .action(async (ids, options) => finish(await (await letters()).purgeDeadLetters(ids, options, context)));
}

function addRequestCommand(program: Command, { context, command, finish }: CommandParts): void {
  addControlOptions(command(program, "request", "publish a request, wait for the answer and print its payload"))
    .option("-t, --topic <topic>", "topic to publish to")
    .option("-m, --message <text>", "send this text")
    .option("-f, --file <file>", "send the contents of a file")
    .option("-s, --stdin-file", "send all of standard input")
    .option("--timeout <seconds>", "how long to wait for the answer (default: 5)")
    .option("-q, --qos <qos>", "quality of service of the request: 0, 1 or 2")
    .option("-v, --verbose", "print the topic of the answer before its payload")
    .action(async (options) => finish(await (await import("./request.ts")).request(options, context)));
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
