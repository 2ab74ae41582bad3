import type { QoS } from "../protocol/packet-type.ts";
import { jsonMap } from "./json-map.ts";
import type { Message } from "./message.ts";
import { type MessageContent, noteContent } from "./message-content.ts";
import type { MessageKey } from "./message-key.ts";
import type { MessageRecord } from "./message-record.ts";
import { TIME_MAX } from "./properties-mistake.ts";
import { propertiesOfText } from "./properties-text.ts";

/** Format 1 has no MQTT 5 in it: no expiry, no delays, no shared subscriptions; 2 no queues, no dead letters. Both are read. */
export const FORMAT_VERSION = 3;

/** One message and who must get it. */
export interface MessageDocument extends MessageContent {
  k: "msg";
  /** Ids of the clients that wait for it at this QoS, and at QoS 1 where that is lower. */
  to: string[];
  to1?: string[];
  /** Those of them that it was sent to. */
  sent?: string[];
}

/** A client id and the messages that it has settled, or that it was sent. */
export type OfClient = [clientId: string, ...keys: MessageKey[]];

/** One entry of the store beside messages, as it was when this was written; `gone` lists the keys of those that are no more. */
export type StateDocument =
  /** `n`: number of the latest message when the session began; `e`: its expiry in seconds, absent where it never expires. */
  | { k: "session"; i: string; away: number; n?: number; e?: number }
  | { k: "subscription"; i: string; f: string; q: QoS; rh?: number; rap?: boolean; nl?: boolean; id?: number }
  | { k: "retained"; t: string; p: string; q: QoS; n: number; o?: string; x?: string }
  /** `d`: its delay in seconds; `due`: when it is published, in milliseconds since the Unix epoch. */
  | { k: "will"; i: string; t: string; p: string; q: QoS; r: boolean; x?: string; d?: number; due?: number }
  | { k: "receipt"; i: string; m: number; t: string }
  | { k: "released"; i: string; n: MessageKey; m: number }
  /** `s`: its settings as JSON; `c`: created while the gateway ran; `off`: paused. */
  | { k: "queue"; i: string; s: string; c: boolean; off: boolean }
  | DeadLetterDocument;

/** `i`: the id of the letter; `why` and `on`: its reason, and when in milliseconds since the Unix epoch; `re`: its requeues. */
export interface DeadLetterDocument extends MessageContent {
  k: "dead";
  i: number;
  why: string;
  on: number;
  /** Kind and name of its destination. */
  for: [kind: string, name: string];
  re?: number;
}

export type StoreDocument =
  /** The first of a segment; `n` is the number of the latest message by then. */
  | { k: "head"; v: number; n: number }
  | MessageDocument
  /** Further receivers of a message; its number, or as text that of another gateway's. */
  | { k: "more"; n: MessageKey; to: string[]; to1?: string[] }
  | { k: "done"; of: OfClient[] }
  | { k: "sent"; of: OfClient[] }
  | StateDocument
  | { k: "gone"; of: string[] }
  /** The last of a commit, without which none of it counts; `z` is the CRC-32 of the lines before it. */
  | { k: "end"; n: number; z: number };

export function messageDocument(
  record: MessageRecord,
  message: Message,
  home: string,
  isSent: (clientId: string) => boolean,
): MessageDocument {
  const to = record.receiversAt(record.qos);
  const document: MessageDocument = {
    k: "msg",
    n: message.brokerCounter,
    t: message.topic,
    p: message.payloadText(),
    q: record.qos,
    at: message.publishedAt,
    to,
  };
  noteContent(document, message, home);
  const lower = record.qos === 2 ? record.receiversAt(1) : [];
  if (lower.length > 0) document.to1 = lower;
  const sent = [...to, ...lower].filter(isSent);
  if (sent.length > 0) document.sent = sent;
  return document;
}

export function receiversDocument(record: MessageRecord, clientIds: readonly string[]): StoreDocument {
  const those = new Set(clientIds);
  const among = (qos: QoS) => record.receiversAt(qos).filter((clientId) => those.has(clientId));
  const document: StoreDocument = { k: "more", n: record.key, to: among(record.qos) };
  const lower = record.qos === 2 ? among(1) : [];
  if (lower.length > 0) document.to1 = lower;
  return document;
}

