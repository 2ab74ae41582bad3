import { fillMailbox } from "./absent-devices.ts";
import type { Bench } from "./bench.ts";
import { bridgeStoring } from "./bridge-storing.ts";
import { type BrokerKind, upstreamKind } from "./brokers.ts";
import type { Lane } from "./lane.ts";
import { processRssKb } from "./process-rss.ts";
import type { Sample } from "./sample.ts";
import { freePort, type RunningBroker, startBroker, stopBroker } from "./start-broker.ts";
import { withBroker } from "./with-broker.ts";

type DrainLane = Extract<Lane, { kind: "bridge-drain" }>;

/**
 * What is published while the upstream is away, and how it arrives there once it is back, beside live messages that take
 * the same way. Latencies are theirs: from the publisher at the edge to the subscriber at the upstream.
 */
export async function measureBridgeDrain(bench: Bench, kind: BrokerKind, lane: DrainLane): Promise<Sample> {
  const upstreamPort = await freePort();
  const measure = async (edge: RunningBroker) => {
    const filled = await fillMailbox(bench, edge, lane.load);
    const rssKb = await processRssKb(edge.pid);
    const drained = await drainTo(upstreamPort, bench, edge, lane);
    return { ...drained, filledPerSecond: filled.acknowledgedPerSecond ?? Number.NaN, rssKb };
  };
  return withBroker(bench, kind, measure, bridgeStoring(lane, upstreamPort));
}

async function drainTo(upstreamPort: number, bench: Bench, edge: RunningBroker, lane: DrainLane): Promise<Sample> {
  const { load, liveRate, inFlightMax } = lane;
  const { process: edgeProcess } = edge.child;
  // The bridge must not come before those who listen for what it brings: until then the edge stands still.
  edgeProcess.kill("SIGSTOP");
  try {
    const upstream = await startBroker(
      upstreamKind(inFlightMax),
      bench.children,
      bench.folder,
      undefined,
      upstreamPort,
    );
    try {
      const options = {
        mode: "bridge-drain",
        port: edge.port,
        "subscriber-port": upstreamPort,
        qos: load.qos,
        "subscriber-qos": 0,
        publishers: load.publishers,
        messages: load.messagesMax ?? 0,
        "payload-bytes": load.payloadBytes,
        rate: liveRate,
        "broker-pid": edge.pid,
      };
      return await bench.generator.run(options, () => edgeProcess.kill("SIGCONT"));
    } finally {
      await stopBroker(upstream);
    }
  } finally {
    edgeProcess.kill("SIGCONT");
  }
}
