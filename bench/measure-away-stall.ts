import { setTimeout as delay } from "node:timers/promises";
import { fetchMessages, fillMailbox } from "./absent-devices.ts";
import type { Bench } from "./bench.ts";
import type { BrokerKind } from "./brokers.ts";
import { diskUsageBytes, watchDiskPeak } from "./disk-usage.ts";
import type { Load } from "./lane.ts";
import type { Probe } from "./load-generator.ts";
import { processWrittenBytes } from "./process-writes.ts";
import { ratio } from "./ratio.ts";
import type { Sample } from "./sample.ts";
import type { RunningBroker } from "./start-broker.ts";
import { storeFigures } from "./store-figures.ts";
import { withBroker } from "./with-broker.ts";

/**
 * What the others feel while one mailbox fills, drains and is cleaned up: the latencies of a pair of their own, phase
 * by phase, beside the same in peace, because the machine stalls too. And what the mailbox leaves on the disk.
 */
export function measureAwayStall(bench: Bench, kind: BrokerKind, load: Load, probeRate: number): Promise<Sample> {
  const storing = { mailboxMessagesMax: load.messagesMax ?? 0 };
  const measure = async (broker: RunningBroker) => {
    // Its window is no limit: a probe that waited for the broker would not see how long the broker stalls.
    const probe = await bench.generator.startProbe({ port: broker.port, rate: probeRate, window: 60_000 });
    const disk = watchDiskPeak(broker.storeFolder);
    try {
      return { ...(await comeAndGo(bench, broker, load, probe)), diskPeakBytes: await disk.stop() };
    } finally {
      await Promise.all([probe.stop(), disk.stop()]);
    }
  };
  return withBroker(bench, kind, measure, storing);
}

async function comeAndGo(bench: Bench, broker: RunningBroker, load: Load, probe: Probe): Promise<Sample> {
  const messages = load.messagesMax ?? 0;
  await delay(bench.warmupMs);
  await probe.endPhase();
  await delay(bench.measureMs);
  const peace = latencies("Peace", await probe.endPhase());
  const writtenBefore = await processWrittenBytes(broker.pid);
  const filled = await fillMailbox(bench, broker, load);
  const fill = latencies("Fill", await probe.endPhase());
  const back = await fetchMessages(bench, broker, load, messages);
  const drain = latencies("Drain", await probe.endPhase());
  await delay(bench.cleanUpMs);
  const cleanUp = latencies("CleanUp", await probe.endPhase());
  const written = (await processWrittenBytes(broker.pid)) - writtenBefore;
  return {
    ...peace,
    ...fill,
    ...drain,
    ...cleanUp,
    filledPerSecond: filled.acknowledgedPerSecond ?? Number.NaN,
    drainedPerSecond: back.deliveriesPerSecond ?? Number.NaN,
    lost: back.lost ?? Number.NaN,
    diskLeftBytes: await diskUsageBytes(broker.storeFolder),
    kernelBytesPerMessage: ratio(written, messages),
    ...(await storeFigures(broker.port, !bench.quick)),
  };
}

function latencies(phase: string, { p99Us = Number.NaN, maxUs = Number.NaN }: Sample): Sample {
  return { [`p99${phase}Us`]: p99Us, [`max${phase}Us`]: maxUs };
}
