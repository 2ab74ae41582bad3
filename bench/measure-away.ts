import { fetchMessages, publishToAbsent } from "./absent-devices.ts";
import type { Bench } from "./bench.ts";
import type { BrokerKind } from "./brokers.ts";
import { fdatasyncTime } from "./fdatasync-time.ts";
import type { Load } from "./lane.ts";
import { processRssKb } from "./process-rss.ts";
import { processWrittenBytes } from "./process-writes.ts";
import { ratio } from "./ratio.ts";
import type { Sample } from "./sample.ts";
import { storeFigures } from "./store-figures.ts";
import { withBroker } from "./with-broker.ts";

/**
 * What a broker acknowledges for devices that are away. They return in the end, outside the measured time, and count
 * what they get: an acknowledged message that was dropped is no speed.
 */
export function measureAway(bench: Bench, kind: BrokerKind, load: Load): Promise<Sample> {
  return withBroker(
    bench,
    kind,
    async (broker) => {
      const disk = await fdatasyncTime(broker.home);
      const writtenBefore = await processWrittenBytes(broker.pid);
      const away = await publishToAbsent(bench, broker, load);
      const acknowledged = away.acknowledged ?? 0;
      const rssKb = await processRssKb(broker.pid);
      const back = await fetchMessages(bench, broker, load, acknowledged);
      const figures = await storeFigures(broker.port, !bench.quick);
      const written = (await processWrittenBytes(broker.pid)) - writtenBefore;
      return {
        ...away,
        ...figures,
        ...disk,
        rssKb,
        lost: back.lost ?? Number.NaN,
        duplicates: back.outOfOrder ?? Number.NaN,
        fetchedPerSecond: back.deliveriesPerSecond ?? Number.NaN,
        kernelBytesPerMessage: ratio(written, acknowledged),
      };
    },
    // As much for each of the receivers as for all: what they get depends on the broker's speed.
    { mailboxMessagesMax: load.messagesMax ?? 0 },
  );
}
