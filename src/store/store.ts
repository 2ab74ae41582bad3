import type { Readable } from "node:stream";
import type { Acceptance } from "./acceptance.ts";
import type { Message, MessageKind } from "./message.ts";
import type { Outstanding } from "./outgoing-line.ts";
import type { StoredDeadLetter } from "./stored-dead-letter.ts";
import type {
  ClientRef,
  OutgoingRef,
  ReceiverSubscription,
  StoredOutgoing,
  StoredPublish,
  StoredPubrel,
  StoredSubscription,
  StoredWill,
} from "./stored-packets.ts";
import type { StoredQueue } from "./stored-queue.ts";
import type { Usage } from "./usage.ts";

/** A persistent session, which outlives the connections of its client. */
export interface StoredSession {
  id: string;
  /** Since when its client is away, in milliseconds since the Unix epoch; 0 while it is connected. */
  awaySince: number;
  /** How long it waits for its client, as the client asked for; `NEVER_EXPIRES` where that sets no limit. */
  expirySeconds: number;
}

/** A Session Expiry Interval without end (MQTT 5, 3.1.2.11.2); the gateway has a limit of its own. */
export const NEVER_EXPIRES = 0xffff_ffff;

/** How a store that writes to a disk is doing. Counts are since the start. */
export interface StoreReport {
  /** Why nothing can be written; null while all is well. */
  failing: string | null;
  bytesWritten: number;
  messagesWritten: number;
  commits: number;
  /** Bytes in its files. */
  bytesOnDisk: number;
  files: number;
}

/** The part of a broker that stores see. */
export interface StoreBroker {
  id: string;
  /** Number of the latest message; a store that has some from before raises it. */
  counter?: number;
}

/**
 * What survives a restart, as aedes sees it: the contract of aedes-persistence 11. Results are awaited or chained with
 * `then`; a store that answers at once may return a `Settled`, whose `then` runs its callback before it returns.
 * Failures reject with ERR_STORE or the adapter's own error.
 */
export interface AedesStore {
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

  putWill(client: ClientRef, will: StoredWill): PromiseLike<void>;
  getWill(client: ClientRef): PromiseLike<StoredWill | undefined>;
  delWill(client: ClientRef): PromiseLike<StoredWill | undefined>;
  streamWill(brokers?: Record<string, number>): Readable;
}

/** What queues and dead letters need of a store, beside the mailboxes of queues, which are sessions. */
export interface DeliveryStore {
  queues(): PromiseLike<readonly StoredQueue[]>;
  /** Takes the place of what was stored of the queue of this name. @throws ERR_INVARIANT where its settings are no JSON map */
  putQueue(queue: StoredQueue): PromiseLike<void>;
  /** Its mailbox is another matter: see `discardSession`. */
  removeQueue(name: string): PromiseLike<void>;
  /** Oldest first, which is by id. */
  deadLetters(): PromiseLike<readonly StoredDeadLetter[]>;
  /**
   * Keeps the letter, in the place of one with the same id; it must stay as it is. Written before long, in one commit with
   * whatever else the store is told in the same turn; never written where it is removed before that. `isAwaited`: at once,
   * and what is returned resolves when it is as durable as the store promises.
   */
  putDeadLetter(letter: StoredDeadLetter, isAwaited?: boolean): PromiseLike<void>;
  removeDeadLetter(id: number): void;
}

/** The whole store: what aedes calls, and what devices, queues and dead letters need beyond it. */
export interface Store extends AedesStore, DeliveryStore {
  /** Other gateways work with the same store: a session in it need not belong here. */
  readonly shared: boolean;
  /** What it keeps for receivers; null where it cannot say. */
  readonly usage: Usage | null;
  readonly retainedUsage: { readonly messages: number; readonly bytes: number } | null;

  /** Retained messages that match any of the filters, each once. */
  retainedMatching(filters: readonly string[]): PromiseLike<readonly StoredPublish[]>;

  /** Removes retained messages whose time is over; until then they are merely not found. */
  removeExpired(): void;

  /** All persistent sessions of a store that is not shared. */
  sessions(): PromiseLike<readonly StoredSession[]>;
  putSession(client: ClientRef, awaySince: number, expirySeconds: number): PromiseLike<void>;
  /** Forgets a session: its subscriptions and everything on its way to the client and from it. */
  discardSession(client: ClientRef): PromiseLike<void>;
  /** Forgets everything on its way to the client. */
  cleanOutgoing(client: ClientRef): PromiseLike<void>;

  /**
   * Keeps the message for the client, until it is released or settled; the message must stay as it is. `isSent` says that
   * it was sent already, under the packet id that follows from its number.
   */
  keep(clientId: string, message: Message, isSent: boolean): Acceptance;
  /** Whether a message of this kind is more durable than memory, once it is accepted. */
  promises(kind: MessageKind): boolean;
  /** The message was sent to the client under this packet id. */
  sent(clientId: string, message: Message, packetId: number): PromiseLike<unknown>;
  /** The client has confirmed a QoS 2 message; only its PUBREL is left, which may leave when this resolves. */
  release(clientId: string, brokerId: string, brokerCounter: number, packetId: number): PromiseLike<void>;
  /** The client need not get the message any more. `packetId` is that of its latest delivery, if there was one. */
  settle(clientId: string, brokerId: string, brokerCounter: number, packetId?: number): PromiseLike<unknown>;
  /** Everything on its way to the client, oldest first. */
  outstanding(clientId: string): PromiseLike<readonly Outstanding[]>;

  /** Packet ids of the QoS 2 messages that came from the client and were not released. */
  receipts(clientId: string): PromiseLike<readonly number[]>;

  /** Resolves when everything that was told before is as durable as the store promises. */
  durable(): PromiseLike<void>;
  /**
   * Writes at once what was told and nobody waits for, such as what receivers have acknowledged; resolves when it is as
   * durable as the store promises.
   */
  written(): PromiseLike<void>;
  /** As `written`, but not waiting any longer where the store begins to fail: a full disk must not keep anybody out. */
  unlessFailing(written: PromiseLike<void>): PromiseLike<void>;
  /** So much waits to be written that no more should come. */
  readonly congested: boolean;
  /** Calls back, once, when it is no longer congested. */
  whenRelieved(done: () => void): void;
  /** Null where it writes to no disk. */
  report(): StoreReport | null;
}
