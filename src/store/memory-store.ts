import { Readable } from "node:stream";
import { WaypostError } from "../waypost-error.ts";
import { OutgoingLine } from "./outgoing-line.ts";
import { RetainedTree } from "./retained-tree.ts";
import { Settled, settled } from "./settled.ts";
import type {
  ClientRef,
  OutgoingRef,
  Store,
  StoreBroker,
  StoredOutgoing,
  StoredPublish,
  StoredPubrel,
  StoredSubscription,
  StoredWill,
} from "./store.ts";
import { ownPayload, storedPublish } from "./stored-publish.ts";
import { SubscriptionIndex } from "./subscription-index.ts";

/** A store that lives and dies with the process. Every answer is there at once. */
export class MemoryStore implements Store {
  readonly #retained = new RetainedTree();
  readonly #subscriptions = new SubscriptionIndex();
  readonly #outgoing = new Map<string, OutgoingLine>();
  readonly #incoming = new Map<string, Map<number, StoredPublish>>();
  readonly #wills = new Map<string, StoredWill>();
  #broker: StoreBroker = { id: "" };
  #destroyed = false;

  get broker(): StoreBroker {
    return this.#broker;
  }

  async setup(broker: StoreBroker): Promise<void> {
    this.#broker = broker;
  }

  async destroy(): Promise<void> {
    if (this.#destroyed) throw new WaypostError("ERR_STORE", "the store was destroyed twice");
    this.#destroyed = true;
  }

  storeRetained(packet: StoredPublish): PromiseLike<void> {
    if (packet.payload.length === 0) this.#retained.delete(packet.topic);
    else this.#retained.set(packet.topic, { ...packet, payload: ownPayload(packet) });
    return settled;
  }

  createRetainedStream(filter: string): Readable {
    return Readable.from(this.#retained.matching(filter));
  }

  createRetainedStreamCombi(filters: string[]): Readable {
    return Readable.from(this.#retainedOnce(filters));
  }

  retainedMatching(filters: readonly string[]): PromiseLike<readonly StoredPublish[]> {
    return new Settled(this.#retainedOnce(filters));
  }

  addSubscriptions({ id }: ClientRef, subscriptions: readonly StoredSubscription[]): PromiseLike<void> {
    for (const { topic, qos, rh, rap, nl, subscriptionIdentifier } of subscriptions) {
      const subscription: StoredSubscription = { topic, qos, rh, rap, nl };
      if (subscriptionIdentifier !== undefined) subscription.subscriptionIdentifier = subscriptionIdentifier;
      this.#subscriptions.add(id, subscription);
    }
    return settled;
  }

  removeSubscriptions({ id }: ClientRef, filters: readonly string[]): PromiseLike<void> {
    for (const filter of filters) this.#subscriptions.remove(id, filter);
    return settled;
  }

  cleanSubscriptions({ id }: ClientRef): PromiseLike<void> {
    this.#subscriptions.removeClient(id);
    return settled;
  }

  subscriptionsByClient({ id }: ClientRef): PromiseLike<StoredSubscription[]> {
    return new Settled(this.#subscriptions.ofClient(id));
  }

  subscriptionsByTopic(topic: string) {
    return new Settled(this.#subscriptions.matching(topic));
  }

  countOffline() {
    return new Settled({ subsCount: this.#subscriptions.keptCount, clientsCount: this.#subscriptions.clientCount });
  }

  getClientList(filter: string): Readable {
    return Readable.from(this.#subscriptions.clientsOf(filter));
  }

  outgoingEnqueue({ clientId }: { clientId: string }, packet: StoredPublish): PromiseLike<void> {
    this.#lineOf(clientId).add(storedPublish(packet, packet.payload));
    return settled;
  }

  outgoingEnqueueCombi(receivers: readonly { clientId: string }[], packet: StoredPublish): PromiseLike<void> {
    if (receivers.length === 0) return settled;
    const payload = ownPayload(packet); // one copy, however many receivers wait for it
    for (const { clientId } of receivers) this.#lineOf(clientId).add(storedPublish(packet, payload));
    return settled;
  }

  outgoingUpdate({ id }: ClientRef, packet: OutgoingRef | StoredPubrel): PromiseLike<void> {
    if (this.#outgoing.get(id)?.update(packet)) return settled;
    return noSuchPacket(id, packet.messageId);
  }

  outgoingClearMessageId({ id }: ClientRef, packet: OutgoingRef): PromiseLike<StoredOutgoing | undefined> {
    const line = this.#outgoing.get(id);
    const packetSettled = line?.settle(packet);
    if (line?.size === 0) this.#outgoing.delete(id);
    return new Settled(packetSettled);
  }

  outgoingStream({ id }: ClientRef): Readable {
    return Readable.from(this.#outgoing.get(id)?.list() ?? []);
  }

  cleanOutgoing({ id }: ClientRef): PromiseLike<void> {
    this.#outgoing.delete(id);
    return settled;
  }

  incomingStorePacket({ id }: ClientRef, packet: StoredPublish): PromiseLike<void> {
    let packets = this.#incoming.get(id);
    if (packets === undefined) {
      packets = new Map();
      this.#incoming.set(id, packets);
    }
    packets.set(packet.messageId as number, { ...storedPublish(packet), messageId: packet.messageId });
    return settled;
  }

  incomingGetPacket({ id }: ClientRef, { messageId }: { messageId: number }): PromiseLike<StoredPublish> {
    const packet = this.#incoming.get(id)?.get(messageId);
    return packet === undefined ? noSuchPacket(id, messageId) : new Settled(packet);
  }

  incomingDelPacket({ id }: ClientRef, { messageId }: { messageId: number }): PromiseLike<void> {
    const packets = this.#incoming.get(id);
    if (!packets?.delete(messageId)) return noSuchPacket(id, messageId);
    if (packets.size === 0) this.#incoming.delete(id);
    return settled;
  }

  cleanIncoming({ id }: ClientRef): PromiseLike<void> {
    this.#incoming.delete(id);
    return settled;
  }

  async putWill({ id }: ClientRef, will: StoredWill): Promise<void> {
    // The contract of aedes-persistence: the packet itself learns whose it is.
    will.brokerId = this.#broker.id;
    will.clientId = id;
    this.#wills.set(id, will);
  }

  async getWill({ id }: ClientRef): Promise<StoredWill | undefined> {
    return this.#wills.get(id);
  }

  async delWill({ id }: ClientRef): Promise<StoredWill | undefined> {
    const will = this.#wills.get(id);
    this.#wills.delete(id);
    return will;
  }

  streamWill(brokers: Record<string, number> = {}): Readable {
    return Readable.from([...this.#wills.values()].filter((will) => !Object.hasOwn(brokers, will.brokerId ?? "")));
  }

  #retainedOnce(filters: readonly string[]): StoredPublish[] {
    const found = new Set<StoredPublish>(); // filled as we go: a thousand filters may all match everything
    for (const filter of filters) for (const packet of this.#retained.matching(filter)) found.add(packet);
    return [...found];
  }

  #lineOf(clientId: string): OutgoingLine {
    let line = this.#outgoing.get(clientId);
    if (line === undefined) {
      line = new OutgoingLine(this.#broker.id);
      this.#outgoing.set(clientId, line);
    }
    return line;
  }
}

async function noSuchPacket(clientId: string, packetId: number | undefined): Promise<never> {
  throw new WaypostError("ERR_NO_SUCH_PACKET", `client ${clientId} has no message with packet id ${packetId}`);
}
