import { PublishProperties } from "../protocol/publish-properties.ts";
import type { StateDocument } from "./documents.ts";
import { type MessageOrigin, messageOf, noteContent } from "./message-content.ts";
import { propertiesOfText, propertiesText } from "./properties-text.ts";
import { readStateKey } from "./state-key.ts";
import { NEVER_EXPIRES } from "./store.ts";
import type { LocalSession, StoreContents } from "./store-contents.ts";
import type { StoredDeadLetter } from "./stored-dead-letter.ts";
import type { StoredPublish, StoredSubscription, StoredWill } from "./stored-packets.ts";
import type { StoredQueue } from "./stored-queue.ts";

type DocumentOf<K extends StateDocument["k"]> = Extract<StateDocument, { k: K }>;

/** Puts an entry that was read into the contents of a store. */
export function restoreState(contents: StoreContents, document: StateDocument, origin: MessageOrigin): void {
  switch (document.k) {
    case "session": {
      const { i: id, away: awaySince, n: beganAfter = 0, e: expirySeconds = NEVER_EXPIRES } = document;
      contents.sessions.set(id, { id, awaySince, expirySeconds, beganAfter });
      return;
    }
    case "subscription": {
      const { i, f: topic, q: qos, rh, rap, nl, id } = document;
      const optional = id === undefined ? {} : { subscriptionIdentifier: id };
      contents.subscriptions.add(i, { topic, qos, rh, rap, nl, ...optional });
      return;
    }
    case "retained":
      contents.retained.restore(retainedOf(document, origin.home));
      return;
    case "will":
      contents.wills.set(document.i, willOf(document, origin.home));
      return;
    case "receipt": {
      const { i, m: messageId, t: topic } = document;
      const packets = contents.incoming.get(i) ?? new Map();
      const common = { cmd: "publish" as const, brokerId: "", brokerCounter: 0, dup: false, retain: false };
      packets.set(messageId, { ...common, topic, payload: Buffer.alloc(0), qos: 2, messageId });
      contents.incoming.set(i, packets);
      return;
    }
    case "released":
      contents.outgoing.restore(document.i, document.n, { cmd: "pubrel", messageId: document.m }, true);
      return;
    case "queue": {
      const { i: name, s: settings, c: isCreated, off: isPaused } = document;
      contents.queues.set(name, { name, settings, isCreated, isPaused });
      return;
    }
    case "dead":
      contents.deadLetters.set(document.i, deadLetterOf(document, origin));
      return;
  }
}

function retainedOf(document: DocumentOf<"retained">, brokerId: string): StoredPublish {
  const { t: topic, q: qos, n: brokerCounter, o: clientId } = document;
  const payload = Buffer.from(document.p, "base64");
  const identity = { cmd: "publish" as const, brokerId, brokerCounter, dup: false, retain: true };
  const packet: StoredPublish = { ...identity, topic, payload, qos };
  if (clientId !== undefined) packet.clientId = clientId;
  const properties = propertiesOf(document);
  if (properties !== undefined) packet.properties = properties;
  return packet;
}

function willOf(document: DocumentOf<"will">, brokerId: string): StoredWill {
  const { i: clientId, t: topic, q: qos, r: retain, d: delaySeconds, due: dueAt } = document;
  const will: StoredWill = { topic, payload: Buffer.from(document.p, "base64"), qos, retain, brokerId, clientId };
  const properties = propertiesOf(document);
  if (properties !== undefined) will.properties = properties;
  if (delaySeconds !== undefined) will.delaySeconds = delaySeconds;
  if (dueAt !== undefined) will.dueAt = dueAt;
  return will;
}

function deadLetterOf(document: DocumentOf<"dead">, origin: MessageOrigin): StoredDeadLetter {
  const { i: id, why: reason, on: at, re: requeues = 0, q } = document;
  const [kind, name] = document.for;
  return { id, reason, at, destination: { kind, name }, requeues, message: messageOf(document, origin, q) };
}

