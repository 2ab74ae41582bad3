import type { MailboxLimits } from "../actor/mailbox.ts";
import type { QoS } from "../protocol/packet-type.ts";
import type { Durability } from "../store/durability.ts";

/** What is done with a message for which there is no room. */
export type WhenFull = "reject-newest" | "remove-oldest" | "remove-low-priority" | "flow-control";

export interface MailboxSettings extends MailboxLimits {
  whenFull: WhenFull;
  /** How long a message waits; 0 for no limit. */
  timeToLiveSeconds: number;
}

/** A class of topics; what is undefined is as for all messages. */
export interface TopicClassSettings {
  topics: readonly string[];
  /** 0 to 9; what has the lowest is removed first. */
  priority: number;
  durability?: Durability | undefined;
  messagesMax?: number | undefined;
  bytesMax?: number | undefined;
  whenFull?: WhenFull | undefined;
  timeToLiveSeconds?: number | undefined;
}

/** The limits that devices and their connections keep to. One object for all, read at each use. */
export interface DeviceSettings {
  mailboxes: MailboxSettings;
  /** The first class that has a filter which matches is a message's class. Replaced as a whole when it changes. */
  classes: readonly TopicClassSettings[];
  /** What waits in all mailboxes together, each message counted once. */
  store: MailboxLimits;
  /** Retained messages. */
  retained: MailboxLimits;
  /** Messages with QoS above 0 on the way to one device that are not acknowledged. */
  inFlightMax: number;
  /** QoS 2 messages from one device whose handshake is not finished; 0 for no limit. */
  inboundInFlightMax: number;
  /** Persistent sessions kept. */
  sessionsMax: number;
  /** How long a session waits for its device to return. */
  sessionExpirySeconds: number;
  subscriptionsPerDeviceMax: number;
  /** Of these, shared ones: each group has a mailbox. */
  sharedSubscriptionsPerDeviceMax: number;
  /** How long a connection may take until its CONNECT is whole. */
  connectSeconds: number;
  /** Largest remaining length of a packet. */
  packetBytesMax: number;
  /** Largest properties of one message, in bytes of their wire form. */
  propertiesBytesMax: number;
  topicBytesMax: number;
  topicLevelsMax: number;
  clientIdBytesMax: number;
  /** Longest client id of MQTT 3.1, in characters. */
  mqtt31ClientIdMax: number;
  /** Longest keep alive that is accepted; 0 for no limit. MQTT 5 clients are told to keep to it, others are refused. */
  keepAliveSecondsMax: number;
  /** Highest QoS of MQTT 5 clients' messages, and of all subscriptions. */
  qosMax: QoS;
  /** Whether MQTT 5 clients may publish retained messages. */
  retainAvailable: boolean;
  wildcardSubscriptions: boolean;
  sharedSubscriptions: boolean;
  subscriptionIdentifiers: boolean;
  /** Topic aliases of one connection, in each direction; 0 for none. */
  topicAliasesMax: number;
  /** Whether a payload that is said to be text must be UTF-8 [MQTT-3.3.2-4]. */
  payloadFormatChecked: boolean;
  /** Bytes that may wait for one connection's peer to read. */
  sendBufferBytesMax: number;
}

export const defaultDeviceSettings: DeviceSettings = {
  mailboxes: { messagesMax: 1000, bytesMax: 16 * 1024 * 1024, whenFull: "reject-newest", timeToLiveSeconds: 0 },
  classes: [],
  store: { messagesMax: 1_000_000, bytesMax: 1024 * 1024 * 1024 },
  retained: { messagesMax: 100_000, bytesMax: 64 * 1024 * 1024 },
  inFlightMax: 100,
  inboundInFlightMax: 1000,
  sessionsMax: 10_000,
  sessionExpirySeconds: 7 * 24 * 3600,
  subscriptionsPerDeviceMax: 1000,
  sharedSubscriptionsPerDeviceMax: 20,
  connectSeconds: 10,
  packetBytesMax: 4 * 1024 * 1024,
  propertiesBytesMax: 64 * 1024,
  topicBytesMax: 4096,
  topicLevelsMax: 100,
  clientIdBytesMax: 256,
  mqtt31ClientIdMax: 23,
  keepAliveSecondsMax: 0,
  qosMax: 2,
  retainAvailable: true,
  wildcardSubscriptions: true,
  sharedSubscriptions: true,
  subscriptionIdentifiers: true,
  topicAliasesMax: 32,
  payloadFormatChecked: false,
  sendBufferBytesMax: 1024 * 1024,
};
