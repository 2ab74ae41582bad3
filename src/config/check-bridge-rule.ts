import type { z } from "zod";
import { filterMistake, levelCount } from "../topic/topic-rules.ts";

type Context = Pick<z.core.$RefinementCtx, "addIssue">;
type Rule = Readonly<Record<string, unknown>>;
type PrefixKey = (typeof prefixKeys)[number];

const prefixKeys = ["localPrefix", "remotePrefix"] as const;

/** What is wrong, and where: `["exclude", 2]`. */
interface RuleMistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const topicBytesMax = 65_535;
const topicLevelsMax = 100;

/** What a bridge cannot have from a broker, by its beginning, and what to do instead. */
const unreadable: Readonly<Record<PrefixKey, Readonly<Record<string, string>>>> = {
  localPrefix: {
    "$share/": "a bridge has each message anyway, leave $share/<group>/ out",
    "$queue/": "what is there waits for the consumers of that queue, give the bridge the queue's topics instead",
    "$group/": "what is published there reaches the members of that group only, give the bridge other topics",
    "$request/": "a request is for those who answer it, give the bridge the topic that follows $request/",
    "$answer/": "an answer is for the client that asked only, leave it out",
    "$reply/": "an answer is for the client that asked only, leave it out",
  },
  remotePrefix: {
    "$share/": "leave $share/<group>/ out, and name the group with share",
    "$queue/": "what is there waits for the consumers of that queue, take the queue's topics instead",
    "$group/": "what is published there reaches the members of that group only, take other topics",
  },
};

/** What no broker lets a bridge publish. */
const unwritable: Readonly<Record<string, string>> = {
  "$SYS/": "nobody may publish there, put a prefix before it or let it pass in the other direction only",
  "$share/": "it begins topic filters and no topics, leave it out",
};

/** What is wrong between the keys of one rule. Any of them may be wrong itself, and is left out then. */
export function checkBridgeRule(value: unknown, context: Context): void {
  const rule = typeof value === "object" && value !== null ? (value as Rule) : {};
  for (const { path, message } of [...mappingMistakes(rule), ...directionMistakes(rule)]) {
    context.addIssue({ code: "custom", path: [...path], message });
  }
}

function mappingMistakes(rule: Rule): RuleMistake[] {
  const { filter, exclude, localPrefix, remotePrefix } = rule;
  const prefixes = { localPrefix, remotePrefix };
  const found = Object.entries(prefixes).flatMap(([key, prefix]) => prefixMistakes(key, prefix));
  const isValid = typeof filter === "string" && ownFilterMistake(filter, prefixes) === undefined;
  if (typeof filter === "string" && !isValid) {
    found.push({ path: ["filter"], message: notAFilter(filter, ownFilterMistake(filter, prefixes)) });
  }
  const excluded = Array.isArray(exclude) ? (exclude as unknown[]) : [];
  found.push(...excluded.flatMap((each, index) => excludeMistakes(each, index, excluded)));
  const areValid = found.length === 0 && typeof localPrefix === "string" && typeof remotePrefix === "string";
  return areValid && isValid ? wholeMistakes(rule, filter) : found;
}

