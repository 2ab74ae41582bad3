import type { Lane } from "./lane.ts";

/** One number of a sample, as a table shows it. */
export interface Column {
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
const written = [
  { title: "bytes/stored", name: "storeBytesPerMessage", digits: 0 },
  { title: "bytes/message, kernel", name: "kernelBytesPerMessage", digits: 0 },
];
const stalled = [
  { title: "p50 without", name: "p50WithoutUs", digits: 1 },
  { title: "p50 with", name: "p50Us", digits: 1 },
  { title: "p99 without", name: "p99WithoutUs", digits: 1 },
  { title: "p99 with", name: "p99Us", digits: 1 },
  { title: "ratio p99", name: "p99Ratio", digits: 2 },
];
const lost = { title: "lost", name: "lost", digits: 0 };

/** What the tables show, by kind of lane. */
export const columnsOf: Record<Lane["kind"], readonly Column[]> = {
  throughput: [rate, cpu, ...latencies, lost, rssMb, { title: "load CPU %", name: "loadCpuPercent", digits: 0 }],
  mqtt5: [
    { title: "3.1.1/s", name: "deliveriesPerSecondTwin", digits: 0 },
    { title: "5/s", name: "deliveriesPerSecond", digits: 0 },
    { title: "3.1.1 / 5", name: "costRatio", digits: 2 },
    { title: "CPU: 5 / 3.1.1", name: "cpuRatio", digits: 2 },
    cpu,
    ...latencies,
    lost,
    { title: "receive max", name: "receiveMaximum", digits: 0 },
    { title: "load CPU %", name: "loadCpuPercent", digits: 0 },
  ],
  single: [rate, cpu, ...latencies, { title: "max us", name: "maxUs", digits: 0 }],
  stall: [
    ...stalled,
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
  away: [
    { title: "acknowledged/s", name: "acknowledgedPerSecond", digits: 0 },
    { title: "CPU us/message", name: "brokerCpuUsPerMessage", digits: 2 },
    ...latencies,
    lost,
    { title: "fetched/s", name: "fetchedPerSecond", digits: 0 },
    rssMb,
    { title: "fdatasync p50 us", name: "fdatasyncP50Us", digits: 0 },
    { title: "p99 us", name: "fdatasyncP99Us", digits: 0 },
    ...written,
  ],
  session: [
    { title: "clean/s", name: "deliveriesPerSecondClean", digits: 0 },
    { title: "persistent/s", name: "deliveriesPerSecond", digits: 0 },
    { title: "clean / persistent", name: "cleanRatio", digits: 2 },
    { title: "p99 clean us", name: "p99CleanUs", digits: 1 },
    { title: "p99 us", name: "p99Us", digits: 1 },
    cpu,
    lost,
  ],
  "away-memory": [
    { title: "idle MB", name: "idleRssKb", digits: 1, scale: 1 / 1024 },
    { title: "full: above idle MB", name: "fullAboveIdleKb", digits: 1, scale: 1 / 1024 },
    { title: "disk MB", name: "diskBytes", digits: 1, scale: 1 / 1024 ** 2 },
    { title: "restart s", name: "readyMs", digits: 2, scale: 1 / 1000 },
    { title: "then above idle MB", name: "restartedAboveIdleKb", digits: 1, scale: 1 / 1024 },
    lost,
  ],
  "away-stall": [
    ...["Peace", "Fill", "Drain", "CleanUp"].flatMap((phase) => [
      { title: `${phase.toLowerCase()} p99`, name: `p99${phase}Us`, digits: 2, scale: 1 / 1000 },
      { title: "max ms", name: `max${phase}Us`, digits: 1, scale: 1 / 1000 },
    ]),
    { title: "filled/s", name: "filledPerSecond", digits: 0 },
    { title: "drained/s", name: "drainedPerSecond", digits: 0 },
    lost,
    { title: "disk peak MB", name: "diskPeakBytes", digits: 1, scale: 1 / 1024 ** 2 },
    { title: "left MB", name: "diskLeftBytes", digits: 1, scale: 1 / 1024 ** 2 },
    ...written,
  ],
  queue: [
    { title: "$share/s", name: "deliveriesPerSecondShare", digits: 0 },
    { title: "$queue/s", name: "deliveriesPerSecond", digits: 0 },
    { title: "queue / share", name: "shareRatio", digits: 2 },
    { title: "CPU us/delivery: share", name: "brokerCpuUsPerDeliveryShare", digits: 2 },
    { title: "queue", name: "brokerCpuUsPerDelivery", digits: 2 },
    { title: "p99 us: share", name: "p99ShareUs", digits: 1 },
    { title: "queue", name: "p99Us", digits: 1 },
    { title: "lost: share", name: "lostShare", digits: 0 },
    { title: "queue", name: "lost", digits: 0 },
    rssMb,
  ],
  "queue-waiting": [
    { title: "first p50 ms", name: "firstP50Ms", digits: 2 },
    { title: "max ms", name: "firstMaxMs", digits: 2 },
    { title: "filled/s", name: "filledPerSecond", digits: 0 },
    { title: "drained/s", name: "drainedPerSecond", digits: 0 },
    lost,
    rssMb,
  ],
  "bridge-drain": [
    { title: "drained/s", name: "drainedPerSecond", digits: 0 },
    { title: "live p50 ms", name: "p50Us", digits: 2, scale: 1 / 1000 },
    { title: "p99 ms", name: "p99Us", digits: 2, scale: 1 / 1000 },
    { title: "max ms", name: "maxUs", digits: 2, scale: 1 / 1000 },
    { title: "CPU us/message", name: "brokerCpuUsPerMessage", digits: 2 },
    lost,
    { title: "doubled", name: "doubled", digits: 0 },
    { title: "out of order", name: "outOfOrder", digits: 0 },
    { title: "live lost", name: "liveLost", digits: 0 },
    { title: "first s", name: "firstMs", digits: 2, scale: 1 / 1000 },
    { title: "filled/s", name: "filledPerSecond", digits: 0 },
    rssMb,
    { title: "load CPU %", name: "loadCpuPercent", digits: 0 },
  ],
  "bridge-live": [
    { title: "forwarded/s", name: "deliveriesPerSecond", digits: 0 },
    { title: "CPU us/message", name: "brokerCpuUsPerDelivery", digits: 2 },
    ...latencies,
    lost,
    { title: "doubled, out of order", name: "outOfOrder", digits: 0 },
    rssMb,
    { title: "load CPU %", name: "loadCpuPercent", digits: 0 },
  ],
  "queue-stall": [...stalled, { title: "held", name: "held", digits: 0 }, lost, rssMb],
};
