import { Readable } from "node:stream";
import type { Acceptance } from "./acceptance.ts";
import { Message } from "./message.ts";
import { keyOf } from "./message-key.ts";
import type { Outstanding } from "./outgoing-line.ts";
import { settled } from "./settled.ts";
import type { AedesStore, Store } from "./store.ts";
import type { ClientRef, OutgoingRef, StoredOutgoing, StoredPublish } from "./stored-packets.ts";

/** A store with the contract of aedes-persistence 11 and no more: what someone who embeds the broker may bring. */
export type AedesPersistence = AedesStore & { cleanIncoming?(client: ClientRef): PromiseLike<void> };

/** Adds to an aedes persistence what devices need beyond its contract. A `Store` is returned as it is. */
export function completeStore(persistence: AedesPersistence | Store): Store {
  if ("outstanding" in persistence) return persistence;
  // The persistence keeps its state in private members, so the additions are put on the object itself.
  return Object.assign(persistence, additionsTo(persistence));
}

function additionsTo(persistence: AedesPersistence): Omit<Store, keyof AedesStore> {
  const outgoingOf = async (id: string): Promise<StoredOutgoing[]> =>
    Readable.from(persistence.outgoingStream({ id })).toArray();
  const cleanOutgoing = async (client: ClientRef): Promise<void> => {
    const packets = await outgoingOf(client.id);
    for (const packet of packets) await persistence.outgoingClearMessageId(client, packet as OutgoingRef);
  };
  return {
    shared: true,
    usage: null,
    retainedUsage: null,
    async retainedMatching(filters) {
      const byTopic = new Map<string, StoredPublish>();
      for await (const packet of persistence.createRetainedStreamCombi([...filters])) {
        byTopic.set((packet as StoredPublish).topic, packet as StoredPublish);
      }
      return [...byTopic.values()];
    },
    sessions: async () => [], // they belong to whichever gateway their clients come to
    putSession: () => settled,
    async discardSession(client) {
      await persistence.cleanSubscriptions(client);
      await cleanOutgoing(client);
      await persistence.cleanIncoming?.(client);
    },
    cleanOutgoing,
    keep(clientId, message) {
      message.keep();
      return acceptanceOf(persistence.outgoingEnqueue({ clientId }, message.toPacket()));
    },
    promises: () => true,
    sent: (id, { brokerId, brokerCounter }, messageId) =>
      persistence.outgoingUpdate({ id }, { brokerId, brokerCounter, messageId }),
    release: (id, _brokerId, _brokerCounter, messageId) =>
      persistence.outgoingUpdate({ id }, { cmd: "pubrel", messageId }),
    settle(id, brokerId, brokerCounter, messageId) {
      const ref = messageId === undefined ? { messageId, brokerId, brokerCounter } : { messageId };
      return persistence.outgoingClearMessageId({ id }, ref);
    },
    outstanding: async (id) => (await outgoingOf(id)).map(outstandingOf),
    receipts: async () => [], // it can only be asked for each by itself
    durable: () => settled,
    unlessFailing: (written) => written,
    congested: false,
    whenRelieved: (done) => done(),
    report: () => null,
  };
}

function outstandingOf(packet: StoredOutgoing): Outstanding {
  if (packet.cmd === "pubrel") return { key: packet.messageId, entry: packet, packetId: packet.messageId };
  const entry = new Message(packet, packet.qos, packet.retain);
  return { key: keyOf(packet.brokerId, packet.brokerCounter, ""), entry, packetId: packet.messageId ?? undefined };
}

function acceptanceOf(result: PromiseLike<unknown>): Acceptance {
  let accepted = false;
  result.then(
    () => {
      accepted = true;
    },
    () => {},
  );
  return {
    get accepted() {
      return accepted;
    },
    whenAccepted(done) {
      if (accepted) return done();
      result.then(() => done(), done);
    },
  };
}
