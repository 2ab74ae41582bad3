import type { QoS } from "../protocol/packet-type.ts";
import { FilterTree } from "../topic/filter-tree.ts";
import { passageOf, passTopic, type Side, type TopicPassage } from "../topic/topic-passage.ts";
import { topicMistake } from "../topic/topic-rules.ts";
import type { BridgeRule } from "./bridge-settings.ts";

/** Topics that a direction remembers; beyond it, it forgets them all and begins again. */
const rememberedMax = 10_000;

export interface Mapped {
  readonly rule: BridgeRule;
  readonly index: number;
  /** What the topic is called at the other side. */
  readonly topic: string;
}

export interface RemoteSubscription {
  readonly filter: string;
  readonly qos: QoS;
  readonly isShared: boolean;
}

/** Which rule of a bridge takes a topic, and what the topic is called at the other side. Topics are valid names. */
export class TopicMapping {
  /** What is subscribed locally, each once: localPrefix + filter of the rules that go up. */
  readonly localFilters: readonly string[];
  /** What is subscribed upstream, each once, at the highest QoS of its rules. */
  readonly remoteSubscriptions: readonly RemoteSubscription[];
  readonly #up: Direction;
  readonly #down: Direction;

  constructor(rules: readonly BridgeRule[]) {
    this.#up = new Direction(rules, "local");
    this.#down = new Direction(rules, "remote");
    this.localFilters = [...new Set(this.#up.entries.map(({ passage }) => passage.filter))];
    this.remoteSubscriptions = subscriptionsOf(this.#down.entries);
  }

  /** The first rule of direction up or both that takes the local topic. */
  up(localTopic: string): Mapped | undefined {
    return this.#up.map(localTopic);
  }

  /** The first rule of direction down or both that takes the upstream's topic. */
  down(remoteTopic: string): Mapped | undefined {
    return this.#down.map(remoteTopic);
  }
}

interface Entry {
  readonly rule: BridgeRule;
  readonly index: number;
  readonly passage: TopicPassage;
}

class Direction {
  /** The rules of this direction, in their order. */
  readonly entries: readonly Entry[];
  readonly #byFilter = new FilterTree<Entry[]>();
  /** `null` for topics that no rule takes. */
  readonly #remembered = new Map<string, Mapped | null>();

  constructor(rules: readonly BridgeRule[], from: Side) {
    const excepted = from === "local" ? "down" : "up";
    this.entries = rules.flatMap((rule, index) =>
      rule.direction === excepted ? [] : [{ rule, index, passage: passageOf(rule, from) }],
    );
    for (const entry of this.entries) {
      const same = this.#byFilter.get(entry.passage.filter);
      if (same === undefined) this.#byFilter.set(entry.passage.filter, [entry]);
      else same.push(entry);
    }
  }

  map(topic: string): Mapped | undefined {
    const known = this.#remembered.get(topic);
    if (known !== undefined) return known ?? undefined;
    const found = this.#find(topic);
    if (this.#remembered.size >= rememberedMax) this.#remembered.clear();
    this.#remembered.set(topic, found ?? null);
    return found;
  }

  #find(topic: string): Mapped | undefined {
    if (topicMistake(topic) !== undefined) return undefined;
    const candidates = this.#byFilter.matching(topic).flat();
    candidates.sort((left, right) => left.index - right.index);
    for (const { rule, index, passage } of candidates) {
      const passed = passTopic(passage, topic);
      if ("topic" in passed) return { rule, index, topic: passed.topic };
    }
    return undefined;
  }
}

function subscriptionsOf(entries: readonly Entry[]): RemoteSubscription[] {
  const byFilter = new Map<string, RemoteSubscription>();
  for (const { rule, passage } of entries) {
    const isShared = rule.share !== "";
    const filter = isShared ? `$share/${rule.share}/${passage.filter}` : passage.filter;
    const qos = Math.max(rule.qos, byFilter.get(filter)?.qos ?? 0) as QoS;
    byFilter.set(filter, { filter, qos, isShared });
  }
  return [...byFilter.values()];
}
