import type { Bench } from "./bench.ts";
import { bridgeStoring } from "./bridge-storing.ts";
import { type BrokerKind, upstreamKind } from "./brokers.ts";
import type { Lane } from "./lane.ts";
import { loadOptions } from "./measure-load.ts";
import { processRssKb } from "./process-rss.ts";
import type { Sample } from "./sample.ts";
import { type RunningBroker, startBroker, stopBroker } from "./start-broker.ts";
import { withBroker } from "./with-broker.ts";

/** Publishers at the edge, the subscriber at an upstream that is there all the time. */
export async function measureBridgeLive(
  bench: Bench,
  kind: BrokerKind,
  lane: Extract<Lane, { kind: "bridge-live" }>,
): Promise<Sample> {
  const upstream = await startBroker(upstreamKind(lane.inFlightMax), bench.children, bench.folder);
  const measure = async (edge: RunningBroker) => {
    const behind = { "subscriber-port": upstream.port, "subscriber-qos": 0 };
    const result = await bench.generator.run({ ...loadOptions(bench, edge, lane.load), ...behind });
    return { ...result, rssKb: await processRssKb(edge.pid) };
  };
  try {
    return await withBroker(bench, kind, measure, bridgeStoring(lane, upstream.port));
  } finally {
    await stopBroker(upstream);
  }
}
