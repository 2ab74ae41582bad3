import { isForged } from "./address.ts";
import { filterMatches, topicMistake } from "./topic-rules.ts";

const topicBytesMax = 65_535;

/** Which topics pass between two brokers, and what they are called at either side. */
export interface TopicRule {
  readonly filter: string;
  readonly exclude: readonly string[];
  readonly localPrefix: string;
  readonly remotePrefix: string;
}

/** Where a topic comes from. */
export type Side = "local" | "remote";

/** A rule as seen from one side: whole filters, and what becomes of the prefix. */
export interface TopicPassage {
  readonly filter: string;
  readonly exclude: readonly string[];
  readonly prefix: string;
  readonly otherPrefix: string;
  readonly to: Side;
}

/**
 * Why a topic does not pass: it is not matched; it is, but is shorter than the prefix (`a/#` matches `a`); one of
 * `exclude` matches it too; it may not be published at the other side, for a reason that follows "it would be "x", and ".
 */
export type Refusal =
  | { readonly kind: "unmatched" }
  | { readonly kind: "prefix"; readonly prefix: string }
  | { readonly kind: "excluded"; readonly filter: string }
  | { readonly kind: "unfit"; readonly topic: string; readonly reason: string };

export type Passed = { readonly topic: string } | { readonly refusal: Refusal };

const unmatched: Passed = { refusal: { kind: "unmatched" } };

export function passageOf(rule: TopicRule, from: Side): TopicPassage {
  const [prefix, otherPrefix] =
    from === "local" ? [rule.localPrefix, rule.remotePrefix] : [rule.remotePrefix, rule.localPrefix];
  return {
    filter: prefix + rule.filter,
    exclude: rule.exclude.map((filter) => prefix + filter),
    prefix,
    otherPrefix,
    to: from === "local" ? "remote" : "local",
  };
}

/** What a valid topic is called at the other side, or why it does not pass. */
export function passTopic(passage: TopicPassage, topic: string): Passed {
  const { filter, exclude, prefix, otherPrefix, to } = passage;
  if (!filterMatches(filter, topic)) return unmatched; // hides topics that begin with $ [MQTT-4.7.2-1]
  if (!topic.startsWith(prefix)) return { refusal: { kind: "prefix", prefix } };
  const excluding = exclude.find((each) => filterMatches(each, topic));
  if (excluding !== undefined) return { refusal: { kind: "excluded", filter: excluding } };
  const other = prefix === otherPrefix ? topic : otherPrefix + topic.slice(prefix.length);
  const reason = unfitness(other, to);
  return reason === undefined ? { topic: other } : { refusal: { kind: "unfit", topic: other, reason } };
}

function unfitness(topic: string, side: Side): string | undefined {
  const mistake = topicMistake(topic);
  if (mistake !== undefined) return mistake;
  if (topic.length * 3 > topicBytesMax && Buffer.byteLength(topic) > topicBytesMax) {
    return `it has more than ${topicBytesMax} bytes`; // [MQTT-4.7.3-3]
  }
  if (topic.charCodeAt(0) !== 36) return undefined;
  if (topic === "$SYS" || topic.startsWith("$SYS/")) return "what is below $SYS/ is that broker's own to say";
  if (topic.startsWith("$share/")) return "$share/ begins filters, not topics";
  if (side === "local" && isForged(topic)) return "what is below $SYS/ is the gateway's own to say";
  return undefined;
}
