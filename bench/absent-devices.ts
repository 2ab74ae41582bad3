import type { Bench } from "./bench.ts";
import type { Load } from "./lane.ts";
import { loadOptions } from "./measure-load.ts";
import type { Sample } from "./sample.ts";
import type { RunningBroker } from "./start-broker.ts";

/** The number in the client ids of a lane's devices, by which they find their sessions again; a broker has one lane. */
const generatorId = 1;
/** Longer than a mailbox may take to fill; the generator gives up by itself when nothing moves. */
const fillTimeoutMs = 100_000;

/** Devices that subscribe and leave, and what is published to them: until the time is up or `messagesMax` is reached. */
export async function publishToAbsent(bench: Bench, broker: RunningBroker, load: Load): Promise<Sample> {
  return await bench.generator.run({ ...loadOptions(bench, broker, load), id: generatorId });
}

/** Until all `messagesMax` are acknowledged, however long it takes and without a warm-up; for devices or for a queue. */
export function fillMailbox(bench: Bench, broker: RunningBroker, load: Load): Promise<Sample> {
  return publishToAbsent({ ...bench, warmupMs: 0, measureMs: fillTimeoutMs }, broker, load);
}

/** The devices come back for their messages; what does not come was acknowledged to its publisher, and is lost. */
export async function fetchMessages(
  bench: Bench,
  broker: RunningBroker,
  load: Load,
  messages: number,
): Promise<Sample> {
  const { subscribers, qos } = load;
  return await bench.generator.run({ mode: "return", port: broker.port, qos, subscribers, messages, id: generatorId });
}
