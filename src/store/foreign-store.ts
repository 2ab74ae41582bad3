import { Readable } from "node:stream";
import { type Clock, systemClock } from "../actor/clock.ts";
import type { Acceptance } from "./acceptance.ts";
import {
  type ForeignPublish,
  fromForeign,
  isExpired,
  toForeign,
  willFromForeign,
  willToForeign,
} from "./foreign-packet.ts";
import { noJournal } from "./journal.ts";
import { LocalDelivery } from "./local-delivery.ts";
import { Message } from "./message.ts";
import { keyOf } from "./message-key.ts";
import type { Outstanding } from "./outgoing-line.ts";
import { settled } from "./settled.ts";
import type { AedesStore, Store } from "./store.ts";
import type { ClientRef, OutgoingRef, StoredOutgoing, StoredPublish, StoredWill } from "./stored-packets.ts";

/** A store with the contract of aedes-persistence 11 and no more: what someone who embeds the broker may bring. */
export type AedesPersistence = AedesStore & { cleanIncoming?(client: ClientRef): PromiseLike<void> };

/** Adds to an aedes persistence what devices need beyond its contract. A `Store` is returned as it is. */
export function completeStore(persistence: AedesPersistence | Store, clock: Clock = systemClock): Store {
  if ("outstanding" in persistence) return persistence;
  // The persistence keeps its state in private members, so the additions are put on the object itself.
  Object.assign(persistence, withForeignPackets(persistence, clock));
  return Object.assign(persistence, additionsTo(persistence, clock));
}

/** Those of its methods that are handed properties, or hand them out. */
type WithProperties =
  | "storeRetained"
  | "outgoingEnqueue"
  | "outgoingEnqueueCombi"
  | "incomingStorePacket"
  | "putWill"
  | "getWill"
  | "delWill"
  | "streamWill";

/** Hands the persistence packets as it knows them. Whoever brought it may call those that keep packets with a callback. */
function withForeignPackets(persistence: AedesPersistence, clock: Clock): Pick<AedesStore, WithProperties> {
  const own = <K extends WithProperties>(name: K) => persistence[name].bind(persistence) as AedesPersistence[K];
  const [storeRetained, incomingStorePacket] = [own("storeRetained"), own("incomingStorePacket")];
  const [outgoingEnqueue, outgoingEnqueueCombi] = [own("outgoingEnqueue"), own("outgoingEnqueueCombi")];
  const [putWill, getWill, delWill, streamWill] = [own("putWill"), own("getWill"), own("delWill"), own("streamWill")];
  const ofForeign = (will: StoredWill | undefined) => (will === undefined ? undefined : willFromForeign(will));
  return {
    storeRetained: (packet, ...rest: []) => storeRetained(toForeign(packet), ...rest),
    incomingStorePacket: (client, packet, ...rest: []) => incomingStorePacket(client, toForeign(packet), ...rest),
    outgoingEnqueue: (receiver, packet, ...rest: []) => outgoingEnqueue(receiver, toForeign(packet), ...rest),
    outgoingEnqueueCombi: (all, packet, ...rest: []) => outgoingEnqueueCombi(all, toForeign(packet), ...rest),
    async putWill(client, will) {
      const foreign = willToForeign(will);
      await putWill(client, foreign);
      const { brokerId, clientId } = foreign; // the contract: the packet itself learns whose it is
      Object.assign(will, { brokerId, clientId });
    },
    getWill: async (client) => ofForeign(await getWill(client)),
    delWill: async (client) => ofForeign(await delWill(client)),
    streamWill: (brokers) => Readable.from(dueWills(streamWill(brokers), clock)),
  };
}

/** Wills of dead gateways, which aedes publishes; one whose delay is not over has to wait. */
async function* dueWills(wills: AsyncIterable<StoredWill>, clock: Clock): AsyncGenerator<StoredWill> {
  for await (const will of wills) if ((will.dueAt ?? 0) <= clock.now()) yield willFromForeign(will);
}

function additionsTo(persistence: AedesPersistence, clock: Clock): Omit<Store, keyof AedesStore> {
  const outgoingOf = async (id: string): Promise<StoredOutgoing[]> =>
    Readable.from(persistence.outgoingStream({ id })).toArray();
  const cleanOutgoing = async (client: ClientRef): Promise<void> => {
    const packets = await outgoingOf(client.id);
    for (const packet of packets) await persistence.outgoingClearMessageId(client, packet as OutgoingRef);
  };
  // The contract has no room for them: they live and die with this process.
  const delivery = new LocalDelivery(noJournal, { queues: new Map(), deadLetters: new Map() });
  return {
    shared: true,
    usage: null,
    retainedUsage: null,
    async retainedMatching(filters) {
      const byTopic = new Map<string, StoredPublish>();
      for await (const each of persistence.createRetainedStreamCombi([...filters])) {
        const packet = each as ForeignPublish;
        if (!isExpired(packet, clock.now())) byTopic.set(packet.topic, fromForeign(packet));
      }
      return [...byTopic.values()];
    },
    removeExpired: () => {}, // the other gateways have the same messages, and clocks of their own
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
      const { properties } = message;
      const packet = properties === undefined ? message.toPacket() : { ...message.toPacket(), properties };
      return acceptanceOf(persistence.outgoingEnqueue({ clientId }, packet));
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
    written: () => settled,
    unlessFailing: (written) => written,
    queues: () => delivery.queues(),
    putQueue: (queue) => delivery.putQueue(queue),
    removeQueue: (name) => delivery.removeQueue(name),
    deadLetters: () => delivery.deadLetters(),
    putDeadLetter: (letter, isAwaited) => delivery.putDeadLetter(letter, isAwaited),
    removeDeadLetter: (id) => delivery.removeDeadLetter(id),
    congested: false,
    whenRelieved: (done) => done(),
    report: () => null,
  };
}

function outstandingOf(packet: StoredOutgoing): Outstanding {
  if (packet.cmd === "pubrel") return { key: packet.messageId, entry: packet, packetId: packet.messageId };
  const entry = new Message(fromForeign(packet), packet.qos, packet.retain);
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
