import { z } from "zod";
import { destinationNamePattern } from "../topic/destination-name.ts";
import { filterMistake } from "../topic/topic-rules.ts";
import { byteSize, choice, list, optionalWholeNumber, requiredList, section, text, wholeNumber } from "./fields.ts";
import { limitBehaviours } from "./limit-behaviours.ts";
import { mapByName } from "./map-by-name.ts";

const mebibyte = 1024 * 1024;
const dayOfSeconds = 86_400;

/** Topics below these never reach a queue by their own name. */
const reserved: Readonly<Record<string, string>> = {
  "$queue/": "what is published there reaches that queue without a topic filter",
  "$group/": "what is published there reaches the members of that group only",
  "$share/": "a queue has each message for one of its consumers anyway, leave $share/<group>/ out",
};

const queueFilter = z.string({ error: "must be a topic filter" }).superRefine((filter, context) => {
  const mistake = queueFilterMistake(filter);
  if (mistake !== undefined) {
    context.addIssue({
      code: "custom",
      message: `${JSON.stringify(filter)} is no topic filter of a queue: ${mistake}`,
    });
  }
});

function queueFilterMistake(filter: string): string | undefined {
  const prefix = Object.keys(reserved).find((each) => filter.startsWith(each));
  return prefix === undefined ? filterMistake(filter) : `it begins with ${prefix}, and ${reserved[prefix]}`;
}

const priorityRule = section("A priority for messages of some topics.", {
  topics: requiredList({
    doc: 'Topic filters whose messages have this priority, such as "jobs/urgent/#".',
    of: queueFilter,
    max: 1000,
    what: "topic filters",
  }),
  priority: wholeNumber({ doc: "Their priority: 9 is delivered first, 0 last.", min: 0, max: 9, default: 4 }),
});

const limits = {
  messagesMax: wholeNumber({
    doc: "Messages that wait in the queue.",
    unit: "messages",
    min: 1,
    max: 10_000_000,
    default: 100_000,
  }),
  bytesMax: byteSize({
    doc: "Bytes that wait in the queue.",
    min: 1,
    max: 1024 * 1024 * mebibyte,
    default: 64 * mebibyte,
  }),
  whenFull: choice({
    doc: "What is done with a message for which the queue has no room; the words mean what they mean for mailboxes.whenFull.",
    words: limitBehaviours,
    default: "reject-newest",
  }),
  timeToLiveSeconds: wholeNumber({
    doc: "How long a message waits before it expires and becomes a dead letter; 0 is no limit.",
    unit: "seconds",
    min: 0,
    max: 4_294_967_295,
    default: 0,
  }),
};

const delivery = {
  delaySeconds: wholeNumber({
    doc: "How long a message waits before its first delivery. Its user property `delay`, in seconds, overrides it.",
    unit: "seconds",
    min: 0,
    max: 365 * dayOfSeconds,
    default: 0,
  }),
  deliveriesMax: wholeNumber({
    doc: "How often a message is delivered without being settled before it becomes a dead letter; 0 is no limit.",
    unit: "deliveries",
    min: 0,
    max: 65_535,
    default: 10,
  }),
  settleTimeoutSeconds: wholeNumber({
    doc: "How long a consumer has to settle a message before another one gets it; 0 is no limit.",
    unit: "seconds",
    min: 0,
    max: 7 * dayOfSeconds,
    default: 30,
  }),
};

const consumers = {
  consumerWindow: wholeNumber({
    doc: "Messages that one consumer has and has not settled.",
    unit: "messages",
    min: 1,
    max: 65_535,
    default: 20,
  }),
  consumersMax: wholeNumber({
    doc: "Consumers that get messages; further ones are backups, which step in when one leaves.",
    unit: "consumers",
    min: 1,
    max: 100_000,
    default: 1000,
  }),
  dispatch: choice({
    doc: "Which consumer gets a message. least-busy: the one with the fewest unsettled messages. round-robin: each in turn. by-key: messages of the same key go to the same consumer while it lives, in order.",
    words: ["least-busy", "round-robin", "by-key"],
    default: "least-busy",
  }),
  keyProperty: text({
    doc: "Name of the user property that holds the key of a message, for dispatch by-key.",
    pattern: /^[^\p{Cc}]{1,256}$/u,
    mustBe: "text of 1 to 256 characters",
    default: "key",
  }),
  keyTopicLevel: optionalWholeNumber({
    doc: "Level of the topic, counted from 1, that is the key of a message without such a user property.",
    min: 1,
    max: 100,
  }),
};

/** What one queue can be told, whether in the configuration or while the gateway runs. */
export const queueSettings = section("One queue.", {
  topics: list({
    doc: "Topic filters whose messages the queue takes, beside ordinary subscribers. Without them it takes only what is published to `$queue/<name>` and below. A topic that several queues have reaches each of them.",
    of: queueFilter,
    max: 1000,
    what: "topic filters",
  }),
  ...limits,
  ...delivery,
  ...consumers,
  priorities: list({
    doc: "Priorities by topic, at most 100. The first one that matches counts; a user property `priority` of the message, 0 to 9, overrides them; without either it is 4.",
    of: priorityRule,
    max: 100,
    what: "priorities",
  }),
});

/** The settings of a queue, complete: sizes in bytes, durations in the unit of their name. */
export type QueueSettings = z.output<typeof queueSettings>;

export const queuesSection = mapByName({
  doc: "Durable queues, by name. Each message goes to exactly one of the clients that subscribe to `$queue/<name>`, and waits until there is one. A name has 1 to 64 letters (a to z, A to Z), digits and the characters . _ ~ - and one made by an environment variable is in lower case.",
  of: queueSettings,
  max: 1000,
  what: "queue names",
  namePattern: destinationNamePattern,
  advice: "write {} for a queue with the defaults",
});
