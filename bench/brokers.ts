import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mosquittoConfig, upstreamConfig } from "./mosquitto-config.ts";
import { repositoryRoot } from "./repository-root.ts";
import { type StoreChoice, type Storing, storeFolderName } from "./storing.ts";

export interface Command {
  command: string;
  args: readonly string[];
}

/** A broker that can be measured; `version` throws nothing and returns undefined where it is not installed. */
export interface BrokerKind {
  name: string;
  missing: string;
  /** Not a broker but the limit of the measurement; shown beside the lanes that it could limit. */
  ceiling?: boolean;
  /** Can keep messages for those who are away, on disk and beyond its default limits. */
  keeps?: boolean;
  /** Speaks MQTT 5. */
  speaks5?: boolean;
  /** Knows $share, in every version that it speaks. */
  shares?: boolean;
  /** Has named queues, whose messages wait without a consumer. */
  queues?: boolean;
  /** Can take what is published to it to another broker. */
  bridges?: boolean;
  version(): string | undefined;
  /** How to start it on a loopback port; `folder` is its own, and its working directory. */
  command(port: number, folder: string, storing?: Storing): Command;
}

/** What `--brokers` may name. */
export const brokerNames: readonly string[] = ["waypost", "mosquitto", "aedes", "relay"];

/** Every broker of the comparison, in the order of its turn; `relay` is the ceiling of the load generator. */
export function brokerKinds(loadProgram: string, store: StoreChoice): readonly BrokerKind[] {
  return [waypost(store), mosquitto, aedes, relay(loadProgram)];
}

function waypost(store: StoreChoice): BrokerKind {
  return {
    name: "waypost",
    missing: "dist/main.js is missing: run `node build.js` first",
    keeps: true,
    speaks5: true,
    shares: true,
    queues: true,
    bridges: true,
    version: () => (existsSync(join(repositoryRoot, "dist/main.js")) ? packageVersion("package.json") : undefined),
    command: (port, folder, storing) => {
      const settings = [
        `listeners.mqtt.port=${port}`,
        "listeners.web.enabled=false",
        "log.level=warn",
        "log.format=json",
        ...storeSettings(store, folder, storing),
        ...queueSettings(storing),
        ...bridgeSettings(storing),
      ];
      const program = join(repositoryRoot, "dist/main.js");
      return { command: process.execPath, args: [program, "start", ...settings.flatMap((each) => ["--set", each])] };
    },
  };
}

function storeSettings(choice: StoreChoice, folder: string, storing: Storing | undefined): string[] {
  const engine = storing?.durability === undefined ? choice.engine : "nedb";
  const durability = storing?.durability ?? choice.durability;
  // Its default directory is inside its working directory, which is its own.
  if (storing === undefined) return engine === undefined ? [] : [`store.engine=${engine}`];
  const limits = [`mailboxes.messagesMax=${storing.mailboxMessagesMax}`, "mailboxes.bytesMax=1GiB"];
  if (engine === "memory") return ["store.engine=memory", ...limits];
  const directory = join(folder, storeFolderName);
  return ["store.engine=nedb", `store.directory=${directory}`, `store.durability=${durability}`, ...limits];
}

function queueSettings(storing: Storing | undefined): string[] {
  if (storing?.queue === undefined) return [];
  return [
    'queues.bench.topics=["bench/#"]',
    `queues.bench.messagesMax=${storing.mailboxMessagesMax}`,
    "queues.bench.bytesMax=1GiB",
    `queues.bench.dispatch=${storing.queue}`,
    ...(storing.queue === "by-key" ? ["queues.bench.keyTopicLevel=3"] : []),
  ];
}

function bridgeSettings(storing: Storing | undefined): string[] {
  if (storing?.bridge === undefined) return [];
  const { upstreamPort, filters } = storing.bridge;
  const room = { messagesMax: storing.mailboxMessagesMax, bytesMax: "1GiB" };
  const topics = filters.map((filter) => ({ filter, qos: 1, outage: "live-first", ...room }));
  return [
    `bridges.bench.url=mqtt://127.0.0.1:${upstreamPort}`,
    "bridges.bench.retryMaxSeconds=1",
    `bridges.bench.topics=${JSON.stringify(topics)}`,
  ];
}

const mosquitto: BrokerKind = {
  name: "mosquitto",
  missing: "not installed (Debian: apt install mosquitto)",
  keeps: true,
  speaks5: true,
  shares: true,
  bridges: true,
  version: () => {
    // Debian keeps it in sbin, which is not in everybody's PATH; it prints its usage and exits with 3.
    for (const program of mosquittoPrograms) {
      const version = /mosquitto version (\S+)/.exec(outputOf(program, ["-h"]))?.[1];
      if (version !== undefined) return version;
    }
    return undefined;
  },
  command: (port, folder, storing) => {
    const storeFolder = join(folder, storeFolderName);
    if (storing !== undefined) mkdirSync(storeFolder, { recursive: true });
    return mosquittoCommand(folder, mosquittoConfig(port, storeFolder, storing));
  },
};

/** The broker at the other end of a bridge: it is not measured. */
export function upstreamKind(inFlightMax: number | undefined): BrokerKind {
  return {
    name: "upstream",
    missing: mosquitto.missing,
    version: mosquitto.version,
    command: (port, folder) => mosquittoCommand(folder, upstreamConfig(port, inFlightMax)),
  };
}

function mosquittoCommand(folder: string, config: string): Command {
  const file = join(folder, "mosquitto.conf");
  writeFileSync(file, config);
  return { command: mosquittoPrograms.find((program) => outputOf(program, ["-h"]) !== "")!, args: ["-c", file] };
}

const mosquittoPrograms = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];

const aedes: BrokerKind = {
  name: "aedes",
  missing: "not installed: run `npm ci` first",
  version: () => packageVersion("node_modules/aedes/package.json"),
  command: (port) => ({
    command: process.execPath,
    args: [join(repositoryRoot, "bench/bare-aedes.js"), String(port)],
  }),
};

function relay(loadProgram: string): BrokerKind {
  return {
    name: "relay",
    missing: "",
    ceiling: true,
    speaks5: true,
    shares: true,
    version: () => "bench/load.c",
    command: (port) => ({ command: loadProgram, args: ["--mode", "relay", "--port", String(port)] }),
  };
}

function packageVersion(path: string): string | undefined {
  const file = join(repositoryRoot, path);
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

function outputOf(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch (error) {
    // A non-zero exit still has its output; a missing program has none.
    return String((error as { stdout?: string }).stdout ?? "");
  }
}
