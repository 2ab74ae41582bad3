import { passageOf, passTopic, type Refusal, type Side, type TopicPassage } from "../topic/topic-passage.ts";
import { filterMatches, isHiddenFrom, topicMistake } from "../topic/topic-rules.ts";
import type { BridgeRule, BridgeSettings } from "./bridge-settings.ts";

/** What a bridge would do with a topic in both directions, and why. Plain data. */
export interface TopicExplanation {
  readonly topic: string;
  /** Why it is no topic, to follow "is no topic: "; null where it is one. */
  readonly mistake: string | null;
  readonly enabled: boolean;
  /** What would happen to a message that is published to it here. */
  readonly up: DirectionExplanation;
  /** What would happen to a message that is published to it at the upstream. */
  readonly down: DirectionExplanation;
}

export interface DirectionExplanation {
  /** The rule that takes it; null where none does. */
  readonly taken: TakenTopic | null;
  /** Rules that match it or almost do, and do not take it, in their order. */
  readonly passedOver: readonly PassedOverRule[];
}

export interface TakenTopic {
  /** Place of the rule in `topics`, from 0. */
  readonly rule: number;
  /** Its whole filter, with the prefix of the side from which the topic comes. */
  readonly filter: string;
  /** What the topic is called at the other side. */
  readonly topic: string;
  readonly settings: BridgeRule;
}

export interface PassedOverRule {
  readonly rule: number;
  readonly filter: string;
  readonly reason: string;
}

type Way = "up" | "down";

const nothing: DirectionExplanation = { taken: null, passedOver: [] };

/** The topic is tried as a local one on its way up and as one of the upstream on its way down. Needs no connection. */
export function explainTopic(bridge: BridgeSettings, topic: string): TopicExplanation {
  const mistake = topicMistake(topic) ?? null;
  const explain = (from: Side) => (mistake === null ? explainDirection(bridge.topics, topic, from) : nothing);
  return { topic, mistake, enabled: bridge.enabled, up: explain("local"), down: explain("remote") };
}

function explainDirection(rules: readonly BridgeRule[], topic: string, from: Side): DirectionExplanation {
  let taken: TakenTopic | null = null;
  const passedOver: PassedOverRule[] = [];
  for (const [index, rule] of rules.entries()) {
    const passage = passageOf(rule, from);
    const passed = passTopic(passage, topic);
    const isOwn = rule.direction === "both" || (rule.direction === "up") === (from === "local");
    if ("topic" in passed && isOwn && taken === null) {
      taken = { rule: index, filter: passage.filter, topic: passed.topic, settings: rule };
      continue;
    }
    let reason: string | undefined;
    if ("topic" in passed) reason = reasonOfMatch(isOwn, from, taken);
    else if (isOwn) reason = reasonOf(passed.refusal, passage, rule, topic);
    if (reason !== undefined) passedOver.push({ rule: index, filter: passage.filter, reason });
  }
  return { taken, passedOver };
}

function reasonOfMatch(isOwn: boolean, from: Side, taken: TakenTopic | null): string {
  if (!isOwn) return from === "local" ? "it only comes down" : "it only goes up";
  return `topics.${taken?.rule} comes first`;
}

function reasonOf(refusal: Refusal, passage: TopicPassage, rule: BridgeRule, topic: string): string | undefined {
  const key = passage.to === "remote" ? "localPrefix" : "remotePrefix";
  switch (refusal.kind) {
    case "excluded":
      return `its exclude ${quoted(refusal.filter)} matches`;
    case "unfit":
      return `it would be ${quoted(refusal.topic)} at the other side: ${refusal.reason}`;
    case "prefix":
      return `it has no more than the beginning of ${key} ${quoted(refusal.prefix)}`;
    case "unmatched":
      if (isHiddenFrom(passage.filter, topic) && filterMatches(passage.filter, `-${topic}`)) {
        return "a filter that begins with a wildcard matches no topic that begins with $";
      }
      if (passage.prefix === "" || !filterMatches(rule.filter, topic)) return undefined;
      return `${key} ${quoted(passage.prefix)} is missing, ${quoted(rule.filter)} would match`;
  }
}

/** An explanation for people, one line each. Control characters of topics are escaped: a terminal would do as they please. */
export function linesOf(explanation: TopicExplanation): string[] {
  const { topic, mistake, enabled, up, down } = explanation;
  if (mistake !== null) return [`${quoted(topic)} is no topic: ${mistake}`];
  const lines = ["published here:", ...linesOfWay(up, "up"), "published at the upstream:", ...linesOfWay(down, "down")];
  return enabled ? lines : ["the bridge has enabled: false, nothing passes; if it had not:", ...lines];
}

function linesOfWay({ taken, passedOver }: DirectionExplanation, way: Way): string[] {
  const goes = way === "up" ? "goes up" : "comes down";
  const lines = taken === null ? [`it never ${goes}: ${whyNot(passedOver.length)}`] : linesOfTaken(taken, way, goes);
  for (const { rule, filter, reason } of passedOver) {
    lines.push(`not by topics.${rule} ${quoted(filter)}: ${reason}`);
  }
  return lines.map((line) => `  ${line}`);
}

function whyNot(passedOver: number): string {
  return passedOver === 0 ? "no rule matches it" : "no rule takes it";
}

function linesOfTaken({ rule, filter, topic, settings }: TakenTopic, way: Way, goes: string): string[] {
  const lines = [`it ${goes} as ${quoted(topic)}, by topics.${rule} ${quoted(filter)}`];
  lines.push(qosLine(settings, way));
  lines.push(`retained messages: ${settings.retain === "keep" ? "stay retained" : "become ordinary ones"}`);
  if (way === "up") return [...lines, ...policyLines(settings)];
  if (settings.share !== "") lines.push(`shared with the other subscribers of ${quoted(settings.share)}`);
  return lines;
}

function qosLine({ qos, qosMin }: BridgeRule, way: Way): string {
  if (way === "down") return `QoS: as published, at most ${qos}`;
  if (qos === 0) return "QoS: 0, nothing is kept while the upstream is away";
  if (qosMin === 1) return qos === 1 ? "QoS: 1" : `QoS: as published, at least 1, at most ${qos}`;
  return `QoS: as published, at most ${qos}; what has QoS 0 is not kept while the upstream is away`;
}

function policyLines(rule: BridgeRule): string[] {
  const lines = [
    `waits with at most ${rule.messagesMax} messages or ${rule.bytesMax} bytes of its rule, then ${rule.whenFull}`,
    rule.timeToLiveSeconds === 0 ? "waits as long as it takes" : `waits at most ${rule.timeToLiveSeconds} s`,
    orderLine(rule),
    `priority: ${rule.priority} (9 goes first, 0 last)`,
  ];
  if (rule.lastValue) lines.push("last value: of what waits, only the newest message of a topic is kept");
  if (rule.sampleSeconds > 0)
    lines.push(`sampled: one message of a topic in ${rule.sampleSeconds} s, the rest is dropped`);
  return lines;
}

function orderLine({ outage, liveSharePercent, keepTopicOrder }: BridgeRule): string {
  if (outage === "oldest-first") return "after an outage: oldest-first, strictly in order";
  const order = keepTopicOrder ? "never overtakes its own topic" : "may overtake its own topic";
  return `after an outage: live-first, what is fresh has ${liveSharePercent} % of the line and ${order}`;
}

function quoted(text: string): string {
  const whole = text.length <= 200 ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, 200))}…`;
  return whole.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
