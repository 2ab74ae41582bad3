import { topicMatches } from "../topic-matches.ts";
import type { Grant } from "./lane.ts";
import type { StreamPlan } from "./stream.ts";

/** The devices that a multicast reaches, at most at this QoS. */
export type GroupPlan = { name: string; members: readonly string[]; qos: 0 | 1 | 2 };
type Subscription = { receiver: string; filter: string; qos: 0 | 1 | 2; identifier: number | undefined };
/** A device that takes the messages of a queue. */
export type Consumer = { queue: string; qos: 0 | 1 | 2; identifier: number | undefined };

/** Who asked for what, and who is in which group: from it follows who must get a message. */
export class Audience {
  readonly #subscriptions: Subscription[] = [];
  readonly #groups = new Map<string, GroupPlan>();
  readonly #consumers = new Map<string, Consumer>();

  /** `filter` is what the device said; `$request/+/` before it changes where a message comes, not which. */
  subscribed(receiver: string, filter: string, qos: 0 | 1 | 2, identifier: number | undefined): void {
    const queue = /^\$queue\/(.+)$/.exec(filter)?.[1];
    if (queue === undefined) {
      this.#subscriptions.push({ receiver, filter: filter.replace(/^\$request\/\+\//, ""), qos, identifier });
    } else this.#consumers.set(receiver, { queue, qos, identifier });
  }

  group(plan: GroupPlan): void {
    this.#groups.set(plan.name, plan);
  }

  consumer(name: string): Consumer | undefined {
    return this.#consumers.get(name);
  }

  /** Who must get a copy of its own of each message of this stream. */
  grants({ via, topic }: Pick<StreamPlan, "via" | "topic">): Map<string, Grant> {
    const grants = new Map<string, Grant>();
    if (via !== undefined) {
      const { members, qos } = this.#groups.get(via.replace(/^\$group\//, "")) ?? { members: [], qos: 0 };
      for (const member of members) grants.set(member, { qos, subscriptionIdentifiers: [] });
      return grants;
    }
    for (const { receiver, filter, qos, identifier } of this.#subscriptions) {
      if (!topicMatches(filter, topic)) continue;
      const other = grants.get(receiver);
      const identifiers = [
        ...(other?.subscriptionIdentifiers ?? []),
        ...(identifier === undefined ? [] : [identifier]),
      ];
      grants.set(receiver, {
        qos: other !== undefined && other.qos > qos ? other.qos : qos, // [MQTT-3.3.5-1]
        subscriptionIdentifiers: identifiers.sort((a, b) => a - b),
      });
    }
    return grants;
  }
}
