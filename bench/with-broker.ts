import type { Bench } from "./bench.ts";
import type { BrokerKind } from "./brokers.ts";
import type { Sample } from "./sample.ts";
import { type RunningBroker, startBroker, stopBroker } from "./start-broker.ts";
import type { Storing } from "./storing.ts";

/** Measures a broker that is started for it and gone afterwards, with all that it kept. */
export async function withBroker(
  bench: Bench,
  kind: BrokerKind,
  measure: (broker: RunningBroker) => Promise<Sample>,
  storing?: Storing,
): Promise<Sample> {
  const broker = await startBroker(kind, bench.children, bench.folder, storing);
  try {
    return await measure(broker);
  } catch (error) {
    // The generator only sees a closed connection; that the process behind it is dead is the better reason.
    if (broker.child.exited() && error instanceof Error)
      error.message += `; the broker exited: ${broker.child.lastWords()}`;
    throw error;
  } finally {
    await stopBroker(broker);
  }
}
