import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { castFleet } from "./cast-fleet.ts";
import { FleetError } from "./fleet-error.ts";
import type { Gateway } from "./gateway.ts";
import { type Protocol, protocols } from "./protocol-version.ts";
import { yamlOf } from "./scenario/destinations.ts";
import type { Scenario } from "./scenario/scenario.ts";
import { scenarios } from "./scenario/scenarios.ts";
import { type CloudKind, cloudKinds } from "./uplink/cloud.ts";
import { type TroubleKind, troubleKinds } from "./uplink/trouble.ts";

export type DevicesOptions = {
  scenario: Scenario;
  devices: number;
  seconds: number;
  protocol: Protocol;
  seed: number;
  prefix: string;
  gateway: Gateway;
  /** Starts a gateway of its own instead of using `gateway`'s addresses. */
  withGateway: boolean;
  /** How often that gateway is killed and started again. */
  kills: number;
  /** How often the line to the cloud is spoiled, in a scenario that has one, and what that cloud is. */
  cuts: number;
  troubles: readonly TroubleKind[];
  cloud: CloudKind | undefined;
  /** Client ids, queues, groups and the second level of topics begin with it; undefined for one of this run's own. */
  alias: string | undefined;
  permitQos0Loss: boolean;
  lateSeconds: number;
  jsonFile: string | undefined;
  quiet: boolean;
};

/** Every scenario, one after another. */
export type AllOptions = { all: readonly DevicesOptions[]; jsonFile: string | undefined; quiet: boolean };

const allName = "all";
const devicesDefault = 200;
const secondsDefault = 10;
const devicesMax = 10_000;
const killsMax = 10_000;
const cutsMax = 10_000;
/** So that each trouble has time to be noticed, and the line time to be in order. */
const secondsPerCut = 10;
const cutsMin = 2;

/**
 * Reads the command line (without node and script).
 * @throws FleetError ERR_USAGE with one line that says what is wrong
 */
export function parseOptions(args: readonly string[]): DevicesOptions | AllOptions | { help: string } {
  let help = "";
  const command = createCommand((text) => {
    help += text;
  });
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.helpDisplayed") return { help };
    throw usage(error.message.replace(/^error: /, "").replaceAll("\n", " "));
  }
  const name = command.args[0]!;
  const { printConfig = false, ...flags } = command.opts<Flags & { printConfig?: boolean }>();
  const wanted = name === allName ? playable(flags) : [scenarioNamed(name)];
  const plays = wanted.map((scenario) => check(scenario, flags, name === allName));
  if (printConfig) return { help: configText(plays) };
  return name === allName ? { all: plays, jsonFile: flags.json, quiet: flags.quiet } : plays[0]!;
}

type Defaulted = "devices" | "seconds" | "protocol" | "lateSeconds" | "cuts" | "troubles" | "cloud";
type Flags = Omit<DevicesOptions, Defaulted | "scenario" | "gateway" | "jsonFile" | "alias"> &
  Partial<Pick<DevicesOptions, Defaulted>> &
  Gateway & { json?: string; run?: string };

function createCommand(writeHelp: (text: string) => void): Command {
  const summaries = [...scenarios.values()].map(({ name, summary }) => `  ${name}: ${summary}`);
  const voices = [...scenarios.values()].map(({ name, protocol }) => `${protocol} in ${name}`).join(", ");
  const lateness = [...scenarios.values()].map(({ name, lateSeconds }) => `${lateSeconds} in ${name}`).join(", ");
  return new Command("devices")
    .description(`Runs a fleet of simulated MQTT devices and judges what was delivered.\n\n${summaries.join("\n")}`)
    .argument(
      "<scenario>",
      `one of: ${[...scenarios.keys()].join(", ")}; or all of them (uplink with --with-gateway only), small, one after another`,
    )
    .option(
      "--devices <number>",
      `how many devices, of all kinds together (default: ${devicesDefault}, few in all)`,
      whole(1, devicesMax),
    )
    .option("--seconds <number>", `how long they live (default: ${secondsDefault}, few in all)`, positive)
    .addOption(
      new Option(
        "--protocol <version>",
        `what they speak; mixed: half of each kind this, half that (default: ${voices})`,
      ).choices(protocols),
    )
    .option("--seed <number>", "the same seed gives the same fleet", whole(0, 2 ** 32 - 1), 1)
    .option("--prefix <topic>", "first level of all topics", topicPrefix, "devices")
    .option("--url <url>", "the gateway's MQTT address", address("mqtt:", "mqtts:", "tcp:"), "mqtt://127.0.0.1:1883")
    .option("--ws-url <url>", "its WebSocket address", address("ws:", "wss:"), "ws://127.0.0.1:8083/mqtt")
    .option("--username <name>", "for every device")
    .option("--password <password>", "for every device; needs --username")
    .option("--run <name>", "what client ids, queues and groups begin with (default: another name each time)", alias)
    .option("--print-config", "print the queues and groups that the gateway must have for that --run, and end")
    .addOption(new Option("--with-gateway", "start a gateway for this run").default(false).conflicts(["url", "wsUrl"]))
    .option("--permit-qos0-loss", "lost QoS 0 messages do not fail the verdict", false)
    .option("--kills <number>", "kill that gateway so often; needs --with-gateway", whole(0, killsMax), 0)
    .option(
      "--cuts <number>",
      "spoil the line to the cloud so often (uplink only; default: one for ten seconds, at least two)",
      whole(0, cutsMax),
    )
    .option("--troubles <kinds>", `how, of ${troubleKinds.join(",")} (uplink only; default: all)`, troubles)
    .addOption(
      new Option(
        "--cloud <broker>",
        "what the cloud is (uplink only; default: mosquitto where it is installed, or else a second gateway)",
      ).choices(cloudKinds),
    )
    .option("--late-seconds <number>", `a later message fails the verdict (default: ${lateness})`, positive)
    .option("--json <file>", "write the report there as JSON")
    .option("--quiet", "print the verdict only", false)
    .addHelpText("after", "\nExit code: 0 passed, 1 failed, 2 wrong usage, 130 interrupted.")
    .exitOverride()
    .configureOutput({ writeOut: writeHelp, writeErr: () => {} });
}

