import { Readable } from "node:stream";
import { type Clock, systemClock } from "../actor/clock.ts";
import { PublishProperties } from "../protocol/publish-properties.ts";
import { WaypostError } from "../waypost-error.ts";
import type { Acceptance } from "./acceptance.ts";
import type { Durability } from "./durability.ts";
import type { Journal } from "./journal.ts";
import { LocalDelivery } from "./local-delivery.ts";
import { Message, type MessageKind } from "./message.ts";
import { keyOf } from "./message-key.ts";
import { type Outstanding, packetOf } from "./outgoing-line.ts";
import { isOwn, type RetainedLimits } from "./retained-messages.ts";
import { Settled, settled } from "./settled.ts";
import { stateKey } from "./state-key.ts";
import type { Store, StoreBroker, StoredSession, StoreReport } from "./store.ts";
import { StoreContents } from "./store-contents.ts";
import type {
  ClientRef,
  OutgoingRef,
  StoredOutgoing,
  StoredPublish,
  StoredPubrel,
  StoredSubscription,
  StoredWill,
} from "./stored-packets.ts";
import { storedPublish } from "./stored-publish.ts";

/** Expired retained messages that are removed in one turn of the event loop. */
const EXPIRE_AT_ONCE = 2000;

export interface LocalStoreOptions {
  retained?: RetainedLimits;
  durability?: Durability;
  /** By which retained messages expire. */
  clock?: Clock;
  /** A retained message was not kept, because the limits are reached. */
  retainedRefused?: (topic: string) => void;
}

/**
 * A store that answers from memory, and tells a journal of what changed. What has to be on the disk before somebody is
 * answered is a promise of the journal; everything else is there at once.
 */
export class LocalStore extends LocalDelivery implements Store {
  readonly shared = false;
  declare protected readonly contents: StoreContents;
  readonly #journal: Journal;
  readonly #retainedRefused: (topic: string) => void;
  #broker: StoreBroker = { id: "" };
  #destroyed = false;

  constructor(journal: Journal, options: LocalStoreOptions) {
    const { durability = "memory", clock = systemClock } = options;
    const { retained = { messagesMax: Infinity, bytesMax: Infinity } } = options;
    super(journal, new StoreContents(journal, durability, retained, clock));
    this.#journal = journal;
    this.#retainedRefused = options.retainedRefused ?? (() => {});
  }

  get broker(): StoreBroker {
    return this.#broker;
  }

  /** Whether the publisher of such a message waits until it is on the disk, or nobody needs it any more. */
  promises(kind: MessageKind): boolean {
    return (kind.durability ?? this.contents.outgoing.durability) !== "memory";
  }

  get usage() {
    return this.contents.outgoing.usage;
  }

  get retainedUsage(): { readonly messages: number; readonly bytes: number } {
    return this.contents.retained.usage;
  }

  report(): StoreReport | null {
    return null;
  }

  unlessFailing(written: PromiseLike<void>): PromiseLike<void> {
    return written;
  }

  get congested(): boolean {
    return false;
  }

  whenRelieved(done: () => void): void {
    done();
  }

  async setup(broker: StoreBroker): Promise<void> {
    this.#broker = broker;
    this.contents.outgoing.home = broker.id;
  }

