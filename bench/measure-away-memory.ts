import { fetchMessages, fillMailbox } from "./absent-devices.ts";
import type { Bench } from "./bench.ts";
import type { BrokerKind } from "./brokers.ts";
import { diskUsageBytes } from "./disk-usage.ts";
import type { Load } from "./lane.ts";
import { settledRssKb } from "./process-rss.ts";
import type { Sample } from "./sample.ts";
import { type RunningBroker, restartBroker, startBroker, stopBroker } from "./start-broker.ts";

/**
 * What one full mailbox costs: memory above the idle broker, before and after it is killed and started anew, and the
 * time that it takes to serve again. In the end its device fetches everything: what the kill cost, if it did.
 */
export async function measureAwayMemory(bench: Bench, kind: BrokerKind, load: Load): Promise<Sample> {
  const messages = load.messagesMax ?? 0;
  let broker: RunningBroker = await startBroker(kind, bench.children, bench.folder, { mailboxMessagesMax: messages });
  try {
    const idleRssKb = await settledRssKb(broker.pid);
    const filled = await fillMailbox(bench, broker, load);
    const fullRssKb = await settledRssKb(broker.pid);
    await broker.child.kill();
    const diskBytes = await diskUsageBytes(broker.storeFolder);
    const restarted = await restartBroker(broker, bench.children);
    broker = restarted.broker;
    const restartedRssKb = await settledRssKb(broker.pid);
    const back = await fetchMessages(bench, broker, load, messages);
    return {
      idleRssKb,
      filledPerSecond: filled.acknowledgedPerSecond ?? Number.NaN,
      fullAboveIdleKb: fullRssKb - idleRssKb,
      diskBytes,
      readyMs: restarted.readyMs,
      restartedAboveIdleKb: restartedRssKb - idleRssKb,
      lost: back.lost ?? Number.NaN,
      duplicates: back.outOfOrder ?? Number.NaN,
    };
  } finally {
    await stopBroker(broker);
  }
}