function propertiesOf({ x }: { x?: string }): PublishProperties | undefined {
  if (x === undefined) return undefined;
  const properties = propertiesOfText(x);
  properties?.keep();
  return properties;
}

/**
 * Takes hold of the entry of this key as it is at this moment, and returns what describes it when it is written, which may
 * be later; undefined where there is none.
 */
export function describeState(contents: StoreContents, key: string): (() => StateDocument) | undefined {
  const parts = readStateKey(key);
  if (parts === undefined) return undefined;
  const { kind, owner, part } = parts;
  switch (kind) {
    case "session": {
      const session = contents.sessions.get(owner);
      return session && (() => sessionDocument(session));
    }
    case "subscription": {
      const subscription = contents.subscriptions.get(owner, part);
      return subscription && (() => subscriptionDocument(owner, subscription));
    }
    case "retained": {
      const packet = contents.retained.tree.get(owner);
      return packet && (() => retainedDocument(packet));
    }
    case "will": {
      const will = contents.wills.get(owner);
      return will && (() => willDocument(owner, will));
    }
    case "receipt": {
      const packet = contents.incoming.get(owner)?.get(Number(part));
      return packet && (() => ({ k: "receipt", i: owner, m: Number(part), t: packet.topic }));
    }
    case "released": {
      const released = contents.outgoing.released(owner, part);
      return released && (() => ({ k: "released", i: owner, n: released.key, m: released.packetId }));
    }
    case "queue": {
      const queue = contents.queues.get(owner);
      return queue && (() => queueDocument(queue));
    }
    case "dead": {
      const letter = contents.deadLetters.get(Number(owner));
      return letter && (() => deadLetterDocument(letter, contents.outgoing.home));
    }
  }
}

function sessionDocument({ id: i, awaySince: away, beganAfter: n, expirySeconds: e }: LocalSession): StateDocument {
  return { k: "session", i, away, n, ...(e === NEVER_EXPIRES ? {} : { e }) };
}

function subscriptionDocument(i: string, subscription: StoredSubscription): StateDocument {
  const { topic: f, qos: q, rh, rap, nl, subscriptionIdentifier: id } = subscription;
  const optional = Object.entries({ rh, rap, nl, id }).filter(([, value]) => value !== undefined);
  return { k: "subscription", i, f, q, ...Object.fromEntries(optional) };
}

function retainedDocument(packet: StoredPublish): StateDocument {
  const { topic: t, payload, qos: q, brokerCounter: n, clientId, properties } = packet;
  const document: StateDocument = { k: "retained", t, p: Buffer.from(payload).toString("base64"), q, n };
  if (clientId !== undefined) document.o = clientId;
  const kept = PublishProperties.of(properties);
  if (kept !== undefined) document.x = propertiesText(kept);
  return document;
}

function willDocument(i: string, will: StoredWill): StateDocument {
  const { topic: t, payload, qos: q, retain: r, properties, delaySeconds, dueAt } = will;
  const document: StateDocument = { k: "will", i, t, p: Buffer.from(payload).toString("base64"), q, r };
  if (properties !== undefined) document.x = propertiesText(properties);
  if (delaySeconds !== undefined) document.d = delaySeconds;
  if (dueAt !== undefined) document.due = dueAt;
  return document;
}

function queueDocument({ name: i, settings: s, isCreated: c, isPaused: off }: StoredQueue): StateDocument {
  return { k: "queue", i, s, c, off };
}

function deadLetterDocument({ message, ...letter }: StoredDeadLetter, home: string): StateDocument {
  const { id: i, reason: why, at: on, destination, requeues } = letter;
  const { brokerCounter: n, topic: t, qos: q, publishedAt: at } = message;
  const content = { n, t, p: message.payloadText(), q, at };
  const document: StateDocument = { k: "dead", i, why, on, for: [destination.kind, destination.name], ...content };
  if (requeues > 0) document.re = requeues;
  noteContent(document, message, home);
  return document;
}
