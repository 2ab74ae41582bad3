import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Script } from "./script.ts";

/** What is kept of a run that failed: enough to do again what led to it. */
export interface KeptSeed {
  /** What was wrong. */
  what: string;
  seed: number;
  store: "memory" | "nedb";
  /** Played at once if there are several. */
  scripts: Script[];
}

/** Writes what is needed to replay a failure; returns where. */
export async function keepSeed(directory: string, name: string, kept: KeptSeed): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${name}.json`);
  // Lists of numbers on one line, as the formatter has them.
  const text = JSON.stringify(kept, null, 2).replaceAll(
    /\[\s+([\d,\s]+?)\s+\]/g,
    (_, numbers: string) => `[${numbers.replaceAll(/\s+/g, " ")}]`,
  );
  await writeFile(path, `${text}\n`);
  return path;
}

export async function readSeed(path: string): Promise<KeptSeed> {
  return JSON.parse(await readFile(path, "utf8")) as KeptSeed;
}
