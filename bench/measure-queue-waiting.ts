import { fillMailbox } from "./absent-devices.ts";
import type { Bench } from "./bench.ts";
import type { BrokerKind } from "./brokers.ts";
import { firstDelivery } from "./first-delivery.ts";
import type { Load } from "./lane.ts";
import { percentile } from "./percentile.ts";
import { processRssKb } from "./process-rss.ts";
import { queueStoring } from "./queue-storing.ts";
import type { Sample } from "./sample.ts";
import type { RunningBroker } from "./start-broker.ts";
import { withBroker } from "./with-broker.ts";

/**
 * How long consumers that come one after another wait for the first of many jobs. None of them settles anything, so the
 * queue is as long for the last as for the first. In the end as many consumers as there were publishers fetch everything:
 * a job that was acknowledged and does not come is lost.
 */
export function measureQueueWaiting(bench: Bench, kind: BrokerKind, load: Load, tries: number): Promise<Sample> {
  const messages = load.messagesMax ?? 0;
  const measure = async (broker: RunningBroker) => {
    const filled = await fillMailbox(bench, broker, load);
    const rssKb = await processRssKb(broker.pid);
    const waitsMs: number[] = [];
    while (waitsMs.length < tries) waitsMs.push(await firstDelivery(broker.port, "$queue/bench"));
    const { publishers, subscribers, qos } = load;
    const drain = { mode: "queue-drain", port: broker.port, qos, publishers, subscribers, messages };
    const drained = await bench.generator.run(drain);
    return {
      filledPerSecond: filled.acknowledgedPerSecond ?? Number.NaN,
      rssKb,
      firstP50Ms: percentile(waitsMs, 0.5),
      firstMaxMs: percentile(waitsMs, 1),
      drainedPerSecond: drained.deliveriesPerSecond ?? Number.NaN,
      lost: drained.lost ?? Number.NaN,
    };
  };
  return withBroker(bench, kind, measure, queueStoring(load));
}
