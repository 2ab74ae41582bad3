import { z } from "zod";
import { checkBridgeRule } from "./check-bridge-rule.ts";
import { byteSize, choice, flag, list, section, text, wholeNumber } from "./fields.ts";
import { limitBehaviours } from "./limit-behaviours.ts";

const mebibyte = 1024 * 1024;

// What a filter or a prefix may not be is said by checkBridgeRule, which knows both.
const topicFilter = z.string({ error: "must be a topic filter" });

function prefix(doc: string) {
  return z.string({ error: "must be text that topics begin with" }).default("").meta({ description: doc });
}

const mapping = {
  filter: topicFilter.meta({
    description:
      "Topic filter. The local topics are localPrefix and what matches this, the upstream's topics are remotePrefix and the same. Empty where both prefixes are whole topics. Required.",
  }),
  direction: choice({
    doc: "up: to the upstream. down: from it. both: either way.",
    words: ["up", "down", "both"],
    default: "up",
  }),
  exclude: list({
    doc: "Topic filters, without the prefixes as `filter` is: a topic that matches one of them is not this rule's.",
    of: topicFilter,
    max: 100,
    what: "topic filters",
  }),
  localPrefix: prefix("What the local topics begin with: taken off on the way up, put on on the way down."),
  remotePrefix: prefix("What the upstream's topics begin with: put on on the way up, taken off on the way down."),
};

const delivery = {
  qos: wholeNumber({
    doc: "Highest QoS at which messages pass; a message of a lower one keeps it.",
    min: 0,
    max: 2,
    default: 2,
  }),
  qosMin: wholeNumber({
    doc: "Lowest QoS at which messages go up. With 0, what is published at QoS 0 passes while the upstream is there and is not kept while it is not; with 1 it is kept.",
    min: 0,
    max: 1,
    default: 0,
  }),
  retain: choice({
    doc: "keep: a retained message is retained at the other side too. clear: it is an ordinary message there.",
    words: ["keep", "clear"],
    default: "keep",
  }),
  share: text({
    doc: "Name of a shared subscription at the upstream, for what comes down: gateways of the same name divide the messages among them. Empty: none.",
    pattern: /^[^/+#\p{Cc}]{0,256}$/u,
    mustBe: "the name of a shared subscription, at most 256 characters without / + #",
    default: "",
  }),
};

const outage = {
  outage: choice({
    doc: "What goes first when the upstream is back. live-first: what is fresh shares the line with what waits. oldest-first: strictly in the order in which it came.",
    words: ["live-first", "oldest-first"],
    default: "live-first",
  }),
  liveSharePercent: wholeNumber({
    doc: "Share of the line that what is fresh has with live-first while older messages wait.",
    unit: "percent",
    min: 1,
    max: 99,
    default: 50,
  }),
  keepTopicOrder: flag({
    doc: "Whether with live-first a message never overtakes older ones of its own topic.",
    default: true,
  }),
  lastValue: flag({
    doc: "Whether of what waits only the newest message of each topic is kept, which is enough for state.",
    default: false,
  }),
  sampleSeconds: wholeNumber({
    doc: "Of each topic, the first message in an interval of this length goes up and the rest is dropped; 0: all go up.",
    unit: "seconds",
    min: 0,
    max: 86_400,
    default: 0,
  }),
  timeToLiveSeconds: wholeNumber({
    doc: "How long a message waits before it expires; 0 is no limit.",
    unit: "seconds",
    min: 0,
    max: 4_294_967_295,
    default: 0,
  }),
};

const limits = {
  messagesMax: wholeNumber({
    doc: "Messages of this rule that wait.",
    unit: "messages",
    min: 1,
    max: 10_000_000,
    default: 100_000,
  }),
  bytesMax: byteSize({
    doc: "Bytes of this rule that wait.",
    min: 1,
    max: 1024 * 1024 * mebibyte,
    default: 64 * mebibyte,
  }),
  whenFull: choice({
    doc: "What is done with a message for which the rule has no room; the words mean what they mean for mailboxes.whenFull.",
    words: limitBehaviours,
    default: "reject-newest",
  }),
  priority: wholeNumber({
    doc: "Which rule's messages go first: 9 before all others, 0 last.",
    min: 0,
    max: 9,
    default: 4,
  }),
};

/** What of a bridge goes where, and how it waits. Checks run even if other keys are wrong: all mistakes at once. */
export const bridgeRule = section("One rule.", { ...mapping, ...delivery, ...outage, ...limits }).superRefine(
  checkBridgeRule,
  { when: () => true },
);
