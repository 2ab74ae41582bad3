import type { Listener } from "../broker/router.ts";
import type { QoS } from "../protocol/packet-type.ts";
import { NEVER_EXPIRES } from "../store/store.ts";
import { filterMatches } from "../topic/topic-rules.ts";
import type { Share } from "./share.ts";

/** What a client asked for with one topic filter (MQTT 5, 3.8.3.1); before MQTT 5 only the QoS. */
export interface SubscriptionOptions {
  readonly qos: QoS;
  readonly nl?: boolean | undefined;
  readonly rap?: boolean | undefined;
  readonly subscriptionIdentifier?: number | undefined;
}

export interface SessionSubscription extends SubscriptionOptions {
  /** Where it is a shared one; its messages come from there. */
  readonly share: Share | null;
  /** What stands in the router for it, where it is no shared one. */
  readonly listener: Listener | null;
}

/** What all subscriptions that match a topic say together. */
export interface Grant {
  /** The highest. */
  readonly qos: QoS;
  readonly retainAsPublished: boolean;
  /** Of all of them that have one [MQTT-3.3.4-3] [MQTT-3.3.4-4]; null for none. */
  readonly subscriptionIdentifiers: readonly number[] | null;
}

/** A QoS 2 message that came and was not released yet. */
export interface Receipt {
  /** Repetitions that wait for the store to accept it; null once it has. */
  waiting: ((error?: unknown) => void)[] | null;
  /** Serial number of the connection that it came by; 0 since a restart. */
  readonly connection: number;
}

/** Topics whose grants are remembered. */
const GRANTS_MAX = 1000;

/** The MQTT state of a device: pure data (MQTT 5, 4.1). Outgoing messages are in its mailbox and window. */
export class Session {
  /** Ends with its connection [MQTT-3.1.2-6], and the store never hears of it. */
  readonly clean: boolean;
  /** How long it outlives its connection; 0 for one that ends with it though the store has it. */
  expirySeconds = NEVER_EXPIRES;
  readonly subscriptions = new Map<string, SessionSubscription>();
  /** Incoming QoS 2 messages by packet id [MQTT-4.3.3-2]. Made when the first comes. */
  inbound: Map<number, Receipt> | null = null;
  #noLocal = 0;
  #special = 0;
  #grants: Map<string, Grant> | null = null;

  constructor(clean: boolean) {
    this.clean = clean;
  }

  /** Some subscription is not to get what this very client publishes. */
  get hasNoLocal(): boolean {
    return this.#noLocal > 0;
  }

  /** Some subscription has an identifier, or wants to know what was published as retained: messages have to be told apart. */
  get isSpecial(): boolean {
    return this.#special > 0;
  }

  subscribe(filter: string, subscription: SessionSubscription): void {
    this.unsubscribe(filter);
    this.subscriptions.set(filter, subscription);
    this.#count(subscription, 1);
  }

  unsubscribe(filter: string): SessionSubscription | undefined {
    const subscription = this.subscriptions.get(filter);
    if (subscription === undefined) return undefined;
    this.subscriptions.delete(filter);
    this.#count(subscription, -1);
    return subscription;
  }

  /** QoS 2 messages that came before a restart are still known, whatever DUP says of them then [MQTT-4.3.3-2]. */
  restoreInbound(packetIds: readonly number[]): void {
    if (packetIds.length === 0) return;
    this.inbound ??= new Map();
    for (const packetId of packetIds) {
      if (!this.inbound.has(packetId)) this.inbound.set(packetId, { waiting: null, connection: 0 });
    }
  }

  /** What was granted to the subscriptions that match the topic, or undefined where none does. */
  grantFor(topic: string): Grant | undefined {
    const known = this.#grants?.get(topic);
    if (known !== undefined) return known;
    const grant = this.#grantAmong(topic, this.subscriptions);
    if (grant === undefined) return undefined;
    this.#grants ??= new Map();
    if (this.#grants.size >= GRANTS_MAX) this.#grants.clear();
    this.#grants.set(topic, grant);
    return grant;
  }

  /** The same for what this very client publishes [MQTT-3.8.3-3]. */
  grantForOwn(topic: string): Grant | undefined {
    return this.#grantAmong(
      topic,
      [...this.subscriptions].filter(([, { nl }]) => !nl),
    );
  }

  #grantAmong(topic: string, subscriptions: Iterable<[string, SessionSubscription]>): Grant | undefined {
    let qos: QoS | undefined;
    let retainAsPublished = false;
    const identifiers: number[] = [];
    for (const [filter, subscription] of subscriptions) {
      if (subscription.share !== null || !filterMatches(filter, topic)) continue;
      qos = Math.max(subscription.qos, qos ?? 0) as QoS;
      retainAsPublished ||= subscription.rap === true;
      const { subscriptionIdentifier } = subscription;
      if (subscriptionIdentifier !== undefined && !identifiers.includes(subscriptionIdentifier)) {
        identifiers.push(subscriptionIdentifier);
      }
    }
    if (qos === undefined) return undefined;
    return { qos, retainAsPublished, subscriptionIdentifiers: identifiers.length > 0 ? identifiers : null };
  }

  #count({ nl, rap, subscriptionIdentifier, share }: SessionSubscription, by: 1 | -1): void {
    this.#grants = null;
    if (share !== null) return;
    if (nl) this.#noLocal += by;
    if (rap || subscriptionIdentifier !== undefined) this.#special += by;
  }
}
