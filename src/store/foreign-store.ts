import { Readable } from "node:stream";
import type { ClientRef, OutgoingRef, Store, StoredOutgoing, StoredPublish } from "./store.ts";

/** A store with the contract of aedes-persistence 11 and no more: what someone who embeds the broker may bring. */
export type AedesPersistence = Omit<Store, "retainedMatching" | "cleanOutgoing" | "cleanIncoming"> &
  Partial<Pick<Store, "retainedMatching" | "cleanOutgoing" | "cleanIncoming">>;

/** Adds to an aedes persistence what devices need beyond its contract. A `Store` is returned as it is. */
export function completeStore(persistence: AedesPersistence): Store {
  if (persistence.retainedMatching !== undefined && persistence.cleanOutgoing !== undefined)
    return persistence as Store;
  // The persistence keeps its state in private members, so the additions are put on the object itself.
  return Object.assign(persistence, {
    cleanIncoming: persistence.cleanIncoming?.bind(persistence) ?? (async () => {}),
    async retainedMatching(filters: readonly string[]): Promise<StoredPublish[]> {
      const byTopic = new Map<string, StoredPublish>();
      for await (const packet of persistence.createRetainedStreamCombi([...filters])) {
        byTopic.set((packet as StoredPublish).topic, packet as StoredPublish);
      }
      return [...byTopic.values()];
    },
    async cleanOutgoing(client: ClientRef): Promise<void> {
      const packets: StoredOutgoing[] = await Readable.from(persistence.outgoingStream(client)).toArray();
      for (const packet of packets) await persistence.outgoingClearMessageId(client, packet as OutgoingRef);
    },
  });
}
