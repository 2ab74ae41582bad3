import type { BridgeReport } from "../admin/administration.ts";
import { ageText } from "./age-text.ts";
import { counted } from "./counted.ts";
import { printable } from "./printable.ts";
import { rateText } from "./rate-text.ts";
import { sizeText } from "./size-text.ts";
import { textTable } from "./text-table.ts";

type Rule = BridgeReport["rules"][number];

/** Longest piece of an error in a row of the list. */
const ERROR_CHARACTERS_MAX = 40;

const headings = [
  "bridge",
  "state",
  "upstream",
  "waiting",
  "bytes",
  "oldest",
  "in flight",
  "out/s",
  "in/s",
  "last error",
];
const left = ["state", "upstream", "last error"];

/** All bridges, one a line. */
export function bridgeTable(bridges: readonly BridgeReport[]): string {
  return textTable(headings, bridges.map(rowOf), left);
}

/** The state for people, with what was asked for beside it: "connected, paused". */
export function bridgeState({ state, paused, draining }: BridgeReport): string {
  const words = [state === "left-over" ? "left over" : state];
  return [...words, ...(paused ? ["paused"] : []), ...(draining ? ["draining"] : [])].join(", ");
}

/** One bridge with all that is known of it. */
export function bridgeDetails(bridge: BridgeReport): string {
  const lines = [
    `bridge ${bridge.name}, ${bridgeState(bridge)} since ${bridge.since}`,
    ...connectionLines(bridge),
    ...backlogLines(bridge),
    ...trafficLines(bridge),
    "",
  ];
  const rules = bridge.rules.length === 0 ? "" : `\n${textTable(ruleHeadings, bridge.rules.map(ruleRow), ruleLeft)}`;
  return lines.join("\n") + rules;
}

function rowOf(bridge: BridgeReport): string[] {
  const { name, url, messages, bytes, oldestSeconds, inFlight, perSecond, lastError } = bridge;
  return [
    name,
    bridgeState(bridge),
    url === null ? "-" : printable(url),
    String(messages),
    sizeText(bytes),
    ageText(oldestSeconds),
    String(inFlight),
    rateText(perSecond.forwarded),
    rateText(perSecond.received),
    lastError === null ? "-" : shortened(printable(lastError.message)),
  ];
}

function shortened(text: string): string {
  const characters = [...text];
  if (characters.length <= ERROR_CHARACTERS_MAX) return text;
  return `${characters.slice(0, ERROR_CHARACTERS_MAX - 1).join("")}…`;
}

function connectionLines({ url, protocol, clientId, retryAt, lastError }: BridgeReport): string[] {
  const version = protocol === null ? "" : `, MQTT ${protocol}`;
  return [
    `  upstream: ${url === null ? "none" : printable(url)}${version}`,
    `  client id: ${printable(clientId)}`,
    ...(retryAt === null ? [] : [`  next attempt: ${retryAt}`]),
    ...(lastError === null ? [] : [`  last error: ${printable(lastError.message)} (${lastError.at})`]),
  ];
}

function backlogLines({ messages, bytes, oldestSeconds, inFlight, stranded }: BridgeReport): string[] {
  const oldest = oldestSeconds === null ? "" : `, the oldest for ${ageText(oldestSeconds)}`;
  return [
    `  ${counted(messages, "message")} waiting, ${sizeText(bytes)}${oldest}`,
    ...(stranded === 0 ? [] : [`  ${stranded} of them stranded: no rule matches them any more`]),
    `  in flight: ${inFlight}`,
  ];
}

function trafficLines({ perSecond, totals, drops }: BridgeReport): string[] {
  const { forwarded, received, bytesSent, resent, connections } = totals;
  const dropped = Object.entries(drops).filter(([, count]) => count > 0);
  const reasons = dropped.map(([reason, count]) => `${reason} ${count}`).join(", ");
  return [
    `  per second: ${rateText(perSecond.forwarded)} out, ${rateText(perSecond.received)} in`,
    `  since the gateway started: ${forwarded} out (${sizeText(bytesSent)}), ${received} in, ${resent} sent again, ${counted(connections, "connection")}`,
    `  dropped: ${reasons || "none"}`,
  ];
}

const ruleHeadings = [
  "rule",
  "direction",
  "here",
  "upstream",
  "outage",
  "priority",
  "waiting",
  "bytes",
  "oldest",
  "messages max",
  "bytes max",
];
const ruleLeft = ["direction", "here", "upstream", "outage"];

function ruleRow({ filter, direction, localPrefix, remotePrefix, ...rule }: Rule, index: number): string[] {
  const topics = [direction, printable(localPrefix + filter), printable(remotePrefix + filter)];
  return [`topics.${index}`, ...topics, ...(direction === "down" ? [] : waitingOf(rule))];
}

/** Of a rule by which something goes up, and so may wait. */
function waitingOf(rule: Pick<Rule, "outage" | "priority" | "messages" | "bytes" | "oldestSeconds" | "limits">) {
  const { outage, priority, messages, bytes, oldestSeconds, limits } = rule;
  const counts = [String(priority), String(messages), sizeText(bytes), ageText(oldestSeconds)];
  return [outage, ...counts, String(limits.messagesMax), sizeText(limits.bytesMax)];
}
