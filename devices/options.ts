import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { FleetError } from "./fleet-error.ts";
import type { Gateway } from "./gateway.ts";
import { type Protocol, protocols } from "./protocol-version.ts";
import type { Scenario } from "./scenario/scenario.ts";
import { scenarios } from "./scenario/scenarios.ts";

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
  permitQos0Loss: boolean;
  lateSeconds: number;
  jsonFile: string | undefined;
  quiet: boolean;
};

const devicesMax = 10_000;
const killsMax = 10_000;

/**
 * Reads the command line (without node and script).
 * @throws FleetError ERR_USAGE with one line that says what is wrong
 */
export function parseOptions(args: readonly string[]): DevicesOptions | { help: string } {
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
  return check(command.args[0]!, command.opts<Flags>());
}

type Flags = Omit<DevicesOptions, "scenario" | "gateway" | "jsonFile" | "lateSeconds"> &
  Gateway & { json?: string; lateSeconds?: number };

function createCommand(writeHelp: (text: string) => void): Command {
  const summaries = [...scenarios.values()].map(({ name, summary }) => `  ${name}: ${summary}`);
  const lateness = [...scenarios.values()].map(({ name, lateSeconds }) => `${lateSeconds} in ${name}`).join(", ");
  return new Command("devices")
    .description(`Runs a fleet of simulated MQTT devices and judges what was delivered.\n\n${summaries.join("\n")}`)
    .argument("<scenario>", `one of: ${[...scenarios.keys()].join(", ")}`)
    .option("--devices <number>", "how many devices, of all kinds together", whole(1, devicesMax), 200)
    .option("--seconds <number>", "how long they live", positive, 10)
    .addOption(
      new Option("--protocol <version>", "what they speak; mixed: half of each kind this, half that")
        .choices(protocols)
        .default("3.1.1", "3.1.1, which every gateway knows"),
    )
    .option("--seed <number>", "the same seed gives the same fleet", whole(0, 2 ** 32 - 1), 1)
    .option("--prefix <topic>", "first level of all topics", topicPrefix, "devices")
    .option("--url <url>", "the gateway's MQTT address", address("mqtt:", "mqtts:", "tcp:"), "mqtt://127.0.0.1:1883")
    .option("--ws-url <url>", "its WebSocket address", address("ws:", "wss:"), "ws://127.0.0.1:8083/mqtt")
    .option("--username <name>", "for every device")
    .option("--password <password>", "for every device; needs --username")
    .addOption(new Option("--with-gateway", "start a gateway for this run").default(false).conflicts(["url", "wsUrl"]))
    .option("--permit-qos0-loss", "lost QoS 0 messages do not fail the verdict", false)
    .option("--kills <number>", "kill that gateway so often; needs --with-gateway", whole(0, killsMax), 0)
    .option("--late-seconds <number>", `a later message fails the verdict (default: ${lateness})`, positive)
    .option("--json <file>", "write the report there as JSON")
    .option("--quiet", "print the verdict only", false)
    .addHelpText("after", "\nExit code: 0 passed, 1 failed, 2 wrong usage, 130 interrupted.")
    .exitOverride()
    .configureOutput({ writeOut: writeHelp, writeErr: () => {} });
}

function check(name: string, flags: Flags): DevicesOptions {
  const scenario = scenarios.get(name);
  if (scenario === undefined) {
    throw usage(`there is no scenario "${name}"; scenarios are: ${[...scenarios.keys()].join(", ")}`);
  }
  if (flags.devices < scenario.devicesMin) {
    throw usage(`${name} needs --devices ${scenario.devicesMin} or more, for one of each kind; got ${flags.devices}`);
  }
  if (flags.kills > 0 && !flags.withGateway)
    throw usage("--kills needs --with-gateway: only that is this run's to kill");
  if (flags.kills > 0 && !scenario.waiting)
    throw usage(`--kills cannot be used with ${name}, whose sessions are clean`);
  // A password without a user name is not allowed on the wire either [MQTT-3.1.2-22].
  if (flags.password !== undefined && flags.username === undefined) throw usage("--password needs --username");
  const { url, wsUrl, username, password, json, lateSeconds = scenario.lateSeconds, ...rest } = flags;
  const credentials = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
  return { ...rest, scenario, lateSeconds, gateway: { url, wsUrl, ...credentials }, jsonFile: json };
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
