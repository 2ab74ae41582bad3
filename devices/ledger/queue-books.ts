import { FleetError } from "../fleet-error.ts";
import type { Stamp } from "../payload.ts";
import { topicMatches } from "../topic-matches.ts";
import type { UserProperty } from "../version5/message-properties.ts";
import type { WireProperties } from "../version5/read-publish.ts";
import type { Absences } from "./absences.ts";
import type { Consumer } from "./audience.ts";
import { type Handed, JobBook, type QueuePlan } from "./job-book.ts";
import { type JobTally, tallyJobs } from "./job-tally.ts";
import type { LaneLimits } from "./lane.ts";
import { propertyFault } from "./property-fault.ts";
import type { Stream } from "./stream.ts";

type JobArrival = { receiver: string; dup: boolean; atMs: number; properties?: WireProperties | undefined };

/** What the gateway adds to a job for a worker with MQTT 5, from its second delivery on. */
const countProperty = "delivery-count";

/** The books of all queues of a run. */
export class QueueBooks {
  readonly #absences: Absences;
  readonly #limits: LaneLimits;
  readonly #books = new Map<string, JobBook>();

  constructor(absences: Absences, limits: LaneLimits) {
    this.#absences = absences;
    this.#limits = limits;
  }

  add(plan: QueuePlan): void {
    this.#books.set(plan.name, new JobBook(plan, this.#absences, this.#limits));
  }

  /** @throws FleetError ERR_INVARIANT */
  named(name: string): JobBook {
    const book = this.#books.get(name);
    if (book === undefined) throw new FleetError("ERR_INVARIANT", `there is no queue ${name} in this run`);
    return book;
  }

  /** Says into how many queues the messages of a stream go. */
  cover(stream: Stream): number {
    const { via, topic } = stream.plan;
    let queues = 0;
    for (const book of this.#books.values()) {
      const { name, topics } = book.plan;
      const isCovered =
        via === undefined ? topics.some((filter) => topicMatches(filter, topic)) : via === `$queue/${name}`;
      if (!isCovered) continue;
      book.streams.add(stream);
      queues++;
    }
    return queues;
  }

  /** Undefined if such messages do not go into the queue that this worker takes from. */
  arrived(
    { queue, identifier }: Consumer,
    stream: Stream,
    stamp: Stamp,
    { receiver, dup, atMs, properties }: JobArrival,
  ): Handed | undefined {
    const book = this.named(queue);
    if (!book.streams.has(stream)) return undefined;
    const { sequence } = stamp;
    const count = properties === undefined ? undefined : countOf(properties.userProperties);
    const delivery = book.delivered(stream, sequence, { worker: receiver, atMs, dup, count });
    const fault = properties === undefined ? undefined : jobFault(stream, stamp, identifier, properties);
    if (fault !== undefined) {
      book.altered++;
      book.fault(`${receiver} got number ${sequence} of ${stream.topic} with ${fault}`);
    }
    return { stream, sequence, delivery };
  }

  /** Says whether it is the first settlement of the job in its queue. */
  settled(handed: Handed, atMs: number): boolean {
    for (const book of this.#books.values()) {
      if (book.holds(handed)) return book.settled(handed, atMs);
    }
    return false;
  }

  tally(): JobTally[] {
    return [...this.#books.values()].map(tallyJobs);
  }
}

function countOf(userProperties: readonly UserProperty[]): number {
  const text = userProperties.find(([name]) => name === countProperty)?.[1];
  return text === undefined ? 1 : Number(text);
}

function jobFault(
  stream: Stream,
  stamp: Stamp,
  identifier: number | undefined,
  properties: WireProperties,
): string | undefined {
  const expected = {
    stamp,
    wording: stream.plan,
    sentBy5: stream.version === 5,
    subscriptionIdentifiers: identifier === undefined ? [] : [identifier],
    expirySeconds: undefined,
  };
  const userProperties = properties.userProperties.filter(([name]) => name !== countProperty);
  return propertyFault(expected, { ...properties, userProperties });
}
