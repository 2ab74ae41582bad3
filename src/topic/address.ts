/** Whom a topic addresses by name, and what they get it as. */
export interface Address {
  readonly kind: "queue" | "group";
  readonly name: string;
  /** Without the address, where something is left that does not begin with `$`. */
  readonly topic: string;
}

const passing = ["$queue/", "$group/", "$request/", "$answer/", "$reply/"];

/** Whether what is published there is for somebody at this moment, so that a retained message would be nobody's. */
export function keepsNothing(topic: string): boolean {
  return topic.charCodeAt(0) === 36 && passing.some((prefix) => topic.startsWith(prefix));
}

/** Whether somebody is to get by an address what only the gateway publishes. */
export function isForged(topic: string): boolean {
  return /^[$](queue|group)[/][^/]*[/][$]SYS([/]|$)/.test(topic);
}

/** Of `$queue/<name>/<topic>` and `$group/<name>/<topic>`; undefined for every other topic. */
export function addressOf(topic: string): Address | undefined {
  const kind = topic.startsWith("$queue/") ? "queue" : topic.startsWith("$group/") ? "group" : undefined;
  if (kind === undefined) return undefined;
  const start = kind.length + 2;
  const end = topic.indexOf("/", start);
  if (end < 0) return { kind, name: topic.slice(start), topic };
  const rest = topic.slice(end + 1);
  // Nobody is to get by an address what nobody may publish: below $SYS/, say.
  const isWhole = rest === "" || rest.startsWith("$");
  return { kind, name: topic.slice(start, end), topic: isWhole ? topic : rest };
}
