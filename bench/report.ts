import type { BenchResult, BrokerResult, LaneResult } from "./bench-result.ts";
import type { Lane } from "./lanes.ts";
import { ratio } from "./ratio.ts";
import { type Target, targetsOf } from "./targets.ts";
import { textTable } from "./text-table.ts";

interface Column {
  title: string;
  name: string;
  digits: number;
  /** What one of the sample's units is of the column's. */
  scale?: number;
}

const rate = { title: "deliveries/s", name: "deliveriesPerSecond", digits: 0 };
const latencies = [
  { title: "p50 us", name: "p50Us", digits: 1 },
  { title: "p99 us", name: "p99Us", digits: 1 },
];
const cpu = { title: "CPU us/delivery", name: "brokerCpuUsPerDelivery", digits: 2 };
const rssMb = { title: "RSS MB", name: "rssKb", digits: 1, scale: 1 / 1024 };
const lost = { title: "lost", name: "lost", digits: 0 };

const columnsOf: Record<Lane["kind"], readonly Column[]> = {
  throughput: [rate, cpu, ...latencies, lost, rssMb, { title: "load CPU %", name: "loadCpuPercent", digits: 0 }],
  single: [rate, cpu, ...latencies, { title: "max us", name: "maxUs", digits: 0 }],
  stall: [
    { title: "p50 without", name: "p50WithoutUs", digits: 1 },
    { title: "p50 with", name: "p50Us", digits: 1 },
    { title: "p99 without", name: "p99WithoutUs", digits: 1 },
    { title: "p99 with", name: "p99Us", digits: 1 },
    { title: "ratio p99", name: "p99Ratio", digits: 2 },
    { title: "RSS MB without", name: "rssWithoutKb", digits: 1, scale: 1 / 1024 },
    { title: "RSS MB with", name: "rssKb", digits: 1, scale: 1 / 1024 },
    lost,
  ],
  memory: [
    { title: "idle MB", name: "idleRssKb", digits: 1, scale: 1 / 1024 },
    { title: "kB/connection", name: "kbPerConnection", digits: 1 },
    { title: "with the first 1,000", name: "kbPerConnectionFromIdle", digits: 1 },
  ],
  crowd: [
    { title: "connections", name: "connections", digits: 0 },
    { title: "all subscribed ms", name: "openMs", digits: 0 },
    { title: "all arrived ms", name: "exchangeMs", digits: 0 },
    lost,
    rssMb,
  ],
};

const headings: Record<Lane["kind"], string> = {
  throughput: "Deliveries per second: 64 bytes, 1000 messages in flight. relay is the ceiling of the load generator.",
  single: "One message in flight, 64 bytes",
  stall:
    "One subscriber of # never reads: 20 pairs, 10,000 messages/s of 1 kB; latencies of the others in us.\n" +
    "Mosquitto leaves TCP_NODELAY off by default: at this pace its latencies are those of delayed acknowledgements.",
  memory: "Memory at rest; per connection: the slope from 1,000 to 5,000 idle connections, and all 5,000 from none",
  crowd: "All connect, subscribe to a topic of their own and get one message each, QoS 1",
};

/** Where the numbers come from: the first lines of the output. */
export function machineReport({
  machine,
  brokers,
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
  const compares = kind === "throughput" || kind === "single";
  if (compares) header.push("x mosquitto", "x aedes");
  const rows = lanes.flatMap((result) =>
    Object.entries(result.brokers).map(([broker, { median, rounds }], index) => [
      ...(index === 0 ? [result.lane.name, result.lane.title] : ["", ""]),
      broker,
      ...(rounds.length === 0 ? ["failed"] : columns.map((column) => cell(median, column))),
      ...(compares && broker === "waypost" && rounds.length > 0 ? comparison(result) : []),
    ]),
  );
  return `${headings[kind]}\n${textTable(header, rows, 3)}`;
}

// Throughput lanes compare deliveries; with one message in flight it is the wait that counts.
function comparison({ lane, brokers }: LaneResult): string[] {
  const name = lane.kind === "single" ? "p50Us" : "deliveriesPerSecond";
  return ["mosquitto", "aedes"].map((other) =>
    number(ratio(brokers.waypost?.median[name], brokers[other]?.median[name]), 2),
  );
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
