import { Readable } from "node:stream";
import { Settled } from "../store/settled.ts";
import type { Store, StoreBroker } from "../store/store.ts";
import type { ReceiverSubscription } from "../store/stored-packets.ts";
import { isHiddenFrom } from "../topic/topic-rules.ts";

/** Knows which sessions have their device here. */
export interface Residence {
  /** True while the device of this client id lives in this gateway: it then takes its messages from the router. */
  hosts(clientId: string): boolean;
  /** True while no stored session lacks its device here. */
  readonly hostsAll: boolean;
}

const nobody = new Settled<ReceiverSubscription[]>([]);

/**
 * The store as aedes sees it. While it publishes, aedes enqueues each message for every stored subscription, and then
 * emits it. A device that lives here gets it from the router, decides by its mailbox whether it takes it, and tells
 * the store itself; aedes is therefore shown only the subscriptions of sessions that have no device here.
 */
export function localFirst(store: Store, residence: Residence): Store {
  const view = Object.create(null) as Record<string, unknown>;
  for (const method of everyMethod(store)) {
    view[method] = (store[method as keyof Store] as (...args: unknown[]) => unknown).bind(store);
  }
  const overrides = {
    // aedes insists on a literal async function.
    setup: async (broker: StoreBroker) => {
      await store.setup(broker);
    },
    subscriptionsByTopic(topic: string): PromiseLike<ReceiverSubscription[]> {
      if (residence.hostsAll) return nobody;
      return store.subscriptionsByTopic(topic).then((all) => highestOfEach(topic, all, residence));
    },
  };
  // The wills of a store of our own are published at the start. After a jump of the clock aedes would take our own
  // heartbeat for that of a dead gateway, and publish those of clients that are connected.
  const ownWills = store.shared ? {} : { streamWill: () => Readable.from([]) };
  return Object.assign(view, overrides, ownWills) as unknown as Store;
}

/** One subscription for each client that does not live here: that with the highest QoS. */
function highestOfEach(topic: string, all: ReceiverSubscription[], residence: Residence): ReceiverSubscription[] {
  const highest = new Map<string, ReceiverSubscription>();
  for (const subscription of all) {
    if (residence.hosts(subscription.clientId) || isHiddenFrom(subscription.topic, topic)) continue; // [MQTT-4.7.2-1]
    const other = highest.get(subscription.clientId);
    if (other === undefined || other.qos < subscription.qos) highest.set(subscription.clientId, subscription);
  }
  return [...highest.values()];
}

function everyMethod(store: object): Set<string> {
  const names = new Set<string>();
  for (let each = store; each !== Object.prototype && each !== null; each = Object.getPrototypeOf(each)) {
    for (const name of Object.getOwnPropertyNames(each)) {
      const { value } = Object.getOwnPropertyDescriptor(each, name) ?? {};
      if (typeof value === "function" && name !== "constructor") names.add(name);
    }
  }
  return names;
}
