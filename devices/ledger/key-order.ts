import type { Absences } from "./absences.ts";
import type { Stream } from "./stream.ts";

type Holder = { worker: string; atMs: number };

/** What a queue promises that deals its jobs out by key: a key stays with its worker while that lives, in order. */
export class KeyOrder {
  outOfOrder = 0;
  /** Jobs of a key that went to another worker although the one before was there all the time. */
  strayed = 0;
  firstFault: string | undefined;
  readonly #absences: Absences;
  readonly #keyTopicLevel: number;
  readonly #holders = new Map<string, Holder>();
  readonly #highest = new Map<Stream, number>();
  /** The highest number that a worker got of a stream since it came. */
  readonly #inStint = new Map<string, Map<Stream, { sequence: number; atMs: number }>>();

  /** `keyTopicLevel` counts from 1. */
  constructor(absences: Absences, keyTopicLevel: number) {
    this.#absences = absences;
    this.#keyTopicLevel = keyTopicLevel;
  }

  /** `isFirst`: this job has not come before. `isSentAgain`: perhaps it has two places in the line. */
  delivered(
    stream: Stream,
    sequence: number,
    to: Holder,
    { isFirst, isSentAgain }: { isFirst: boolean; isSentAgain: boolean },
  ): void {
    const key = this.#keyOf(stream);
    const holder = this.#holders.get(key);
    if (holder !== undefined && holder.worker !== to.worker && !this.#leftBetween(holder, to.atMs)) {
      this.strayed++;
      this.firstFault ??= `key ${key} went from ${holder.worker}, which was there, to ${to.worker}`;
    }
    this.#holders.set(key, to);
    if (isSentAgain && !isFirst) return;
    const highest = this.#highest.get(stream) ?? 0;
    const { sequence: inStint, atMs } = this.#stintOf(to.worker).get(stream) ?? { sequence: 0, atMs: to.atMs };
    const isNewStint = this.#leftBetween({ worker: to.worker, atMs }, to.atMs);
    // A job that came back must come before the later ones, and all of them in their order.
    const overtaken = isFirst ? sequence < highest : !isNewStint && sequence < inStint;
    if (overtaken) {
      this.outOfOrder++;
      this.firstFault ??= `${to.worker} got number ${sequence} of ${stream.topic} after number ${isFirst ? highest : inStint}`;
    }
    this.#highest.set(stream, Math.max(highest, sequence));
    const before = isNewStint ? 0 : inStint;
    this.#stintOf(to.worker).set(stream, { sequence: Math.max(before, sequence), atMs: to.atMs });
  }

  #leftBetween({ worker, atMs }: Holder, untilMs: number): boolean {
    return this.#absences.overlaps(worker, atMs, untilMs) || this.#absences.gatewayDiedWithin(atMs, untilMs);
  }

  /** As the gateway is told to find it: a user property, and for 3.1.1 a level of the topic. */
  #keyOf({ version, plan, topic }: Stream): string {
    const property = version === 5 ? plan.userProperties?.find(([name]) => name === "key")?.[1] : undefined;
    return property ?? topic.split("/")[this.#keyTopicLevel - 1] ?? "";
  }

  #stintOf(worker: string): Map<Stream, { sequence: number; atMs: number }> {
    let streams = this.#inStint.get(worker);
    if (streams === undefined) {
      streams = new Map();
      this.#inStint.set(worker, streams);
    }
    return streams;
  }
}
