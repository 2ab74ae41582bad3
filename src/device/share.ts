import type { QoS } from "../protocol/packet-type.ts";
import type { Message } from "../store/message.ts";
import type { Link } from "./link.ts";

/** Whoever lends a message to a device and stays answerable for it until it is settled. */
export interface Lender {
  /** The device has confirmed it, or takes none of that size. */
  settled(message: Message): void;
  /** The device left before it confirmed these, oldest first. */
  returned(messages: readonly Message[]): void;
}

/** What a member of a share asked for, and was granted. */
export interface ShareOptions {
  readonly qos: QoS;
  /** Retain As Published. */
  readonly rap?: boolean | undefined;
  readonly subscriptionIdentifier?: number | undefined;
}

/** A device as those see it who lend it messages. */
export interface Borrower {
  readonly id: string;
  /** It is connected and takes one more message at once. */
  readonly hasRoom: boolean;
  readonly isOnline: boolean;
  /** Its session ends with its connection. */
  readonly isTransient: boolean;
  /** Sends a message of QoS 0 or 1, which stays the lender's; false where the device may not have it. */
  lend(message: Message, lender: Lender, options: ShareOptions): boolean;
  /** Hands a message over for good; what its acceptance depends on is noted on it, and so is that there is no room. */
  give(message: Message): void;
  /** The same with a message that waited with the giver: it was admitted there, and is not refused. */
  handOver(message: Message): void;
  /** It makes no room before this publisher is read again. */
  waitsFor(publisher: Link, seen: Set<Link>): boolean;
  /** It broke over a message that is its own. */
  crashed(reason: unknown, message: Message, granted: QoS): void;
  /** It broke over something that it was lent. */
  failed(reason: unknown): void;
}

/** Devices that subscribe to one filter together: each message goes to one of them (MQTT 5, 4.8.2). */
export interface Share extends Lender {
  join(member: Borrower, options: ShareOptions): void;
  leave(member: { readonly id: string }): void;
  /** A member came, went, or has room again. */
  changed(): void;
}

/** Finds shares by name, and makes them. */
export interface Shares {
  /** `filter` is the whole one, with `$share/` and the name of the group. */
  get(filter: string): Share;
  /** The session of this client has ended while it had no device. */
  leaveAll(member: { readonly id: string }): void;
  /** Whether the session of this id in the store is that of a share that has members. */
  owns(storeId: string): boolean;
  /** What needs a look from time to time. */
  refresh(): void;
}