function prefixMistakes(key: string, prefix: unknown): RuleMistake[] {
  if (typeof prefix !== "string") return [];
  const wrong = prefix.includes("\0") ? "U+0000" : /[+#]/.exec(prefix)?.[0];
  if (wrong === undefined) return [];
  const advice = wrong === "U+0000" ? "leave it out" : "wildcards belong into filter";
  return [
    { path: [key], message: `${JSON.stringify(prefix)} is no prefix of topics: it contains ${wrong}, ${advice}` },
  ];
}

/** Nothing at all is a filter where the prefixes are whole topics. */
function ownFilterMistake(filter: string, prefixes: Readonly<Record<PrefixKey, unknown>>): string | undefined {
  if (filter !== "") return filterMistake(filter);
  if (Object.values(prefixes).every((prefix) => prefix !== "")) return undefined;
  return "it is empty, which is possible only where localPrefix and remotePrefix are both given";
}

function excludeMistakes(filter: unknown, index: number, all: readonly unknown[]): RuleMistake[] {
  if (typeof filter !== "string") return [];
  const path = ["exclude", index];
  const mistake = filterMistake(filter);
  if (mistake !== undefined) return [{ path, message: notAFilter(filter, mistake) }];
  if (all.indexOf(filter) === index) return [];
  return [{ path, message: `${JSON.stringify(filter)} is given twice: keep one of the two` }];
}

/** What is wrong with prefix and filter together, at either side: the first mistake of each key. */
function wholeMistakes(rule: Rule, filter: string): RuleMistake[] {
  const found = [
    ...prefixKeys.flatMap((key) => togetherMistake(key, String(rule[key]), filter) ?? []),
    ...reservedMistakes(rule, filter),
  ];
  return found.filter(({ path }, index) => found.findIndex((each) => each.path.join() === path.join()) === index);
}

function togetherMistake(key: PrefixKey, prefix: string, filter: string): RuleMistake | undefined {
  const whole = prefix + filter;
  const mistake = sizeMistake(whole) ?? filterMistake(whole);
  if (mistake === undefined) return undefined;
  if (prefix === "") return { path: ["filter"], message: notAFilter(filter, mistake) };
  const advice = /[+#]/.test(filter) && !prefix.endsWith("/") ? ". End the prefix with /" : "";
  const message = `${shown(prefix)} and filter ${shown(filter)} are no topic filter together: ${mistake}${advice}`;
  return { path: [key], message };
}

function sizeMistake(filter: string): string | undefined {
  if (Buffer.byteLength(filter) > topicBytesMax) return `it has more than ${topicBytesMax} bytes`; // [MQTT-4.7.3-3]
  return levelCount(filter) > topicLevelsMax ? `it has more than ${topicLevelsMax} levels` : undefined;
}

function reservedMistakes(rule: Rule, filter: string): RuleMistake[] {
  const isUp = rule.direction === "up" || rule.direction === "both";
  const isDown = rule.direction === "down" || rule.direction === "both";
  const uses = [
    { key: "localPrefix", isUsed: isUp, reserved: unreadable.localPrefix },
    { key: "remotePrefix", isUsed: isDown, reserved: unreadable.remotePrefix },
    { key: "remotePrefix", isUsed: isUp, reserved: unwritable },
    { key: "localPrefix", isUsed: isDown, reserved: unwritable },
  ] as const;
  return uses.flatMap(({ key, isUsed, reserved }) => {
    const prefix = String(rule[key]);
    const start = Object.keys(reserved).find((each) => isUsed && (prefix + filter).startsWith(each));
    if (start === undefined) return [];
    const side = key === "localPrefix" ? "local topics" : "topics of the upstream";
    const message = `makes ${side} that begin with ${start}: ${reserved[start]}`;
    return [{ path: [prefix === "" ? "filter" : key], message }];
  });
}

function directionMistakes({ direction, share, qos, qosMin }: Rule): RuleMistake[] {
  const found: RuleMistake[] = [];
  if (direction === "up" && typeof share === "string" && share !== "") {
    found.push({ path: ["share"], message: "is for what comes down: remove it, or give direction: down or both" });
  }
  if (direction === "down" && qosMin === 1) {
    found.push({ path: ["qosMin"], message: "is for what goes up: remove it, or give direction: up or both" });
  }
  if (typeof qos === "number" && typeof qosMin === "number" && qosMin > qos) {
    found.push({ path: ["qosMin"], message: `is ${qosMin}, more than qos (${qos}): make it at most that` });
  }
  return found;
}

function notAFilter(filter: string, mistake: string | undefined): string {
  return `${shown(filter)} is no topic filter: ${mistake}`;
}

function shown(text: string): string {
  return text.length <= 60 ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, 57))}…`;
}
