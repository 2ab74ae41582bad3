import { FilterTree } from "../topic/filter-tree.ts";
import { isShared } from "../topic/shared-filter.ts";
import type { ReceiverSubscription, StoredSubscription } from "./stored-packets.ts";

type Receivers = Map<string, ReceiverSubscription>;

/**
 * Stored subscriptions, found by client and by topic. Shared ones are not found by topic: their messages wait in the
 * mailbox of the shared subscription, which is no client's.
 */
export class SubscriptionIndex {
  readonly #byClient = new Map<string, Map<string, StoredSubscription>>();
  readonly #byFilter = new FilterTree<Receivers>();
  readonly #shared = new Map<string, Receivers>();
  #aboveQoS0 = 0;

  get clientCount(): number {
    return this.#byClient.size;
  }

  /** Subscriptions with QoS above 0 that are not shared: those for which messages are kept. */
  get keptCount(): number {
    return this.#aboveQoS0;
  }

  add(clientId: string, subscription: StoredSubscription): void {
    const { topic } = subscription;
    this.#remove(clientId, topic, this.#byClient.get(clientId));
    let filters = this.#byClient.get(clientId);
    if (filters === undefined) {
      filters = new Map();
      this.#byClient.set(clientId, filters);
    }
    filters.set(topic, subscription);
    const receivers = this.#receiversOf(topic);
    let clients = receivers.get(topic);
    if (clients === undefined) {
      clients = new Map();
      receivers.set(topic, clients);
    }
    const { rh, rap, nl, qos } = subscription;
    clients.set(clientId, { clientId, topic, qos, rh, rap, nl });
    if (isKept(subscription)) this.#aboveQoS0++;
  }

  remove(clientId: string, filter: string): void {
    const filters = this.#byClient.get(clientId);
    this.#remove(clientId, filter, filters);
    if (filters?.size === 0) this.#byClient.delete(clientId);
  }

  removeClient(clientId: string): void {
    const filters = this.#byClient.get(clientId);
    for (const filter of [...(filters?.keys() ?? [])]) this.#remove(clientId, filter, filters);
    this.#byClient.delete(clientId);
  }

  get(clientId: string, filter: string): StoredSubscription | undefined {
    return this.#byClient.get(clientId)?.get(filter);
  }

  ofClient(clientId: string): StoredSubscription[] {
    return [...(this.#byClient.get(clientId)?.values() ?? [])];
  }

  clientsOf(filter: string): string[] {
    return [...(this.#receiversOf(filter).get(filter)?.keys() ?? [])];
  }

  matching(topic: string): ReceiverSubscription[] {
    const found: ReceiverSubscription[] = [];
    for (const clients of this.#byFilter.matching(topic)) {
      for (const subscription of clients.values()) if (subscription.qos > 0) found.push(subscription);
    }
    return found;
  }

  #remove(clientId: string, filter: string, filters: Map<string, StoredSubscription> | undefined): void {
    const old = filters?.get(filter);
    if (old === undefined) return;
    if (isKept(old)) this.#aboveQoS0--;
    filters?.delete(filter);
    const receivers = this.#receiversOf(filter);
    const clients = receivers.get(filter);
    clients?.delete(clientId);
    if (clients?.size === 0) receivers.delete(filter);
  }

  /** Where the subscriptions with this filter are. */
  #receiversOf(filter: string): FilterTree<Receivers> | Map<string, Receivers> {
    return isShared(filter) ? this.#shared : this.#byFilter;
  }
}

function isKept({ topic, qos }: StoredSubscription): boolean {
  return qos > 0 && !isShared(topic);
}
