/** What a store keeps one of for each key, beside messages. */
export type StateKind = "session" | "subscription" | "retained" | "will" | "receipt" | "released" | "queue" | "dead";

const letterOf: Record<StateKind, string> = {
  session: "s",
  subscription: "u",
  retained: "r",
  will: "w",
  receipt: "i",
  released: "p",
  queue: "q",
  dead: "d",
};
const kindOf = new Map(Object.entries(letterOf).map(([kind, letter]) => [letter, kind as StateKind]));

/** Names one entry of a store: of a client, topic, queue or dead letter, and below it a filter, packet id or message. */
export function stateKey(kind: StateKind, owner: string, part: string | number = ""): string {
  return `${letterOf[kind]}${owner.length}:${owner}${part}`; // client ids may hold any character
}

export function readStateKey(key: string): { kind: StateKind; owner: string; part: string } | undefined {
  const kind = kindOf.get(key[0] ?? "");
  const colon = key.indexOf(":");
  const length = Number(key.slice(1, colon));
  if (kind === undefined || colon < 2 || !Number.isInteger(length)) return undefined;
  return { kind, owner: key.slice(colon + 1, colon + 1 + length), part: key.slice(colon + 1 + length) };
}