  async destroy(): Promise<void> {
    if (this.#destroyed) throw new WaypostError("ERR_STORE", "the store was destroyed twice");
    this.#destroyed = true;
  }

  durable(): PromiseLike<void> {
    return this.#journal.durable();
  }

  written(): PromiseLike<void> {
    return this.#journal.written();
  }

  storeRetained(packet: StoredPublish): PromiseLike<void> {
    const { topic } = packet;
    if (packet.payload.length === 0) this.contents.retained.delete(topic);
    else if (!this.contents.retained.set(packet)) {
      this.#retainedRefused(topic);
      return settled;
    }
    if (!isOwn(topic)) {
      const key = stateKey("retained", topic);
      // The publisher's acknowledgement waits for `durable()`; the delivery, which comes after this, does not.
      if (packet.qos > 0) void this.#journal.commit(key);
      else this.#journal.changed(key);
    }
    return settled;
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter]);
  }

  createRetainedStreamCombi(filters: string[]): Readable {
    return Readable.from(this.contents.retained.matching(filters));
  }

  retainedMatching(filters: readonly string[]): PromiseLike<readonly StoredPublish[]> {
    return new Settled(this.contents.retained.matching(filters));
  }

  removeExpired(): void {
    if (this.#destroyed) return;
    const topics = this.contents.retained.removeExpired(EXPIRE_AT_ONCE);
    this.#journal.changed(...topics.map((topic) => stateKey("retained", topic)));
    if (topics.length === EXPIRE_AT_ONCE) setImmediate(() => this.removeExpired()); // others have their turn meanwhile
  }

  addSubscriptions({ id }: ClientRef, subscriptions: readonly StoredSubscription[]): PromiseLike<void> {
    for (const { topic, qos, rh, rap, nl, subscriptionIdentifier } of subscriptions) {
      const subscription: StoredSubscription = { topic, qos, rh, rap, nl };
      if (subscriptionIdentifier !== undefined) subscription.subscriptionIdentifier = subscriptionIdentifier;
      this.contents.subscriptions.add(id, subscription);
    }
    return this.#journal.commit(...subscriptions.map(({ topic }) => stateKey("subscription", id, topic)));
  }

  removeSubscriptions({ id }: ClientRef, filters: readonly string[]): PromiseLike<void> {
    for (const filter of filters) this.contents.subscriptions.remove(id, filter);
    return this.#journal.commit(...filters.map((filter) => stateKey("subscription", id, filter)));
  }

  cleanSubscriptions({ id }: ClientRef): PromiseLike<void> {
    const filters = this.contents.subscriptions.ofClient(id).map(({ topic }) => topic);
    this.contents.subscriptions.removeClient(id);
    if (filters.length === 0) return settled;
    return this.#journal.commit(...filters.map((filter) => stateKey("subscription", id, filter)));
  }

  subscriptionsByClient({ id }: ClientRef): PromiseLike<StoredSubscription[]> {
    return new Settled(this.contents.subscriptions.ofClient(id));
  }

  subscriptionsByTopic(topic: string) {
    return new Settled(this.contents.subscriptions.matching(topic));
  }

  countOffline() {
    return new Settled({
      subsCount: this.contents.subscriptions.keptCount,
      clientsCount: this.contents.subscriptions.clientCount,
    });
  }

  getClientList(filter: string): Readable {
    return Readable.from(this.contents.subscriptions.clientsOf(filter));
  }

  sessions(): PromiseLike<readonly StoredSession[]> {
    const all = this.contents.sessions.values();
    return new Settled(Array.from(all, ({ id, awaySince, expirySeconds }) => ({ id, awaySince, expirySeconds })));
  }

  putSession({ id }: ClientRef, awaySince: number, expirySeconds: number): PromiseLike<void> {
    const known = this.contents.sessions.get(id);
    if (known?.awaySince === awaySince && known.expirySeconds === expirySeconds) return settled;
    const beganAfter = known?.beganAfter ?? this.#broker.counter ?? 0;
    this.contents.sessions.set(id, { id, awaySince, expirySeconds, beganAfter });
    const key = stateKey("session", id);
    if (known === undefined) return this.#journal.commit(key);
    this.#journal.changed(key);
    return settled;
  }

  discardSession(client: ClientRef): PromiseLike<void> {
    const { id } = client;
    this.contents.outgoing.discard(id);
    this.cleanIncoming(client);
    const hadSession = this.contents.sessions.delete(id);
    const subscriptionsGone = this.cleanSubscriptions(client);
    return hadSession ? this.#journal.commit(stateKey("session", id)) : subscriptionsGone;
  }

  keep(clientId: string, message: Message, isSent: boolean): Acceptance {
    return this.contents.outgoing.keep(clientId, message, isSent);
  }

  sent(clientId: string, { brokerId, brokerCounter }: Message, packetId: number): PromiseLike<void> {
    this.contents.outgoing.sent(clientId, keyOf(brokerId, brokerCounter, this.#broker.id), packetId);
    return settled;
  }

  release(clientId: string, brokerId: string, brokerCounter: number, packetId: number): PromiseLike<void> {
    return (
      this.contents.outgoing.release(clientId, keyOf(brokerId, brokerCounter, this.#broker.id), packetId) ?? settled
    );
  }

  settle(clientId: string, brokerId: string, brokerCounter: number): PromiseLike<void> {
    this.contents.outgoing.settle(clientId, keyOf(brokerId, brokerCounter, this.#broker.id));
    return settled;
  }

  outstanding(clientId: string): PromiseLike<readonly Outstanding[]> {
    return new Settled(this.contents.outgoing.list(clientId));
  }

  receipts(clientId: string): PromiseLike<readonly number[]> {
    return new Settled([...(this.contents.incoming.get(clientId)?.keys() ?? [])]);
  }

  outgoingEnqueue(receiver: { clientId: string }, packet: StoredPublish): PromiseLike<void> {
    return this.outgoingEnqueueCombi([receiver], packet);
  }

  outgoingEnqueueCombi(receivers: readonly { clientId: string }[], packet: StoredPublish): PromiseLike<void> {
    if (receivers.length === 0) return settled;
    const message = new Message(packet, packet.qos, false); // one copy, however many receivers; not retained [MQTT-3.3.1-9]
    for (const { clientId } of receivers) this.contents.outgoing.keep(clientId, message, false);
    // Aedes delivers when this is done, which must not wait; who acknowledges waits for `durable()`.
    return settled;
  }

  outgoingUpdate({ id }: ClientRef, packet: OutgoingRef | StoredPubrel): PromiseLike<void> {
    const { messageId } = packet;
    if (messageId === undefined) return noSuchPacket(id, messageId);
    if ("cmd" in packet && packet.cmd === "pubrel") {
      const key = this.contents.outgoing.keyOfRef(id, { messageId });
      const released = key === undefined ? undefined : this.contents.outgoing.release(id, key, messageId);
      return released ?? noSuchPacket(id, messageId);
    }
    const { brokerId, brokerCounter } = packet as OutgoingRef;
    const key = this.contents.outgoing.keyOfRef(id, { brokerId, brokerCounter } as OutgoingRef);
    if (key === undefined || !this.contents.outgoing.sent(id, key, messageId)) return noSuchPacket(id, messageId);
    return settled;
  }

  outgoingClearMessageId({ id }: ClientRef, packet: OutgoingRef): PromiseLike<StoredOutgoing | undefined> {
    const key = this.contents.outgoing.keyOfRef(id, packet);
    const entry = key === undefined ? undefined : this.contents.outgoing.settle(id, key);
    if (key === undefined || entry === undefined) return new Settled<StoredOutgoing | undefined>(undefined);
    return new Settled(packetOf({ key, entry, packetId: packet.messageId }));
  }

  outgoingStream({ id }: ClientRef): Readable {
    return Readable.from(this.contents.outgoing.list(id).map(packetOf));
  }

  cleanOutgoing({ id }: ClientRef): PromiseLike<void> {
    this.contents.outgoing.discard(id);
    return settled;
  }

  incomingStorePacket({ id }: ClientRef, packet: StoredPublish): PromiseLike<void> {
    let packets = this.contents.incoming.get(id);
    if (packets === undefined) {
      packets = new Map();
      this.contents.incoming.set(id, packets);
    }
    packets.set(packet.messageId as number, { ...storedPublish(packet), messageId: packet.messageId });
    return this.#journal.commit(stateKey("receipt", id, packet.messageId));
  }

  incomingGetPacket({ id }: ClientRef, { messageId }: { messageId: number }): PromiseLike<StoredPublish> {
    const packet = this.contents.incoming.get(id)?.get(messageId);
    return packet === undefined ? noSuchPacket(id, messageId) : new Settled(packet);
  }

  incomingDelPacket({ id }: ClientRef, { messageId }: { messageId: number }): PromiseLike<void> {
    const packets = this.contents.incoming.get(id);
    if (!packets?.delete(messageId)) return noSuchPacket(id, messageId);
    if (packets.size === 0) this.contents.incoming.delete(id);
    return this.#journal.commit(stateKey("receipt", id, messageId));
  }

  cleanIncoming({ id }: ClientRef): PromiseLike<void> {
    const packetIds = [...(this.contents.incoming.get(id)?.keys() ?? [])];
    this.contents.incoming.delete(id);
    this.#journal.changed(...packetIds.map((packetId) => stateKey("receipt", id, packetId)));
    return settled;
  }

  async putWill({ id }: ClientRef, will: StoredWill): Promise<void> {
    // The contract of aedes-persistence: the packet itself learns whose it is.
    will.brokerId = this.#broker.id;
    will.clientId = id;
    if (will.properties !== undefined) {
      const properties = PublishProperties.of(will.properties); // someone who embeds the broker gives an object
      if (properties === undefined) delete will.properties;
      else will.properties = properties;
    }
    this.contents.wills.set(id, will);
    await this.#journal.commit(stateKey("will", id));
  }

  async getWill({ id }: ClientRef): Promise<StoredWill | undefined> {
    return this.contents.wills.get(id);
  }

  async delWill({ id }: ClientRef): Promise<StoredWill | undefined> {
    const will = this.contents.wills.get(id);
    if (!this.contents.wills.delete(id)) return undefined;
    this.#journal.changed(stateKey("will", id));
    return will;
  }

  streamWill(brokers: Record<string, number> = {}): Readable {
    return Readable.from(
      [...this.contents.wills.values()].filter((will) => !Object.hasOwn(brokers, will.brokerId ?? "")),
    );
  }
}

async function noSuchPacket(clientId: string, packetId: number | undefined): Promise<never> {
  throw new WaypostError("ERR_NO_SUCH_PACKET", `client ${clientId} has no message with packet id ${packetId}`);
}
