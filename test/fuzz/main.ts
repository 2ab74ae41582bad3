import { randomInt } from "node:crypto";
import { type FuzzOptions, readFuzzOptions } from "./fuzz-options.ts";
import { replay } from "./replay.ts";
import { type FuzzResult, mebibytes, runFuzz } from "./run-fuzz.ts";
import { readSeed } from "./seed-file.ts";

const say = (line: string) => console.log(line);

try {
  const options = readFuzzOptions(process.argv.slice(2), () => randomInt(2 ** 31));
  process.exitCode = options.replay === undefined ? await fuzz(options) : await again(options, options.replay);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

async function fuzz(options: FuzzOptions): Promise<number> {
  say(`fuzz --seed ${options.seed} --seconds ${options.seconds} --store ${options.store}`);
  const result = await runFuzz(options, say);
  for (const line of reportOf(result)) say(line);
  return result.faults.length === 0 ? 0 : 1;
}

async function again({ main }: FuzzOptions, path: string): Promise<number> {
  const { scripts, store, what } = await readSeed(path);
  say(`replaying ${scripts.length} scripts that once found: ${what}`);
  const faults = await replay(main, store, scripts);
  for (const fault of faults) say(`FAULT ${fault}`);
  say(faults.length === 0 ? "nothing wrong" : "still wrong");
  return faults.length === 0 ? 0 : 1;
}

function reportOf({ faults, tally, pairs, before, after, logLines, kept }: FuzzResult): string[] {
  const lines = ["", ...tally.lines(), ""];
  for (const { name, arrived, slowestMs } of pairs) {
    lines.push(`good pair, ${name}: ${arrived} messages in order, the slowest took ${Math.round(slowestMs)} ms`);
  }
  if (before !== null) lines.push(`memory after the warm-up: ${mebibytes(before)}`);
  if (after !== null) lines.push(`memory at the end:        ${mebibytes(after)}`);
  lines.push(`lines in the log: ${[...logLines].map(([level, count]) => `${count} ${level}`).join(", ")}`);
  lines.push(`connections: ${tally.played}`, "");
  for (const fault of faults) lines.push(`FAULT ${fault}`);
  for (const path of kept) lines.push(`kept: npm run fuzz -- --replay ${path}`);
  lines.push(faults.length === 0 ? "PASSED" : "FAILED");
  return lines;
}
