import { z } from "zod";
import { filterMistake } from "../topic/topic-rules.ts";
import {
  byteSize,
  choice,
  list,
  optionalByteSize,
  optionalChoice,
  optionalWholeNumber,
  requiredList,
  section,
  wholeNumber,
} from "./fields.ts";
import { limitBehaviours } from "./limit-behaviours.ts";

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;

/** What a PUBACK or PUBREC can mean. */
export const durabilities = ["synced", "written", "memory"] as const;

const timeToLive = { unit: "seconds", min: 0, max: 4_294_967_295 } as const;
const messages = { unit: "messages", min: 1 } as const;
const bytes = { min: 1, max: 1024 * gibibyte } as const;

const topicFilter = z.string({ error: "must be a topic filter" }).superRefine((filter, context) => {
  const mistake = filterMistake(filter);
  if (mistake !== undefined) {
    context.addIssue({ code: "custom", message: `${JSON.stringify(filter)} is no topic filter: ${mistake}` });
  }
});

const topicClass = section("Messages of some topics, with a priority and limits of their own.", {
  topics: requiredList({
    doc: 'Topic filters of this class, such as "alarm/#". A message belongs to the first class that has one which matches.',
    of: topicFilter,
    max: 1000,
    what: "topic filters",
  }),
  priority: wholeNumber({
    doc: "What remove-low-priority goes by: 0 is removed first, 9 last. Topics of no class have 4.",
    min: 0,
    max: 9,
    default: 4,
  }),
  durability: optionalChoice({
    doc: "What a PUBACK means for messages of this class; without it store.durability rules.",
    words: durabilities,
  }),
  messagesMax: optionalWholeNumber({
    doc: "Messages of this class in all mailboxes together, each counted once; without it there is no such limit.",
    ...messages,
    max: 100_000_000,
  }),
  bytesMax: optionalByteSize({
    doc: "Bytes of this class in all mailboxes together, each message counted once; without it there is no such limit.",
    ...bytes,
  }),
  whenFull: optionalChoice({
    doc: "What is done with a message of this class for which there is no room, whichever limit it meets; without it mailboxes.whenFull rules.",
    words: limitBehaviours,
  }),
  timeToLiveSeconds: optionalWholeNumber({
    doc: "How long a message of this class waits before it expires; 0 is no limit; without it mailboxes.timeToLiveSeconds rules.",
    ...timeToLive,
  }),
});

export const mailboxesSection = section("The line of messages that wait for one receiver.", {
  messagesMax: wholeNumber({ doc: "Messages in one mailbox.", ...messages, max: 10_000_000, default: 1000 }),
  bytesMax: byteSize({ doc: "Bytes in one mailbox.", ...bytes, default: 16 * mebibyte }),
  whenFull: choice({
    doc: "What is done with a message for which the mailbox, its class or the store has no room. reject-newest: it is refused, for this receiver only. remove-oldest: those that have waited longest in this mailbox make room. remove-low-priority: the oldest message of the lowest priority in this mailbox makes room; where all have a higher priority than the message that arrives, that one is refused. flow-control: it is not refused; its acknowledgement waits until there is room, and its publisher is not read meanwhile. A message that is larger than the limit itself is always refused.",
    words: limitBehaviours,
    default: "reject-newest",
  }),
  timeToLiveSeconds: wholeNumber({
    doc: "How long a message waits before it expires and is removed; 0 is no limit.",
    ...timeToLive,
    default: 0,
  }),
  classes: list({
    doc: "Classes of topics with a priority and limits of their own, at most 64. The first one that matches counts.",
    of: topicClass,
    max: 64,
    what: "classes",
  }),
});
