import type { Readable } from "node:stream";
import type { QoS } from "../protocol/packet-type.ts";

/** A PUBLISH as aedes hands it round and as a store keeps it; `brokerId` and `brokerCounter` identify the message. */
export interface StoredPublish {
  cmd: "publish";
  brokerId: string;
  brokerCounter: number;
  topic: string;
  payload: Buffer;
  qos: QoS;
  retain: boolean;
  dup: boolean;
  /** The packet id on the way to the receiver; undefined while the message still waits. Absent at QoS 0. */
  messageId?: number | undefined;
  clientId?: string;
  properties?: object;
}

/** What is left of a QoS 2 message once its receiver has confirmed that it has it. */
export interface StoredPubrel {
  cmd: "pubrel";
  messageId: number;
}

export type StoredOutgoing = StoredPublish | StoredPubrel;

export interface StoredSubscription {
  topic: string;
  qos: QoS;
  rh?: number | undefined;
  rap?: boolean | undefined;
  nl?: boolean | undefined;
  subscriptionIdentifier?: number | undefined;
}

export type ReceiverSubscription = StoredSubscription & { clientId: string };

export interface StoredWill {
  topic: string;
  payload: Buffer;
  qos: QoS;
  retain: boolean;
  brokerId?: string;
  clientId?: string;
}

/** Names one client; whoever holds an id will do. */
export interface ClientRef {
  id: string;
}

/** Names one message on its way to one receiver. */
export type OutgoingRef =
  | { messageId: number | undefined; brokerId?: string; brokerCounter?: number }
  | { messageId?: undefined; brokerId: string; brokerCounter: number };

/** The part of a broker that stores see. */
export interface StoreBroker {
  id: string;
}

/**
 * What survives a restart: the contract of aedes-persistence 11, which aedes calls, and below it what devices need
 * beyond it. Results are awaited or chained with `then`; a store that answers at once may return a `Settled`, whose
 * `then` runs its callback before it returns: the hot path then costs no turn of the event loop.
 * Failures reject with ERR_STORE or the adapter's own error.
 */
export interface Store {
  setup(broker: StoreBroker): Promise<void>;
  destroy(): Promise<void>;

  /** Keeps a copy as the retained message of its topic; an empty payload removes it [MQTT-3.3.1-10]. */
  storeRetained(packet: StoredPublish): PromiseLike<void>;
  createRetainedStream(filter: string): Readable;
  createRetainedStreamCombi(filters: string[]): Readable;

  addSubscriptions(client: ClientRef, subscriptions: readonly StoredSubscription[]): PromiseLike<void>;
  removeSubscriptions(client: ClientRef, filters: readonly string[]): PromiseLike<void>;
  cleanSubscriptions(client: ClientRef): PromiseLike<void>;
  subscriptionsByClient(client: ClientRef): PromiseLike<StoredSubscription[]>;
  /** Stored subscriptions with QoS above 0 that match the topic. */
  subscriptionsByTopic(topic: string): PromiseLike<ReceiverSubscription[]>;
  countOffline(): PromiseLike<{ subsCount: number; clientsCount: number }>;
  /** Ids of the clients that have stored exactly this filter. */
  getClientList(filter: string): Readable;

  /** Keeps the packet's payload as it is: the caller must own its memory and leave it unchanged. */
  outgoingEnqueue(receiver: { clientId: string }, packet: StoredPublish): PromiseLike<void>;
  /** Keeps one copy of the packet's payload for all receivers. */
  outgoingEnqueueCombi(receivers: readonly { clientId: string }[], packet: StoredPublish): PromiseLike<void>;
  /** Notes the packet id of a waiting message, or that only its PUBREL is left. */
  outgoingUpdate(client: ClientRef, packet: OutgoingRef | StoredPubrel): PromiseLike<void>;
  /** Settles one message: removes and returns it. */
  outgoingClearMessageId(client: ClientRef, packet: OutgoingRef): PromiseLike<StoredOutgoing | undefined>;
  /** Everything on its way to the client, oldest first. */
  outgoingStream(client: ClientRef): Readable;

  incomingStorePacket(client: ClientRef, packet: StoredPublish): PromiseLike<void>;
  incomingGetPacket(client: ClientRef, packet: { messageId: number }): PromiseLike<StoredPublish>;
  incomingDelPacket(client: ClientRef, packet: { messageId: number }): PromiseLike<void>;
  cleanIncoming(client: ClientRef): PromiseLike<void>;

  putWill(client: ClientRef, will: StoredWill): PromiseLike<void>;
  getWill(client: ClientRef): PromiseLike<StoredWill | undefined>;
  delWill(client: ClientRef): PromiseLike<StoredWill | undefined>;
  streamWill(brokers?: Record<string, number>): Readable;

  /** Retained messages that match any of the filters, each once. */
  retainedMatching(filters: readonly string[]): PromiseLike<readonly StoredPublish[]>;
  /** Forgets everything on its way to the client. */
  cleanOutgoing(client: ClientRef): PromiseLike<void>;
}
