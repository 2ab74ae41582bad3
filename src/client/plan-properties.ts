import type { IClientOptions, IClientPublishOptions, IClientSubscribeOptions } from "mqtt";
import { usageError } from "../command/usage-error.ts";
import { topicMistake } from "../topic/topic-rules.ts";
import { type PropertyKind, type PropertyPlace, propertiesOf, userProperty } from "./property-names.ts";

/** The properties of each packet, as MQTT.js takes them. */
export interface PropertyPlan {
  readonly connect: NonNullable<IClientOptions["properties"]>;
  readonly publish: NonNullable<IClientPublishOptions["properties"]>;
  readonly subscribe: NonNullable<IClientSubscribeOptions["properties"]>;
  readonly will: NonNullable<NonNullable<IClientOptions["will"]>["properties"]>;
  readonly disconnect: { readonly sessionExpiryInterval?: number };
}

const placesOf: Record<"pub" | "sub", readonly PropertyPlace[]> = {
  pub: ["connect", "publish", "will", "disconnect"],
  sub: ["connect", "subscribe", "will", "disconnect"],
};
const textBytesMax = 65_535;

/** Reads the words of all -D, each a packet, a name and a value, or two for a user property. Errors: ERR_USAGE. */
export function planProperties(words: readonly string[], role: "pub" | "sub"): PropertyPlan {
  const plan: Record<PropertyPlace, Record<string, unknown>> = {
    connect: {},
    publish: {},
    subscribe: {},
    will: {},
    disconnect: {},
  };
  const rest = words.values();
  for (const word of rest) {
    const place = placesOf[role].find((each) => each === word.toLowerCase());
    if (place === undefined) throw usageError(`-D ${word}: ${role} has properties for ${list(placesOf[role])}`);
    const name = rest.next().value;
    if (name === undefined) throw usageError(`-D ${word} needs the name of a property and its value`);
    const kind = propertiesOf[place].get(name);
    if (kind === undefined) {
      throw usageError(`-D ${word} ${name}: its properties are ${list([...propertiesOf[place].keys()])}`);
    }
    const values = Array.from({ length: kind.kind === "pair" ? 2 : 1 }, () => rest.next().value);
    set(plan[place], { name, kind, values, what: `-D ${word} ${name}` });
  }
  return plan as unknown as PropertyPlan;
}

interface Given {
  readonly name: string;
  readonly kind: PropertyKind;
  readonly values: readonly (string | undefined)[];
  /** How the user wrote it. */
  readonly what: string;
}

function set(properties: Record<string, unknown>, { name, kind, values, what }: Given): void {
  const [first, second] = values;
  if (kind.kind === "pair") {
    if (first === undefined || second === undefined) throw usageError(`${what} needs a name and a value`);
    // One object for each: MQTT.js writes them in their order, where one for all would gather them by their names.
    const pairs = (properties.userProperties ?? []) as object[];
    properties.userProperties = [...pairs, { [textOf(first, what)]: textOf(second, what) }];
    return;
  }
  if (first === undefined) throw usageError(`${what} needs a value`);
  const key = name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  if (properties[key] !== undefined) throw usageError(`${what} can be given once, only ${userProperty} more often`);
  properties[key] = singleValue(first, kind, what);
}

function singleValue(text: string, kind: Exclude<PropertyKind, { kind: "pair" }>, what: string): unknown {
  switch (kind.kind) {
    case "number": {
      const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= kind.min && value <= kind.max) return value;
      throw usageError(`${what} is a whole number from ${kind.min} to ${kind.max}, not ${text}`);
    }
    case "flag":
      if (text === "0" || text === "1") return text === "1";
      throw usageError(`${what} is 0 or 1, not ${text}`);
    case "topic": {
      const mistake = topicMistake(text);
      if (mistake !== undefined) throw usageError(`${what} ${JSON.stringify(text)} is no topic: ${mistake}`);
      return textOf(text, what);
    }
    case "bytes":
      return Buffer.from(textOf(text, what));
    case "text":
      return textOf(text, what);
  }
}

function textOf(text: string, what: string): string {
  if (Buffer.byteLength(text) > textBytesMax) throw usageError(`${what} is longer than ${textBytesMax} bytes`);
  if (text.includes("\0")) throw usageError(`${what} contains U+0000`); // [MQTT-1.5.4-2]
  return text;
}

function list(names: readonly string[]): string {
  return names.join(", ");
}
