import { filterIntersection } from "../topic/filter-intersection.ts";
import { passageOf, passTopic, type Side, type TopicPassage, type TopicRule } from "../topic/topic-passage.ts";

/** Filters and topics that are compared: more would take longer than a start may. */
const comparisonsMax = 50_000;

interface DirectedRule extends TopicRule {
  readonly direction: "up" | "down" | "both";
}

/** A topic that goes up, comes down as another one and goes up again: rules by index, topics in turn. */
export interface BridgeLoop {
  readonly up: number;
  readonly down: number;
  readonly again: number;
  readonly topics: readonly [local: string, remote: string, local: string, remote: string];
}

interface Way {
  readonly index: number;
  readonly passage: TopicPassage;
}

/** The first loop that is found, with an example of a topic; undefined where there is none. */
export function bridgeLoop(rules: readonly DirectedRule[]): BridgeLoop | undefined {
  const [ups, downs] = [waysOf(rules, "local"), waysOf(rules, "remote")];
  const word = unusedWord(rules);
  let comparisons = 0;
  for (const up of ups) {
    for (const down of downs) {
      if (++comparisons > comparisonsMax) return undefined;
      const returning = returningFilter(up.passage, down.passage);
      if (returning === undefined) continue;
      for (const again of ups) {
        if (++comparisons > comparisonsMax) return undefined;
        const looping = filterIntersection(returning, again.passage.filter);
        if (looping?.startsWith(down.passage.otherPrefix) !== true) continue;
        comparisons += rules.length;
        const found = examplesOf(looping, word)
          .map((topic) => follow(startOf(topic, up.passage, down.passage), ups, downs))
          .find((each) => each !== undefined);
        if (found !== undefined) return found;
      }
    }
  }
  return undefined;
}

function waysOf(rules: readonly DirectedRule[], from: Side): Way[] {
  const excepted = from === "local" ? "down" : "up";
  return rules.flatMap((rule, index) =>
    rule.direction === excepted ? [] : [{ index, passage: passageOf(rule, from) }],
  );
}

/** The local filter under which what goes up by one rule comes down by the other, where that is not its own topic. */
function returningFilter(up: TopicPassage, down: TopicPassage): string | undefined {
  if (up.prefix === down.otherPrefix && up.otherPrefix === down.prefix) return undefined;
  const shared = filterIntersection(up.otherPrefix + up.filter.slice(up.prefix.length), down.filter);
  if (shared?.startsWith(up.otherPrefix) !== true || !shared.startsWith(down.prefix)) return undefined;
  const started = up.prefix + shared.slice(up.otherPrefix.length);
  const returned = down.otherPrefix + shared.slice(down.prefix.length);
  return returned === started || returned === "" ? undefined : returned;
}

/** The local topic that comes down as the given one. */
function startOf(topic: string, up: TopicPassage, down: TopicPassage): string {
  const remote = down.prefix + topic.slice(down.otherPrefix.length);
  return up.prefix + remote.slice(up.otherPrefix.length);
}

/** What really becomes of a topic, by the first rule that takes it each time, and without what is excluded. */
function follow(topic: string, ups: readonly Way[], downs: readonly Way[]): BridgeLoop | undefined {
  const up = firstOf(ups, topic);
  const down = up && firstOf(downs, up.topic);
  if (down === undefined || down.topic === topic) return undefined;
  const again = firstOf(ups, down.topic);
  if (up === undefined || again === undefined) return undefined;
  return {
    up: up.index,
    down: down.index,
    again: again.index,
    topics: [topic, up.topic, down.topic, again.topic],
  };
}

function firstOf(ways: readonly Way[], topic: string): { index: number; topic: string } | undefined {
  for (const { index, passage } of ways) {
    const passed = passTopic(passage, topic);
    if ("topic" in passed) return { index, topic: passed.topic };
  }
  return undefined;
}

/** Topics that the filter matches, of each length that can matter for what is excluded nearby. */
function examplesOf(filter: string, word: string): string[] {
  const topic = filter.replaceAll("+", word);
  if (!topic.endsWith("#")) return [topic];
  const start = topic.slice(0, -1);
  const longer = [start + word, `${start}${word}/${word}`, `${start}${word}/${word}/${word}`];
  return start === "" ? longer : [...longer, start.slice(0, -1)];
}

/** A level that no rule names, so that an example is as general as its filter. */
function unusedWord(rules: readonly DirectedRule[]): string {
  const used = new Set(
    rules.flatMap(({ filter, exclude, localPrefix, remotePrefix }) =>
      [filter, ...exclude, localPrefix, remotePrefix].flatMap((text) => text.split("/")),
    ),
  );
  for (let number = 0; ; number++) {
    const word = number < 26 ? String.fromCharCode(97 + number) : `x${number}`;
    if (!used.has(word)) return word;
  }
}
