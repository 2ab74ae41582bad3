import type { QoS } from "../protocol/packet-type.ts";
import type { PublishProperties } from "../protocol/publish-properties.ts";
import type { Will } from "../protocol/read-connect.ts";

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
  clientId?: string | undefined;
  /** Our own have the class; those of someone who embeds the broker are an object as mqtt-packet has it. */
  properties?: PublishProperties | object | undefined;
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

export interface StoredWill extends Will {
  /** When it is published unless the client comes back, in milliseconds since the Unix epoch; absent while it is connected. */
  dueAt?: number;
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
