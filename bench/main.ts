import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { WaypostError } from "../src/waypost-error.ts";
import { type BenchOptions, parseBenchOptions, usage } from "./bench-options.ts";
import type { BenchResult } from "./bench-result.ts";
import { type BrokerKind, brokerKinds, brokerNames, upstreamKind } from "./brokers.ts";
import { ChildProcesses } from "./child-processes.ts";
import { type Lane, needsUpstream } from "./lane.ts";
import { lanes } from "./lanes.ts";
import { LoadGenerator } from "./load-generator.ts";
import { describeMachine } from "./machine.ts";
import { measureLane } from "./measure-lane.ts";
import { machineReport, report } from "./report.ts";
import { repositoryRoot } from "./repository-root.ts";
import { runLanes } from "./run-lanes.ts";
import { selectLanes } from "./select-lanes.ts";

const children = new ChildProcesses();
// Beside the results and not in the system's temporary folder, which may be memory: brokers keep messages in it.
const resultsFolder = join(repositoryRoot, "bench/results");
mkdirSync(resultsFolder, { recursive: true });
const folder = mkdtempSync(join(resultsFolder, "run-"));
// Whatever ends this process ends its children: "exit" also follows an uncaught error.
process.on("exit", () => {
  children.killAll();
  // What was killed a moment ago may still write.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
});
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));

try {
  const names = { lanes: lanes.map(({ name }) => name), brokers: brokerNames };
  const options = parseBenchOptions(process.argv.slice(2), names);
  if (options.help) console.log(`${usage}\n\nlanes: ${names.lanes.join(", ")}`);
  else await bench(options);
} catch (error) {
  if (!(error instanceof WaypostError)) throw error;
  console.error(error.message);
  process.exitCode = error.code === "ERR_USAGE" ? 2 : 1;
}

/** The exit code is 1 when Waypost failed in a lane; a target that it missed is a finding, not a failure. */
async function bench(options: BenchOptions): Promise<void> {
  const generator = new LoadGenerator(children, folder);
  const kinds = installed(brokerKinds(generator.program, options.store), options.brokers);
  const { rounds, measureMs, warmupMs, burst, store, cleanUpMs, quick } = options;
  const about: Omit<BenchResult, "lanes"> = {
    startedAt: new Date().toISOString(),
    machine: describeMachine(),
    rounds,
    measureMs,
    warmupMs,
    burst,
    store,
    brokers: Object.fromEntries(kinds.map((kind) => [kind.name, kind.version() ?? "unknown"])),
  };
  console.log(machineReport(about));
  const tools = { children, generator, folder, warmupMs, measureMs, burst, cleanUpMs, quick };
  const results = await runLanes(
    selectLanes(lanes, options.lanes).filter(hasUpstream),
    kinds,
    rounds,
    (lane, kind) => measureLane(tools, lane, kind),
    (line) => console.error(line),
  );
  console.log(`\n${report(results)}`);
  const file = resolve(options.jsonFile ?? defaultFile(about.startedAt));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ ...about, lanes: results } satisfies BenchResult, null, 2)}\n`);
  console.log(`\nwritten to ${file}`);
  if (results.some(({ brokers }) => (brokers.waypost?.errors.length ?? 0) > 0)) process.exitCode = 1;
}

function installed(kinds: readonly BrokerKind[], wanted: readonly string[] | undefined): BrokerKind[] {
  return kinds.filter((kind) => {
    if (wanted !== undefined && !wanted.includes(kind.name)) return false;
    if (kind.version() !== undefined) return true;
    console.error(`${kind.name} is left out: ${kind.missing}`);
    return false;
  });
}

function hasUpstream(lane: Lane): boolean {
  const upstream = upstreamKind(undefined);
  if (!needsUpstream(lane) || upstream.version() !== undefined) return true;
  console.error(`${lane.name} is left out: its upstream is a Mosquitto, ${upstream.missing}`);
  return false;
}

function defaultFile(startedAt: string): string {
  return join(resultsFolder, `${startedAt.replaceAll(":", "-").replace(/\..*/, "")}.json`);
}
