import { parseArgs } from "node:util";
import { WaypostError } from "../src/waypost-error.ts";
import type { StoreChoice } from "./storing.ts";

export interface BenchOptions {
  rounds: number;
  measureMs: number;
  warmupMs: number;
  /** Messages that one publisher sends in a row before it is the next one's turn. */
  burst: number;
  /** Names to keep; undefined keeps all. */
  lanes: readonly string[] | undefined;
  brokers: readonly string[] | undefined;
  /** How Waypost keeps messages. */
  store: StoreChoice;
  /** How long live traffic is watched after a mailbox has drained. */
  cleanUpMs: number;
  /** A look, not a measurement: what takes long to find out is left out. */
  quick: boolean;
  /** Where the JSON goes; undefined is bench/results/<time>.json. */
  jsonFile: string | undefined;
  help: boolean;
}

export const usage = `npm run bench -- [options]      (all of it, by default: 45 minutes)

  --rounds N       how often every broker has its turn in every lane; the median counts  (default 3)
  --seconds N      measured per turn, after a warm-up of 1 s                              (default 3)
  --burst N        messages that a publisher sends in a row before the next one's turn   (default 10)
  --lanes A,B      only these lanes; one of MQTT 5 brings its twin, the lane of 3.1.1 beside which it is measured;
                   those of bridges have a Mosquitto as upstream, and are left out where there is none
  --brokers A,B    only these brokers: waypost, mosquitto, aedes, relay (the generator's ceiling)
  --engine E       keep messages in nedb or memory, in every lane (default nedb where receivers are away);
                   lanes of queues that name a durability always have nedb and that durability
  --durability D   what an acknowledgement means on disk: synced, written or memory    (default synced)
  --json FILE      where the numbers go                                (default bench/results/<time>.json)
  --quick          one round of one second: a look, not a measurement`;

/** @throws WaypostError ERR_USAGE naming the option, what it got and what it takes */
export function parseBenchOptions(
  args: readonly string[],
  known: { lanes: readonly string[]; brokers: readonly string[] },
): BenchOptions {
  const values = parseKnown(args);
  const quick = values.quick === true;
  return {
    rounds: positive("--rounds", values.rounds, quick ? 1 : 3, Number.isInteger),
    measureMs: Math.round(1000 * positive("--seconds", values.seconds, quick ? 1 : 3, Number.isFinite)),
    warmupMs: quick ? 500 : 1000,
    // One by one, the generator itself ends at about a million messages a second, which is what is to be measured.
    burst: positive("--burst", values.burst, 10, Number.isInteger),
    lanes: names("--lanes", values.lanes, known.lanes),
    brokers: names("--brokers", values.brokers, known.brokers),
    store: {
      engine: oneOf("--engine", values.engine, ["nedb", "memory"]),
      durability: oneOf("--durability", values.durability, ["synced", "written", "memory"]) ?? "synced",
    },
    cleanUpMs: quick ? 1000 : 5000,
    quick,
    jsonFile: values.json,
    help: values.help === true,
  };
}

function parseKnown(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rounds: { type: "string" },
        seconds: { type: "string" },
        burst: { type: "string" },
        lanes: { type: "string" },
        brokers: { type: "string" },
        engine: { type: "string" },
        durability: { type: "string" },
        json: { type: "string" },
        quick: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (cause) {
    throw new WaypostError("ERR_USAGE", `bench: ${(cause as Error).message}`, { cause });
  }
}

function positive(option: string, text: string | undefined, byDefault: number, valid: (n: number) => boolean): number {
  if (text === undefined) return byDefault;
  const value = Number(text);
  if (valid(value) && value > 0) return value;
  throw new WaypostError("ERR_USAGE", `bench: ${option} takes a number above 0, not "${text}"`);
}

function oneOf<Word extends string>(option: string, text: string | undefined, words: Word[]): Word | undefined {
  const word = words.find((known) => known === text);
  if (text === undefined || word !== undefined) return word;
  throw new WaypostError("ERR_USAGE", `bench: ${option} takes ${words.join(" or ")}, not "${text}"`);
}

function names(option: string, text: string | undefined, known: readonly string[]): string[] | undefined {
  if (text === undefined) return undefined;
  const wanted = text.split(",").map((name) => name.trim());
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown === undefined) return wanted;
  throw new WaypostError("ERR_USAGE", `bench: ${option} does not know "${unknown}"; it knows ${known.join(", ")}`);
}
