import { destinationNameMistake } from "../topic/destination-name.ts";
import { filterMistake, topicMistake } from "../topic/topic-rules.ts";
import type { EntryType } from "./export-entry.ts";
import { propertiesMistake } from "./properties-mistake.ts";

/** What is wrong with a value, or undefined. */
type Check = (value: unknown) => string | undefined;

interface Field {
  check: Check;
  optional?: true;
}

const text: Check = (value) => (typeof value === "string" ? undefined : "must be text");
const flag: Check = (value) => (typeof value === "boolean" ? undefined : "must be true or false");
const map: Check = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? undefined : "must be a map";
const topic: Check = (value) => text(value) ?? about("is no topic", topicMistake(value as string));
const filter: Check = (value) => text(value) ?? about("is no topic filter", filterMistake(value as string));
const queueName: Check = (value) => text(value) ?? about("is no queue name", destinationNameMistake(value as string));
const NO_BASE64 = "must be base64 with its padding";
const base64: Check = (value) => text(value) ?? (isBase64(value as string) ? undefined : NO_BASE64);
const content: Check = (value) =>
  base64(value) ?? (value === "" ? "is empty: that is how a retained message is removed" : undefined);
const time: Check = (value) =>
  typeof value === "string" && Date.parse(value) >= 0 ? undefined : "must be a time such as 2026-01-31T12:00:00Z";
const timeOrNull: Check = (value) => (value === null ? undefined : time(value));
const oneOf =
  (...allowed: readonly unknown[]): Check =>
  (value) =>
    allowed.includes(value) ? undefined : `must be ${allowed.slice(0, -1).join(", ")} or ${allowed.at(-1)}`;