/** A gateway that somebody else has started can have the queues of a run, and no bridge to a cloud of this run's. */
function playable({ withGateway }: Pick<Flags, "withGateway">): Scenario[] {
  return [...scenarios.values()].filter(({ bridge }) => withGateway || bridge === undefined);
}

function scenarioNamed(name: string): Scenario {
  const scenario = scenarios.get(name);
  if (scenario !== undefined) return scenario;
  throw usage(`there is no scenario "${name}"; scenarios are: ${[...scenarios.keys(), allName].join(", ")}`);
}

function check(scenario: Scenario, flags: Flags, isOneOfAll: boolean): DevicesOptions {
  const { name } = scenario;
  const { url, wsUrl, username, password, json, run: alias, ...rest } = flags;
  const { lateSeconds = scenario.lateSeconds, protocol = scenario.protocol } = flags;
  const size = isOneOfAll ? scenario.small : { devices: devicesDefault, seconds: secondsDefault };
  const { devices = size.devices, seconds = size.seconds } = flags;
  if (devices < scenario.devicesMin) {
    throw usage(`${name} needs --devices ${scenario.devicesMin} or more, for one of each kind; got ${devices}`);
  }
  if (flags.kills > 0 && !flags.withGateway)
    throw usage("--kills needs --with-gateway: only that is this run's to kill");
  if (flags.kills > 0 && !scenario.enduring && !isOneOfAll)
    throw usage(`--kills cannot be used with ${name}, whose sessions are clean`);
  if (scenario.destinations !== undefined && !flags.withGateway && alias === undefined) {
    const advice = `add --with-gateway, or choose --run NAME and give the gateway what --print-config prints for it`;
    throw usage(`${name} needs queues or groups in the gateway's configuration: ${advice}`);
  }
  if (scenario.bridge !== undefined && !flags.withGateway)
    throw usage(`${name} needs --with-gateway: the gateway has a bridge to a cloud that this run starts too`);
  if (scenario.bridge === undefined && !isOneOfAll && (flags.cuts ?? flags.troubles ?? flags.cloud) !== undefined)
    throw usage(`--cuts, --troubles and --cloud cannot be used with ${name}, which has no cloud`);
  // A password without a user name is not allowed on the wire either [MQTT-3.1.2-22].
  if (password !== undefined && username === undefined) throw usage("--password needs --username");
  const credentials = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
  const kills = scenario.enduring ? flags.kills : 0;
  const { cuts: cutsWanted = Math.max(cutsMin, Math.round(seconds / secondsPerCut)) } = flags;
  const cuts = scenario.bridge === undefined ? 0 : cutsWanted;
  const { troubles = troubleKinds, cloud } = flags;
  const chosen = { scenario, devices, seconds, protocol, lateSeconds, kills, cuts, troubles, cloud, alias };
  return { ...rest, ...chosen, gateway: { url, wsUrl, ...credentials }, jsonFile: json };
}

function configText(plays: readonly DevicesOptions[]): string {
  if (plays.some(({ alias: name }) => name === undefined)) throw usage("--print-config needs --run");
  const all = plays.map((play) => castFleet(play, play.alias!).destinations);
  return yamlOf({
    queues: Object.assign({}, ...all.map(({ queues }) => queues)),
    groups: Object.assign({}, ...all.map(({ groups }) => groups)),
  });
}

function alias(text: string): string {
  // With the longest name of a device, a client id of more than 23 bytes is one that a server may refuse [MQTT-3.1.3-5].
  if (/^[a-z0-9]{1,8}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be 1 to 8 small letters and digits.");
}

function troubles(text: string): TroubleKind[] {
  const kinds = text.split(",").map((word) => troubleKinds.find((kind) => kind === word));
  if (!kinds.includes(undefined)) return kinds as TroubleKind[];
  throw new InvalidArgumentError(`They must be some of ${troubleKinds.join(",")}.`);
}

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= 1 && value <= 86_400) return value;
  throw new InvalidArgumentError("It must be a number of seconds from 1 to 86400.");
}

function topicPrefix(text: string): string {
  if (/^[^$+#\0/][^+#\0]*$/.test(text) && !text.endsWith("/") && Buffer.byteLength(text) <= 200) return text;
  throw new InvalidArgumentError("It must be a topic of at most 200 bytes without wildcards, $ or / at its ends.");
}

function address(...protocols: string[]): (text: string) => string {
  return (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url !== undefined && protocols.includes(url.protocol) && url.hostname !== "") return text;
    throw new InvalidArgumentError(`It must begin with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}.`);
  };
}

function usage(text: string): FleetError {
  return new FleetError("ERR_USAGE", `${text} (see --help)`);
}
