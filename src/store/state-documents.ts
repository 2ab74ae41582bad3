import { PublishProperties } from "../protocol/publish-properties.ts";
import type { StateDocument } from "./documents.ts";
import { propertiesOfText, propertiesText } from "./properties-text.ts";
import { readStateKey } from "./state-key.ts";
import { NEVER_EXPIRES } from "./store.ts";
import type { StoreContents } from "./store-contents.ts";
import type { StoredPublish, StoredWill } from "./stored-packets.ts";

type DocumentOf<K extends StateDocument["k"]> = Extract<StateDocument, { k: K }>;

/** Puts an entry that was read into the contents of a store. */
export function restoreState(contents: StoreContents, document: StateDocument, brokerId: string): void {
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
      contents.retained.restore(retainedOf(document, brokerId));
      return;
    case "will":
      contents.wills.set(document.i, willOf(document, brokerId));
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

function propertiesOf({ x }: { x?: string }): PublishProperties | undefined {
  if (x === undefined) return undefined;
  const properties = propertiesOfText(x);
  properties?.keep();
  return properties;
}

/** The entry of this key as it is written; undefined where it is no more. */
export function describeState(contents: StoreContents, key: string): StateDocument | undefined {
  const parts = readStateKey(key);
  if (parts === undefined) return undefined;
  const { kind, owner, part } = parts;
  switch (kind) {
    case "session": {
      const session = contents.sessions.get(owner);
      if (session === undefined) return undefined;
      const { awaySince: away, beganAfter: n, expirySeconds: e } = session;
      return { k: "session", i: owner, away, n, ...(e === NEVER_EXPIRES ? {} : { e }) };
    }
    case "subscription": {
      const found = contents.subscriptions.get(owner, part);
      if (found === undefined) return undefined;
      const { qos: q, rh, rap, nl, subscriptionIdentifier: id } = found;
      const optional = Object.entries({ rh, rap, nl, id }).filter(([, value]) => value !== undefined);
      return { k: "subscription", i: owner, f: part, q, ...Object.fromEntries(optional) };
    }
    case "retained": {
      const packet = contents.retained.tree.get(owner);
      if (packet === undefined) return undefined;
      const { payload, qos: q, brokerCounter: n, clientId, properties } = packet;
      const document: StateDocument = { k: "retained", t: owner, p: Buffer.from(payload).toString("base64"), q, n };
      if (clientId !== undefined) document.o = clientId;
      const kept = PublishProperties.of(properties);
      if (kept !== undefined) document.x = propertiesText(kept);
      return document;
    }
    case "will": {
      const will = contents.wills.get(owner);
      if (will === undefined) return undefined;
      const { topic: t, payload, qos: q, retain: r, properties, delaySeconds, dueAt } = will;
      const document: StateDocument = { k: "will", i: owner, t, p: Buffer.from(payload).toString("base64"), q, r };
      if (properties !== undefined) document.x = propertiesText(properties);
      if (delaySeconds !== undefined) document.d = delaySeconds;
      if (dueAt !== undefined) document.due = dueAt;
      return document;
    }
    case "receipt": {
      const packet = contents.incoming.get(owner)?.get(Number(part));
      return packet && { k: "receipt", i: owner, m: Number(part), t: packet.topic };
    }
    case "released": {
      const released = contents.outgoing.released(owner, part);
      if (released === undefined) return undefined;
      return { k: "released", i: owner, n: released.key, m: released.packetId };
    }
  }
}