const wholeNumber =
  (min: number, max: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `must be a whole number from ${min} to ${max}`;
const key: Check = (value) =>
  messageNumber(value) === undefined || (typeof value === "string" && /^[^\n]*\n\d+$/.test(value))
    ? undefined
    : "must be the number of a message, or the id of its gateway, a line feed and its number there";

/** By mqtt-packet's names; a topic alias, which older exports may have, says nothing about a message that is kept. */
const propertyNames = new Set([
  "payloadFormatIndicator",
  "messageExpiryInterval",
  "contentType",
  "responseTopic",
  "correlationData",
  "userProperties",
  "subscriptionIdentifier",
  "topicAlias",
]);
const properties: Check = (value) => {
  const why = map(value);
  if (why !== undefined) return why;
  const unknown = Object.keys(value as object).find((name) => !propertyNames.has(name));
  if (unknown !== undefined) return `has ${unknown}, which is no property; they are ${[...propertyNames].join(", ")}`;
  const { correlationData } = value as Record<string, unknown>;
  if (typeof correlationData === "string" && !isBase64(correlationData))
    return `has correlationData, which ${NO_BASE64}`;
  return about("is unfit", propertiesMistake(value));
};

const anyQoS = oneOf(0, 1, 2);
const keptQoS = oneOf(1, 2);
const packetId = wholeNumber(1, 65_535);
const seconds = wholeNumber(0, 0xffff_ffff);
/** Room above it for the numbers of the store that it goes into. */
const messageNumber = wholeNumber(0, 2 ** 52);

const receiverFields: Record<string, Field> = {
  device: { check: text },
  qos: { check: keptQoS },
  sent: { check: flag, optional: true },
};

const receivers: Check = (value) => {
  if (!Array.isArray(value) || value.length === 0) return "must be a list of at least one device";
  const seen = new Set<unknown>();
  for (const [index, each] of value.entries()) {
    const mistake = map(each) ?? mistakesIn(each, receiverFields)[0];
    if (mistake !== undefined) return `entry ${index + 1}: ${mistake}`;
    if (seen.has(each.device)) return `entry ${index + 1}: names the device ${JSON.stringify(each.device)} again`;
    seen.add(each.device);
  }
  return undefined;
};

const destinationFields: Record<string, Field> = { kind: { check: text }, name: { check: text } };

const destination: Check = (value) => map(value) ?? mistakesIn(value as Record<string, unknown>, destinationFields)[0];

/** What an entry has of a message. */
const publishedFields: Record<string, Field> = {
  number: { check: messageNumber },
  gateway: { check: text, optional: true },
  topic: { check: topic },
  payload: { check: base64 },
  retain: { check: flag, optional: true },
  publishedRetained: { check: flag, optional: true },
  publisher: { check: text, optional: true },
  properties: { check: properties, optional: true },
  expiresAt: { check: time, optional: true },
  publishedAt: { check: time, optional: true },
};

const fieldsOf: Record<EntryType | "store" | "end", Record<string, Field>> = {
  store: {
    format: { check: wholeNumber(1, 1_000_000) },
    waypost: { check: text },
    exportedAt: { check: time },
    latest: { check: messageNumber },
  },
  session: {
    device: { check: text },
    awaySince: { check: timeOrNull },
    expirySeconds: { check: seconds, optional: true },
  },
  subscription: {
    device: { check: text },
    filter: { check: filter },
    qos: { check: anyQoS },
    retainHandling: { check: oneOf(0, 1, 2), optional: true },
    retainAsPublished: { check: flag, optional: true },
    noLocal: { check: flag, optional: true },
    identifier: { check: wholeNumber(1, 268_435_455), optional: true },
  },
  retained: {
    topic: { check: topic },
    payload: { check: content },
    qos: { check: anyQoS },
    number: { check: messageNumber },
    publisher: { check: text, optional: true },
    properties: { check: properties, optional: true },
    expiresAt: { check: time, optional: true },
  },
  will: {
    device: { check: text },
    topic: { check: topic },
    payload: { check: base64 },
    qos: { check: anyQoS },
    retain: { check: flag },
    properties: { check: properties, optional: true },
    delaySeconds: { check: seconds, optional: true },
    dueAt: { check: time, optional: true },
  },
  receipt: { device: { check: text }, packetId: { check: packetId }, topic: { check: topic } },
  released: { device: { check: text }, packetId: { check: packetId }, message: { check: key } },
  queue: {
    name: { check: queueName },
    settings: { check: map },
    created: { check: flag, optional: true },
    paused: { check: flag, optional: true },
  },
  "dead-letter": {
    id: { check: messageNumber },
    reason: { check: text },
    at: { check: time },
    destination: { check: destination },
    requeues: { check: messageNumber, optional: true },
    ...publishedFields,
    qos: { check: anyQoS },
  },
  message: { ...publishedFields, qos: { check: keptQoS }, receivers: { check: receivers } },
  end: { counts: { check: map } },
};

/** What is wrong with one line of an export, parsed; nothing is left to check of its fields where this is empty. */
export function entryMistakes(value: unknown): string[] {
  if (map(value) !== undefined) return ["this line is no JSON object"];
  const { type, ...fields } = value as Record<string, unknown>;
  if (typeof type !== "string" || !Object.hasOwn(fieldsOf, type)) {
    return [`type must be one of ${Object.keys(fieldsOf).join(", ")}`];
  }
  const mistakes = mistakesIn(fields, fieldsOf[type as EntryType]);
  return mistakes.length > 0 ? mistakes : mistakesAmong(type, fields);
}

/** What is wrong between fields that are right each by itself. */
function mistakesAmong(type: string, { receivers, qos, properties, expiresAt }: Record<string, unknown>): string[] {
  const mistakes: string[] = [];
  if (type === "message") {
    const highest = (receivers as { qos: number }[]).some((each) => each.qos === 2) ? 2 : 1;
    if (highest !== qos) mistakes.push(`qos must be ${highest}, the highest of its receivers`);
  }
  const { messageExpiryInterval } = (properties ?? {}) as { messageExpiryInterval?: number };
  if (expiresAt !== undefined && messageExpiryInterval === undefined) {
    mistakes.push("expiresAt needs a messageExpiryInterval in properties");
  }
  return mistakes;
}

function mistakesIn(value: Record<string, unknown>, fields: Record<string, Field>): string[] {
  const mistakes: string[] = [];
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(fields, name))
      mistakes.push(`${name} is no field of it; fields are ${Object.keys(fields).join(", ")}`);
  }
  for (const [name, { check, optional }] of Object.entries(fields)) {
    if (!Object.hasOwn(value, name)) {
      if (!optional) mistakes.push(`${name} is missing`);
      continue;
    }
    const mistake = check(value[name]);
    if (mistake !== undefined) mistakes.push(`${name} ${mistake}`);
  }
  return mistakes;
}

function about(what: string, why: string | undefined): string | undefined {
  return why === undefined ? undefined : `${what}: ${why}`;
}

function isBase64(value: string): boolean {
  return Buffer.from(value, "base64").toString("base64") === value;
}
