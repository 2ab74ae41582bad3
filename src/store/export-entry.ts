import type { QoS } from "../protocol/packet-type.ts";
import type { DeadLetterDocument, MessageDocument, StateDocument } from "./documents.ts";
import { documentProperties, type ExportedProperties, exportedProperties } from "./exported-properties.ts";
import { jsonMap } from "./json-map.ts";
import type { MessageContent } from "./message-content.ts";
import type { RecoveredMessage } from "./recovered-message.ts";

export const EXPORT_FORMAT = 1;

/** The first line of an export; `latest` is the number of the latest message. */
export interface ExportHead {
  type: "store";
  format: number;
  waypost: string;
  exportedAt: string;
  latest: number;
}

/** The last line, without which an export is not whole. */
export interface ExportEnd {
  type: "end";
  counts: Record<EntryType, number>;
}

/** What an entry has of a message. */
type Published = ExportedProperties & {
  /** Gives its place in the order, and its packet id. */
  number: number;
  /** Id of the gateway that it came from, where that is another. */
  gateway?: string;
  topic: string;
  /** Base64, as in all entries. */
  payload: string;
  retain?: true;
  /** Its publisher had it retained, and it goes out without the retain flag. */
  publishedRetained?: true;
  publisher?: string;
  publishedAt?: string;
};

export type MessageEntry = Published & {
  type: "message";
  /** The highest at which a receiver gets it. */
  qos: 1 | 2;
  receivers: { device: string; qos: 1 | 2; sent?: true }[];
};

export type DeadLetterEntry = Published & {
  type: "dead-letter";
  /** Its own, and no number of a message. */
  id: number;
  reason: string;
  /** ISO time. */
  at: string;
  destination: { kind: string; name: string };
  /** How often it was sent on its way again. */
  requeues?: number;
  qos: QoS;
};

export type StateEntry =
  /** `awaySince` is null while the device is connected; without `expirySeconds` it never expires. */
  | { type: "session"; device: string; awaySince: string | null; expirySeconds?: number }
  | {
      type: "subscription";
      device: string;
      filter: string;
      qos: QoS;
      retainHandling?: number;
      retainAsPublished?: boolean;
      noLocal?: boolean;
      identifier?: number;
    }
  | (ExportedProperties & {
      type: "retained";
      topic: string;
      payload: string;
      qos: QoS;
      number: number;
      publisher?: string;
    })
  | (Pick<ExportedProperties, "properties"> & {
      type: "will";
      device: string;
      topic: string;
      payload: string;
      qos: QoS;
      retain: boolean;
      delaySeconds?: number;
      /** ISO time at which it is published; absent while the device is connected. */
      dueAt?: string;
    })
  /** A QoS 2 message from the device whose PUBREL has not come. */
  | { type: "receipt"; device: string; packetId: number; topic: string }
  /** A QoS 2 message to the device of which only the PUBCOMP has not come. */
  | { type: "released"; device: string; packetId: number; message: number | string }
  | { type: "queue"; name: string; settings: object; created?: true; paused?: true }
  | DeadLetterEntry;

export type ExportEntry = MessageEntry | StateEntry;
export type EntryType = ExportEntry["type"];

/** In the order in which an export has them. */
export const entryTypes: readonly EntryType[] = [
  "session",
  "subscription",
  "retained",
  "will",
  "receipt",
  "released",
  "queue",
  "dead-letter",
  "message",
];

export function entryOfMessage({ document, receivers, sent }: RecoveredMessage): MessageEntry {
  return present<MessageEntry>({
    type: "message",
    ...publishedOf(document),
    qos: Math.max(...receivers.values()),
    receivers: [...receivers].map(([device, qos]) => present({ device, qos, sent: sent.has(device) || undefined })),
  });
}

export function documentOfMessage(entry: MessageEntry): MessageDocument {
  const { qos, receivers } = entry;
  const idsOf = (granted: 1 | 2) => receivers.filter((each) => each.qos === granted).map(({ device }) => device);
  const lower = qos === 2 ? idsOf(1) : [];
  const sent = receivers.filter((each) => each.sent).map(({ device }) => device);
  return present<MessageDocument>({
    k: "msg",
    ...contentOf(entry),
    to: idsOf(qos),
    to1: lower.length > 0 ? lower : undefined,
    sent: sent.length > 0 ? sent : undefined,
  });
}

function publishedOf({ n: number, b: gateway, t: topic, p: payload, r, o: publisher, x, at }: MessageContent): object {
  return {
    number,
    gateway,
    topic,
    payload,
    retain: r === 1 || undefined,
    publishedRetained: r === 2 || undefined,
    publisher,
    ...exportedProperties(x),
    publishedAt: at === 0 ? undefined : new Date(at * 1000).toISOString(),
  };
}