/** Bytes of an entry on the disk beside its key, payload and properties. */
const STATE_BYTES = 128;
/** Bytes that stand beside the document of an entry in its line. */
const LINE_BYTES = 16;

/** Bytes that an entry takes on the disk, or nearly so. */
export function stateBytes(key: string, document: StateDocument): number {
  if (document.k === "queue") return LINE_BYTES + jsonBytes(document);
  if (document.k === "dead") {
    const { p, x = "", ...rest } = document; // nearly all of it, and plain text: not to be copied to be counted
    return LINE_BYTES + jsonBytes(rest) + p.length + x.length;
  }
  return STATE_BYTES + key.length + ("p" in document ? document.p.length + (document.x?.length ?? 0) : 0);
}

function jsonBytes(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}

const isText = (value: unknown) => typeof value === "string";
const isNumber = (value: unknown) => typeof value === "number";
const isFlag = (value: unknown) => typeof value === "boolean";
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isRetain = (value: unknown) => value === 1 || value === 2;
const isQoS = (value: unknown) => value === 0 || value === 1 || value === 2;
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);
const isSettings = (value: unknown) => isText(value) && jsonMap(value as string) !== undefined;
const isDestination = (value: unknown) => isTexts(value) && (value as string[]).length === 2;
const isKey = (value: unknown) => isNumber(value) || isText(value);
const isListOfClients = (value: unknown) =>
  Array.isArray(value) && value.every((each) => Array.isArray(each) && isText(each[0]) && each.every(isKey));

const isTime = (value: unknown) => isNumber(value) && (value as number) >= 0 && (value as number) <= TIME_MAX;
const isSecond = (value: unknown) => isNumber(value) && isTime((value as number) * 1000);

/** Also whether the properties in it can be read: one that says something else must not keep the gateway from starting. */
const isProperties = (value: unknown) => {
  if (!isText(value)) return false;
  try {
    propertiesOfText(value as string);
    return true;
  } catch {
    return false;
  }
};

type Fields = Record<string, (value: unknown) => boolean>;

/** Fields that need not be there. */
const optionalFieldsOf: Partial<Record<StoreDocument["k"], Fields>> = {
  msg: { b: isText, o: isText, x: isProperties, to1: isTexts, sent: isTexts },
  more: { to1: isTexts },
  session: { n: isNumber, e: isNumber },
  retained: { o: isText, x: isProperties },
  will: { x: isProperties, d: isNumber, due: isTime },
  dead: { re: isCount, b: isText, r: isRetain, o: isText, x: isProperties },
};

const fieldsOf: Record<StoreDocument["k"], Fields> = {
  head: { v: isNumber, n: isNumber },
  msg: { n: isNumber, t: isText, p: isText, q: isQoS, at: isNumber, to: isTexts },
  more: { n: isKey, to: isTexts },
  done: { of: isListOfClients },
  sent: { of: isListOfClients },
  session: { i: isText, away: isNumber },
  subscription: { i: isText, f: isText, q: isQoS },
  retained: { t: isText, p: isText, q: isQoS, n: isNumber },
  will: { i: isText, t: isText, p: isText, q: isQoS },
  receipt: { i: isText, m: isNumber, t: isText },
  released: { i: isText, n: isKey, m: isNumber },
  queue: { i: isText, s: isSettings, c: isFlag, off: isFlag },
  dead: {
    i: isCount,
    why: isText,
    on: isTime,
    for: isDestination,
    n: isCount,
    t: isText,
    p: isText,
    q: isQoS,
    at: isSecond,
  },
  gone: { of: isTexts },
  end: { n: isNumber, z: isNumber },
};

/** Whether a line of a segment, parsed, is what this store writes. */
export function isStoreDocument(value: unknown): value is StoreDocument {
  if (typeof value !== "object" || value === null) return false;
  const document = value as Record<string, unknown>;
  const kind = document.k as StoreDocument["k"];
  if (!Object.hasOwn(fieldsOf, kind)) return false;
  const optionalFields = optionalFieldsOf[kind];
  for (const name in optionalFields) {
    if (document[name] !== undefined && !optionalFields[name]?.(document[name])) return false;
  }
  return Object.entries(fieldsOf[kind]).every(([name, isValid]) => isValid(document[name]));
}
