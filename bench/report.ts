import type { BenchResult, BrokerResult, LaneResult } from "./bench-result.ts";
import type { Lane } from "./lane.ts";
import { ratio } from "./ratio.ts";
import { type Column, columnsOf } from "./report-columns.ts";
import { headings } from "./report-headings.ts";
import { type Target, targetsOf } from "./targets.ts";
import { textTable } from "./text-table.ts";

interface Compared {
  name: string;
  others: readonly string[];
  /** What the others have in its place. */
  othersName?: string;
}

// Throughput lanes compare deliveries; with one message in flight it is the wait that counts.
const comparedIn: Partial<Record<Lane["kind"], Compared>> = {
  throughput: { name: "deliveriesPerSecond", others: ["mosquitto", "aedes"] },
  mqtt5: { name: "deliveriesPerSecond", others: ["mosquitto"] },
  single: { name: "p50Us", others: ["mosquitto", "aedes"] },
  away: { name: "acknowledgedPerSecond", others: ["mosquitto"] },
  session: { name: "deliveriesPerSecond", others: ["mosquitto"] },
  "bridge-drain": { name: "drainedPerSecond", others: ["mosquitto"] },
  "bridge-live": { name: "deliveriesPerSecond", others: ["mosquitto"] },
  queue: { name: "deliveriesPerSecond", others: ["mosquitto"], othersName: "deliveriesPerSecondShare" },
};

/** Where the numbers come from: the first lines of the output. */
export function machineReport({
  machine,
  brokers,
  store,
  rounds,
  measureMs,
  warmupMs,
  burst,
}: Omit<BenchResult, "lanes">): string {
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryMb} MB, ${machine.kernel}, Node ${machine.node}`,
    Object.entries(brokers)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    `rounds ${rounds}, in turn, medians; ${measureMs / 1000} s measured after ${warmupMs / 1000} s; bursts of ${burst}; a fresh process each`,
    store.engine === "memory"
      ? "waypost keeps what waits in memory"
      : `waypost keeps what waits in nedb, durability ${store.durability}`,
  ].join("\n");
}

/** All tables, the failures and the targets. */
export function report(lanes: readonly LaneResult[]): string {
  const kinds = [...new Set(lanes.map(({ lane }) => lane.kind))];
  const tables = kinds.map((kind) =>
    kindReport(
      kind,
      lanes.filter(({ lane }) => lane.kind === kind),
    ),
  );
  const failures = lanes.flatMap(({ lane, brokers }) =>
    Object.entries(brokers).flatMap(([broker, { errors }]) =>
      errors.map((error) => `${lane.name}, ${broker}: ${error}`),
    ),
  );
  const failed = failures.length > 0 ? [`Failed\n${failures.join("\n")}`] : [];
  const targets = lanes.flatMap(targetsOf);
  return [...tables, ...failed, ...(targets.length > 0 ? [targetReport(targets)] : [])].join("\n\n");
}

function kindReport(kind: Lane["kind"], lanes: readonly LaneResult[]): string {
  const columns = columnsOf[kind];
  const header = ["lane", "", "broker", ...columns.map(({ title }) => title)];
  const compared = comparedIn[kind];
  if (compared !== undefined) header.push(...compared.others.map((other) => `x ${other}`));
  const rows = lanes.flatMap((result) =>
    Object.entries(result.brokers).map(([broker, { median, rounds }], index) => [
      ...(index === 0 ? [result.lane.name, result.lane.title] : ["", ""]),
      broker,
      ...(rounds.length === 0 ? ["failed"] : columns.map((column) => cell(median, column))),
      ...(compared !== undefined && broker === "waypost" && rounds.length > 0 ? comparison(result, compared) : []),
    ]),
  );
  return `${headings[kind]}\n${textTable(header, rows, 3)}`;
}

function comparison({ brokers }: LaneResult, { name, others, othersName }: Compared): string[] {
  const theirs = othersName ?? name;
  return others.map((other) => number(ratio(brokers.waypost?.median[name], brokers[other]?.median[theirs]), 2));
}

function targetReport(targets: readonly Target[]): string {
  const rows = targets.map(({ lane, what, value, bound, limit, met }) => [
    lane,
    what,
    met === undefined ? "not compared" : met ? "met" : "MISSED",
    number(value, 2),
    `${bound} ${limit}`,
  ]);
  return `Targets\n${textTable(["lane", "what", "", "measured", "target"], rows, 3)}`;
}

function cell(median: BrokerResult["median"], { name, digits, scale = 1 }: Column): string {
  return number((median[name] ?? Number.NaN) * scale, digits);
}

function number(value: number, digits: number): string {
  if (!Number.isFinite(value)) return "-";
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
