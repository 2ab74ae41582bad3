import type { Bench } from "./bench.ts";
import type { BrokerKind } from "./brokers.ts";
import type { Lane } from "./lane.ts";
import { measureLoad } from "./measure-load.ts";
import { queueStoring } from "./queue-storing.ts";
import { ratio } from "./ratio.ts";
import type { Sample } from "./sample.ts";

/**
 * The same load by a shared subscription, as every broker has it, and then, of a broker that has queues, by a queue.
 * Nothing of a shared subscription on clean sessions is kept; a queue keeps what no consumer has settled.
 */
export async function measureQueue(
  bench: Bench,
  kind: BrokerKind,
  { load, shared, durability }: Extract<Lane, { kind: "queue" }>,
): Promise<Sample> {
  const share = await measureLoad(bench, kind, shared);
  const beside = {
    deliveriesPerSecondShare: share.deliveriesPerSecond ?? Number.NaN,
    p99ShareUs: share.p99Us ?? Number.NaN,
    brokerCpuUsPerDeliveryShare: share.brokerCpuUsPerDelivery ?? Number.NaN,
    loadCpuPercentShare: share.loadCpuPercent ?? Number.NaN,
    lostShare: share.lost ?? Number.NaN,
  };
  if (kind.queues !== true) return beside;
  const queue = await measureLoad(bench, kind, load, { ...queueStoring(load), durability });
  return { ...queue, ...beside, shareRatio: ratio(queue.deliveriesPerSecond, share.deliveriesPerSecond) };
}
