import type { Bench } from "./bench.ts";
import type { BrokerKind } from "./brokers.ts";
import type { Lane, Load } from "./lane.ts";
import { measureAway } from "./measure-away.ts";
import { measureAwayMemory } from "./measure-away-memory.ts";
import { measureAwayStall } from "./measure-away-stall.ts";
import { measureBridgeDrain } from "./measure-bridge-drain.ts";
import { measureBridgeLive } from "./measure-bridge-live.ts";
import { measureLoad } from "./measure-load.ts";
import { measureQueue } from "./measure-queue.ts";
import { measureQueueWaiting } from "./measure-queue-waiting.ts";
import { processRssKb, settledRssKb } from "./process-rss.ts";
import { queueStoring } from "./queue-storing.ts";
import { ratio } from "./ratio.ts";
import type { Sample } from "./sample.ts";
import type { RunningBroker } from "./start-broker.ts";
import { withBroker } from "./with-broker.ts";

/**
 * One measurement of one broker in one lane, on a process started for it: no lane sees what another left behind.
 * @throws WaypostError ERR_UPSTREAM when the broker dies, refuses or stalls
 */
export function measureLane(bench: Bench, lane: Lane, kind: BrokerKind): Promise<Sample> {
  switch (lane.kind) {
    case "throughput":
    case "mqtt5":
    case "single":
      return measureLoad(bench, kind, lane.load);
    case "stall":
      return measureStall(bench, kind, lane.load, lane.peaceful);
    case "memory":
      return withBroker(bench, kind, (broker) =>
        measureMemory(bench, broker, lane.firstConnections, lane.moreConnections),
      );
    case "crowd":
      return withBroker(bench, kind, (broker) => measureCrowd(bench, broker, lane.connections));
    case "away":
      return measureAway(bench, kind, lane.load);
    case "session":
      return measureSession(bench, kind, lane.load, lane.clean);
    case "away-memory":
      return measureAwayMemory(bench, kind, lane.load);
    case "away-stall":
      return measureAwayStall(bench, kind, lane.load, lane.probeRate);
    case "queue":
      return measureQueue(bench, kind, lane);
    case "queue-waiting":
      return measureQueueWaiting(bench, kind, lane.load, lane.tries);
    case "queue-stall":
      return measureQueueStall(bench, kind, lane.load);
    case "bridge-drain":
      return measureBridgeDrain(bench, kind, lane);
    case "bridge-live":
      return measureBridgeLive(bench, kind, lane);
  }
}

async function measureStall(bench: Bench, kind: BrokerKind, load: Load, peaceful: Load): Promise<Sample> {
  const without = await measureLoad(bench, kind, peaceful);
  const stalled = await measureLoad(bench, kind, load);
  return {
    ...stalled,
    p50WithoutUs: without.p50Us ?? Number.NaN,
    p99WithoutUs: without.p99Us ?? Number.NaN,
    p99Ratio: ratio(stalled.p99Us, without.p99Us),
    rssWithoutKb: without.rssKb ?? Number.NaN,
  };
}

async function measureQueueStall(bench: Bench, kind: BrokerKind, load: Load): Promise<Sample> {
  // Slices with and without it take turns in one load: each has as long as other lanes have.
  const sample = await measureLoad({ ...bench, measureMs: 2 * bench.measureMs }, kind, load, queueStoring(load));
  return { ...sample, p99Ratio: ratio(sample.p99Us, sample.p99WithoutUs) };
}

async function measureSession(bench: Bench, kind: BrokerKind, load: Load, clean: Load): Promise<Sample> {
  // Both are allowed to keep everything: the sessions shall be all that differs.
  const without = await measureLoad(bench, kind, clean, { mailboxMessagesMax: load.windowMessages });
  const sessions = await measureLoad(bench, kind, load, { mailboxMessagesMax: load.windowMessages });
  return {
    ...sessions,
    deliveriesPerSecondClean: without.deliveriesPerSecond ?? Number.NaN,
    p99CleanUs: without.p99Us ?? Number.NaN,
    cleanRatio: ratio(without.deliveriesPerSecond, sessions.deliveriesPerSecond),
  };
}

async function measureMemory(bench: Bench, broker: RunningBroker, first: number, more: number): Promise<Sample> {
  const idleRssKb = await settledRssKb(broker.pid);
  const few = await bench.generator.holdConnections(broker.port, first);
  const fewRssKb = await settledRssKb(broker.pid);
  const many = await bench.generator.holdConnections(broker.port, more);
  const manyRssKb = await settledRssKb(broker.pid);
  await Promise.all([few.stop(), many.stop()]);
  return {
    idleRssKb,
    fewRssKb,
    manyRssKb,
    kbPerConnection: (manyRssKb - fewRssKb) / more,
    kbPerConnectionFromIdle: (manyRssKb - idleRssKb) / (first + more),
  };
}

async function measureCrowd(bench: Bench, broker: RunningBroker, connections: number): Promise<Sample> {
  const result = await bench.generator.run({ mode: "crowd", port: broker.port, subscribers: connections, qos: 1 });
  return { ...result, rssKb: await processRssKb(broker.pid) };
}
