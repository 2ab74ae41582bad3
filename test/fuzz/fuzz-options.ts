import { parseArgs } from "node:util";
import { WaypostError } from "../../src/waypost-error.ts";
import type { Version } from "../support/client-packet.ts";

export interface FuzzOptions {
  /** How long to go on; 0 is until `scriptsMax`. */
  seconds: number;
  seed: number;
  /** How many connections to make at most. */
  scriptsMax: number;
  /** Connections at once. */
  connections: number;
  store: "memory" | "nedb";
  versions: Version[];
  /** The bundle of the gateway's program. */
  main: string;
  /** Where what is needed to replay a failure is written. */
  seedDirectory: string;
  /** A kept seed to replay instead of a run. */
  replay: string | undefined;
}

const versionOf: Record<string, Version> = { "3.1": 3, "3.1.1": 4, "5": 5 };

export const fuzzUsage = `npm run fuzz -- [options]
  --seconds N        how long (600)
  --seed N           which run (any); the seed of a run is its first line
  --connections N    at once (24)
  --store ENGINE     memory or nedb (memory)
  --versions LIST    of 3.1, 3.1.1, 5 (all)
  --main FILE        the gateway's program (dist/main.js)
  --seeds DIRECTORY  where failures are kept (test/fuzz/seeds)
  --replay FILE      plays a kept seed once`;

/** Reads the arguments of `npm run fuzz`. @throws ERR_USAGE */
export function readFuzzOptions(args: readonly string[], anySeed: () => number): FuzzOptions {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const options = {
    seconds: text("600"),
    seed: { type: "string" },
    connections: text("24"),
    store: text("memory"),
    versions: text("3.1,3.1.1,5"),
    main: text("dist/main.js"),
    seeds: text("test/fuzz/seeds"),
    replay: { type: "string" },
  } as const;
  const { values } = withUsage(() => parseArgs({ args: [...args], options }));
  const { store } = values;
  if (store !== "memory" && store !== "nedb") throw usage(`--store ${store} is neither memory nor nedb`);
  const versions = values.versions.split(",").map((name) => {
    const version = versionOf[name];
    if (version === undefined) throw usage(`--versions ${name}: 3.1, 3.1.1 and 5 are known`);
    return version;
  });
  return {
    seconds: wholeNumber("--seconds", values.seconds),
    seed: values.seed === undefined ? anySeed() : wholeNumber("--seed", values.seed),
    scriptsMax: Number.POSITIVE_INFINITY,
    connections: wholeNumber("--connections", values.connections),
    store,
    versions,
    main: values.main,
    seedDirectory: values.seeds,
    replay: values.replay,
  };
}

function wholeNumber(name: string, value: string): number {
  if (!/^\d{1,10}$/.test(value)) throw usage(`${name} ${value} is no whole number`);
  return Number(value);
}

function withUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw usage((error as Error).message, error);
  }
}

function usage(why: string, cause?: unknown): WaypostError {
  return new WaypostError("ERR_USAGE", `${why}\n${fuzzUsage}`, { cause });
}
