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
  clientId?: string | undefined;
  properties?: object | undefined;
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
