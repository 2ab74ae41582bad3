import type { BrokerKind } from "./brokers.ts";
import type { ChildProcesses } from "./child-processes.ts";
import type { Lane, Load } from "./lanes.ts";
import type { LoadGenerator } from "./load-generator.ts";
import { processRssKb, settledRssKb } from "./process-rss.ts";
import { ratio } from "./ratio.ts";
import type { Sample } from "./sample.ts";
import { type RunningBroker, startBroker } from "./start-broker.ts";

export interface Bench {
  children: ChildProcesses;
  generator: LoadGenerator;
  /** For what the brokers write; removed at the end. */
  folder: string;
  warmupMs: number;
  measureMs: number;
  burst: number;
}

/**
 * One measurement of one broker in one lane, on a process started for it: no lane sees what another left behind.
 * @throws WaypostError ERR_UPSTREAM when the broker dies, refuses or stalls
 */
export function measureLane(bench: Bench, lane: Lane, kind: BrokerKind): Promise<Sample> {
  switch (lane.kind) {
    case "throughput":
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
  }
}

function measureLoad(bench: Bench, kind: BrokerKind, load: Load): Promise<Sample> {
  return withBroker(bench, kind, async (broker) => {
    const idleRssKb = await processRssKb(broker.pid);
    const result = await bench.generator.run({
      mode: load.mode,
      port: broker.port,
      "broker-pid": broker.pid,
      qos: load.qos,
      publishers: load.publishers,
      subscribers: load.subscribers,
      window: load.windowMessages,
      "payload-bytes": load.payloadBytes,
      rate: load.rate ?? 0,
      burst: bench.burst,
      "warmup-ms": bench.warmupMs,
      "measure-ms": bench.measureMs,
    });
    return { ...result, idleRssKb, rssKb: await processRssKb(broker.pid) };
  });
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

async function withBroker(
  bench: Bench,
  kind: BrokerKind,
  measure: (broker: RunningBroker) => Promise<Sample>,
): Promise<Sample> {
  const broker = await startBroker(kind, bench.children, bench.folder);
  try {
    return await measure(broker);
  } catch (error) {
    // The generator only sees a closed connection; that the process behind it is dead is the better reason.
    if (broker.child.exited() && error instanceof Error)
      error.message += `; the broker exited: ${broker.child.lastWords()}`;
    throw error;
  } finally {
    await broker.child.stop();
  }
}
