import { filterIntersection } from "../topic/filter-intersection.ts";
import { FilterTree } from "../topic/filter-tree.ts";
import { passageOf, type Side } from "../topic/topic-passage.ts";
import { bridgeLoop } from "./bridge-loop.ts";
import { bridgeRule } from "./bridge-rule-schema.ts";
import { formatByteSize } from "./byte-size.ts";
import { isLoopback } from "./loopback.ts";
import type { GatewayConfig } from "./schema.ts";
import { readUpstreamUrl } from "./upstream-url.ts";

type Bridge = GatewayConfig["bridges"][string];
type Rule = Bridge["topics"][number];

/** What valid bridges say but probably do not mean, one line each. */
export function doubtsAboutBridges({ bridges, limits }: GatewayConfig): string[] {
  const all = Object.entries(bridges);
  return [
    ...all.flatMap(([name, bridge]) => {
      const key = `bridges.${name}`;
      return [
        ...unsafeConnections(key, bridge),
        ...tooSlow(key, bridge, limits.packetBytesMax),
        ...bridge.topics.flatMap((rule, index) => withoutEffect(`${key}.topics.${index}`, rule)),
        ...neverReached(key, bridge.topics, "local"),
        ...neverReached(key, bridge.topics, "remote"),
        ...looping(key, bridge.topics),
      ];
    }),
    ...sameClient(all),
  ];
}

function unsafeConnections(key: string, { url, tls, password }: Bridge): string[] {
  const doubts: string[] = [];
  if (!tls.verify) {
    doubts.push(
      `${key}.tls.verify is false: whoever is on the way to the upstream can read and change everything; name its authority with tls.ca instead`,
    );
  }
  const open = url.map(readUpstreamUrl).find((each) => "host" in each && !each.isEncrypted && !isLoopback(each.host));
  if (password !== "" && open !== undefined && "host" in open) {
    doubts.push(`${key}.password can be read on the way to ${open.host}: use mqtts or wss`);
  }
  return doubts;
}

/** The largest packet must not take longer than a minute, or the connection seems dead. */
function tooSlow(key: string, { bytesPerSecondMax }: Bridge, packetBytesMax: number): string[] {
  if (bytesPerSecondMax === 0 || bytesPerSecondMax >= packetBytesMax / 60) return [];
  const packet = `limits.packetBytesMax (${formatByteSize(packetBytesMax)})`;
  return [
    `${key}.bytesPerSecondMax (${formatByteSize(bytesPerSecondMax)}) is so small that a message of ${packet} takes more than a minute, and others wait behind it`,
  ];
}

const upOnly = [
  "outage",
  "liveSharePercent",
  "keepTopicOrder",
  "lastValue",
  "sampleSeconds",
  "timeToLiveSeconds",
  "messagesMax",
  "bytesMax",
  "whenFull",
  "priority",
] as const;

function withoutEffect(key: string, rule: Rule): string[] {
  const doubts: string[] = [];
  const defaults = bridgeRule.parse({ filter: "#" });
  const given = rule.direction === "down" ? upOnly.filter((name) => rule[name] !== defaults[name]) : [];
  if (given.length > 0) {
    doubts.push(
      `${key} comes down only, and ${given.join(", ")} ${given.length === 1 ? "is" : "are"} for what goes up`,
    );
  }
  const passages = sidesOf(rule).map((side) => passageOf(rule, side));
  for (const index of rule.exclude.keys()) {
    if (passages.some(({ filter, exclude }) => filterIntersection(filter, exclude[index] as string) !== undefined)) {
      continue;
    }
    doubts.push(
      `${key}.exclude.${index} excludes nothing: ${JSON.stringify(rule.exclude[index])} matches no topic that the filter ${JSON.stringify(rule.filter)} matches`,
    );
  }
  return doubts;
}

/** Where topics of the rule come from. */
function sidesOf({ direction }: Rule): readonly Side[] {
  if (direction === "both") return ["local", "remote"];
  return direction === "up" ? ["local"] : ["remote"];
}

/** Rules that an earlier one leaves nothing, in one direction. */
function neverReached(key: string, rules: readonly Rule[], from: Side): string[] {
  const what = from === "local" ? "goes up" : "comes down";
  const earlier = new FilterTree<number[]>();
  const doubts: string[] = [];
  for (const [index, rule] of rules.entries()) {
    if (!sidesOf(rule).includes(from)) continue;
    const { filter } = passageOf(rule, from);
    // A filter that takes all of another one matches it as if it were a topic.
    const candidates = earlier
      .matching(filter)
      .flat()
      .sort((left, right) => left - right);
    const first = candidates.find((each) => takesAllOf(rules[each] as Rule, rule, from));
    if (first === undefined) {
      const same = earlier.get(filter);
      if (same === undefined) earlier.set(filter, [index]);
      else same.push(index);
    } else {
      doubts.push(
        `${key}.topics.${index} never has anything that ${what}: ${key}.topics.${first} takes all of it first; put it before that one, or remove it`,
      );
    }
  }
  return doubts;
}

function takesAllOf(first: Rule, second: Rule, from: Side): boolean {
  const [one, other] = [passageOf(first, from), passageOf(second, from)];
  if (filterIntersection(one.filter, other.filter) !== other.filter) return false;
  if (!other.filter.replace(/\/#$/, "").startsWith(one.prefix)) return false;
  return one.exclude.every(
    (filter) => other.exclude.includes(filter) || filterIntersection(filter, other.filter) === undefined,
  );
}

function looping(key: string, rules: readonly Rule[]): string[] {
  const loop = bridgeLoop(rules);
  if (loop === undefined) return [];
  const [local, remote, back, again] = loop.topics.map((topic) => JSON.stringify(topic));
  return [
    `${key}.topics is a loop: what goes up by topics.${loop.up} comes down by topics.${loop.down} as another topic, and goes up again by topics.${loop.again}: ` +
      `${local} goes up as ${remote}, comes down as ${back}, goes up as ${again}; exclude what comes down from what goes up`,
  ];
}

/** A broker closes the connection of a client when another one of the same id comes. */
function sameClient(bridges: readonly (readonly [string, Bridge])[]): string[] {
  const firstOf = new Map<string, string>();
  const doubts: string[] = [];
  for (const [name, { clientId, url, enabled }] of bridges) {
    if (clientId === "" || !enabled) continue;
    const ids = url.map((each) => JSON.stringify([addressOf(each), clientId]));
    const first = ids.map((id) => firstOf.get(id)).find((each) => each !== undefined);
    for (const id of ids) if (!firstOf.has(id)) firstOf.set(id, name);
    if (first === undefined) continue;
    doubts.push(
      `bridges.${name}.clientId is that of bridges.${first}, at the same upstream: each would end the connection of the other; give them different ones`,
    );
  }
  return doubts;
}

function addressOf(url: string): string {
  const read = readUpstreamUrl(url);
  return "host" in read ? read.host.toLowerCase() : url;
}
