import type { StateDocument } from "./documents.ts";
import { readStateKey } from "./state-key.ts";
import type { StoreContents } from "./store-contents.ts";

/** Puts an entry that was read into the contents of a store. */
export function restoreState(contents: StoreContents, document: StateDocument, brokerId: string): void {
  switch (document.k) {
    case "session":
      contents.sessions.set(document.i, { id: document.i, awaySince: document.away, beganAfter: document.n ?? 0 });
      return;
    case "subscription": {
      const { i, f: topic, q: qos, rh, rap, nl, id } = document;
      const optional = id === undefined ? {} : { subscriptionIdentifier: id };
      contents.subscriptions.add(i, { topic, qos, rh, rap, nl, ...optional });
      return;
    }
    case "retained": {
      const { t: topic, q: qos, n: brokerCounter, o, x } = document;
      const payload = Buffer.from(document.p, "base64");
      const identity = { cmd: "publish" as const, brokerId, brokerCounter, dup: false, retain: true };
      const properties = x === undefined ? {} : { properties: JSON.parse(x) };
      contents.retained.restore({
        ...identity,
        topic,
        payload,
        qos,
        ...(o === undefined ? {} : { clientId: o }),
        ...properties,
      });
      return;
    }
    case "will": {
      const { i: clientId, t: topic, q: qos, r: retain } = document;
      contents.wills.set(clientId, {
        topic,
        payload: Buffer.from(document.p, "base64"),
        qos,
        retain,
        brokerId,
        clientId,
      });
      return;
    }
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

/** The entry of this key as it is written; undefined where it is no more. */
export function describeState(contents: StoreContents, key: string): StateDocument | undefined {
  const parts = readStateKey(key);
  if (parts === undefined) return undefined;
  const { kind, owner, part } = parts;
  switch (kind) {
    case "session": {
      const session = contents.sessions.get(owner);
      return session && { k: "session", i: owner, away: session.awaySince, n: session.beganAfter };
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
      if (properties !== undefined) document.x = JSON.stringify(properties);
      return document;
    }
    case "will": {
      const will = contents.wills.get(owner);
      if (will === undefined) return undefined;
      const p = Buffer.from(will.payload).toString("base64");
      return { k: "will", i: owner, t: will.topic, p, q: will.qos, r: will.retain };
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
