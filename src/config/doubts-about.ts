import { formatByteSize } from "./byte-size.ts";
import { doubtsAboutBridges } from "./doubts-about-bridges.ts";
import type { GatewayConfig } from "./schema.ts";

/** What a valid configuration says but probably does not mean, one line each. */
export function doubtsAbout(config: GatewayConfig): string[] {
  const queues = Object.entries(config.queues);
  return [
    ...sizesTooSmall(config),
    ...filtersGivenTwice("mailboxes.classes", config.mailboxes.classes),
    ...queues.flatMap(([name, { topics }]) => filtersOfEverything(name, topics)),
    ...queues.flatMap(([name, { priorities }]) => filtersGivenTwice(`queues.${name}.priorities`, priorities)),
    ...Object.entries(config.groups).flatMap(([name, { members }]) => patternsOfEverything(name, members)),
    ...doubtsAboutBridges(config),
  ];
}

function sizesTooSmall({ mailboxes, queues, bridges, deadLetters, limits, store }: GatewayConfig): string[] {
  const neverFit = "larger messages are accepted and never fit";
  const sizes: (readonly [string, number | undefined, string])[] = [
    ["mailboxes.bytesMax", mailboxes.bytesMax, `${neverFit} a mailbox`],
    ...mailboxes.classes.map(
      (each, index) => [`mailboxes.classes.${index}.bytesMax`, each.bytesMax, `${neverFit} a mailbox`] as const,
    ),
    ["store.bytesMax", store.bytesMax, `${neverFit} a mailbox`],
    ...Object.entries(queues).map(
      ([name, { bytesMax }]) => [`queues.${name}.bytesMax`, bytesMax, `${neverFit} the queue`] as const,
    ),
    ...Object.entries(bridges).flatMap(([name, { topics }]) =>
      topics.flatMap(({ direction, bytesMax }, index) => {
        const key = `bridges.${name}.topics.${index}.bytesMax`;
        return direction === "down" ? [] : [[key, bytesMax, `${neverFit} the bridge`] as const];
      }),
    ),
  ];
  if (deadLetters.messagesMax > 0) {
    sizes.push(["deadLetters.bytesMax", deadLetters.bytesMax, "larger messages are never kept as dead letters"]);
  }
  return sizes.flatMap(([key, bytesMax = Number.POSITIVE_INFINITY, consequence]) => {
    if (bytesMax >= limits.packetBytesMax) return [];
    const packet = `limits.packetBytesMax (${formatByteSize(limits.packetBytesMax)})`;
    return [`${key} (${formatByteSize(bytesMax)}) is smaller than ${packet}: ${consequence}`];
  });
}

/** Only the first of a list, of classes or priorities, that has a filter ever gets its messages. */
function filtersGivenTwice(key: string, all: readonly { readonly topics: readonly string[] }[]): string[] {
  const firstOf = new Map<string, number>();
  const doubts: string[] = [];
  for (const [index, { topics }] of all.entries()) {
    for (const filter of topics) {
      const first = firstOf.get(filter) ?? index;
      firstOf.set(filter, first);
      if (first === index) continue;
      doubts.push(
        `${key}.${index}.topics has ${JSON.stringify(filter)}, which ${key}.${first} takes first: remove it from one`,
      );
    }
  }
  return doubts;
}

function filtersOfEverything(name: string, topics: readonly string[]): string[] {
  return topics
    .filter((filter) => filter === "#" || filter === "+/#")
    .map(
      (filter) =>
        `queues.${name}.topics has ${JSON.stringify(filter)}, which takes every message that is published: name the topics of the queue's work`,
    );
}

function patternsOfEverything(name: string, members: readonly string[]): string[] {
  return members
    .filter((pattern) => /^\*+$/.test(pattern))
    .map(
      (pattern) =>
        `groups.${name}.members has ${JSON.stringify(pattern)}, which matches every client id: a message to the group goes to every device`,
    );
}
