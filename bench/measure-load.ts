import type { Bench } from "./bench.ts";
import type { BrokerKind } from "./brokers.ts";
import type { Load } from "./lane.ts";
import type { LoadOptions } from "./load-generator.ts";
import { processRssKb } from "./process-rss.ts";
import type { Sample } from "./sample.ts";
import type { RunningBroker } from "./start-broker.ts";
import type { Storing } from "./storing.ts";
import { withBroker } from "./with-broker.ts";

/** One load on one fresh broker. */
export function measureLoad(bench: Bench, kind: BrokerKind, load: Load, storing?: Storing): Promise<Sample> {
  const measure = async (broker: RunningBroker) => {
    const idleRssKb = await processRssKb(broker.pid);
    const result = await bench.generator.run(loadOptions(bench, broker, load));
    return { ...result, idleRssKb, rssKb: await processRssKb(broker.pid) };
  };
  return withBroker(bench, kind, measure, storing);
}

/** A load in the words of bench/load.c. */
export function loadOptions(
  bench: Pick<Bench, "burst" | "warmupMs" | "measureMs">,
  broker: Pick<RunningBroker, "port" | "pid">,
  load: Load,
): LoadOptions {
  return {
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
    messages: load.messagesMax ?? 0,
    persistent: load.persistent ? 1 : 0,
    keys: load.keys ?? 0,
    protocol: load.protocol ?? "3.1.1",
    properties: load.userProperties ?? 0,
    "topic-aliases": load.topicAliases ? 1 : 0,
    "warmup-ms": bench.warmupMs,
    "measure-ms": bench.measureMs,
  };
}