function contentOf(entry: MessageEntry | DeadLetterEntry): object {
  const { number: n, gateway: b, topic: t, payload: p, qos: q, publisher: o, publishedAt } = entry;
  const r = entry.retain ? 1 : entry.publishedRetained ? 2 : undefined;
  const at = publishedAt === undefined ? 0 : Math.floor(Date.parse(publishedAt) / 1000);
  return { n, b, t, p, q, r, o, x: documentProperties(entry), at };
}

export function entryOfState(document: StateDocument): StateEntry {
  switch (document.k) {
    case "session": {
      const { i: device, away, e: expirySeconds } = document;
      const awaySince = away === 0 ? null : new Date(away).toISOString();
      return present<StateEntry>({ type: "session", device, awaySince, expirySeconds });
    }
    case "subscription": {
      const { i: device, f: filter, q: qos, rh: retainHandling, rap: retainAsPublished, nl: noLocal, id } = document;
      const optional = { retainHandling, retainAsPublished, noLocal, identifier: id };
      return present<StateEntry>({ type: "subscription", device, filter, qos, ...optional });
    }
    case "retained": {
      const { t: topic, p: payload, q: qos, n: number, o: publisher, x } = document;
      const optional = { publisher, ...exportedProperties(x) };
      return present<StateEntry>({ type: "retained", topic, payload, qos, number, ...optional });
    }
    case "will": {
      const { i: device, t: topic, p: payload, q: qos, r: retain, x, d: delaySeconds, due } = document;
      const { properties } = exportedProperties(x);
      const dueAt = due === undefined ? undefined : new Date(due).toISOString();
      const optional = { properties, delaySeconds, dueAt };
      return present<StateEntry>({ type: "will", device, topic, payload, qos, retain, ...optional });
    }
    case "receipt":
      return { type: "receipt", device: document.i, packetId: document.m, topic: document.t };
    case "released":
      return { type: "released", device: document.i, packetId: document.m, message: document.n };
    case "queue": {
      const { i: name, s, c, off } = document;
      const settings = jsonMap(s) ?? {};
      return present<StateEntry>({ type: "queue", name, settings, created: c || undefined, paused: off || undefined });
    }
    case "dead":
      return entryOfDeadLetter(document);
  }
}

export function documentOfState(entry: StateEntry): StateDocument {
  switch (entry.type) {
    case "session": {
      const { device: i, awaySince, expirySeconds: e } = entry;
      return present<StateDocument>({ k: "session", i, away: awaySince === null ? 0 : Date.parse(awaySince), e });
    }
    case "subscription": {
      const {
        device: i,
        filter: f,
        qos: q,
        retainHandling: rh,
        retainAsPublished: rap,
        noLocal: nl,
        identifier,
      } = entry;
      return present<StateDocument>({ k: "subscription", i, f, q, rh, rap, nl, id: identifier });
    }
    case "retained": {
      const { topic: t, payload: p, qos: q, number: n, publisher: o } = entry;
      return present<StateDocument>({ k: "retained", t, p, q, n, o, x: documentProperties(entry) });
    }
    case "will": {
      const { device: i, topic: t, payload: p, qos: q, retain: r, delaySeconds: d, dueAt } = entry;
      const due = dueAt === undefined ? undefined : Date.parse(dueAt);
      return present<StateDocument>({ k: "will", i, t, p, q, r, x: documentProperties(entry), d, due });
    }
    case "receipt":
      return { k: "receipt", i: entry.device, m: entry.packetId, t: entry.topic };
    case "released":
      return { k: "released", i: entry.device, n: entry.message, m: entry.packetId };
    case "queue": {
      const { name: i, settings, created: c = false, paused: off = false } = entry;
      return { k: "queue", i, s: JSON.stringify(settings), c, off };
    }
    case "dead-letter": {
      const { id: i, reason: why, at, destination, requeues: re } = entry;
      const letter = { i, why, on: Date.parse(at), for: [destination.kind, destination.name], re };
      return present<StateDocument>({ k: "dead", ...letter, ...contentOf(entry) });
    }
  }
}

function entryOfDeadLetter(document: DeadLetterDocument): DeadLetterEntry {
  const { i: id, why: reason, on, re: requeues, q: qos } = document;
  const [kind, name] = document.for;
  const letter = { id, reason, at: new Date(on).toISOString(), destination: { kind, name }, requeues };
  return present<DeadLetterEntry>({ type: "dead-letter", ...letter, ...publishedOf(document), qos });
}

/** Without the fields that are undefined. */
function present<T>(fields: Record<string, unknown>): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
