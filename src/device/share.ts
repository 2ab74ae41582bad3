import type { QoS } from "../protocol/packet-type.ts";
import type { Message } from "../store/message.ts";
import type { Link } from "./link.ts";

/** Whoever lends a message to a device and stays answerable for it until it is settled. */
export interface Lender {
  /** The device has confirmed it. */
  settled(message: Message): void;
  /** The device has answered that it does not take it. */
  rejected(message: Message): void;
  /** The device left before it confirmed these, oldest first. */
  returned(messages: readonly Message[]): void;
}

/** That of what is nobody's once it is sent. */
export const nobody: Lender = { settled: () => {}, rejected: () => {}, returned: () => {} };

/** What became of a message that was to be lent: the device has it, or it is too large for it, or not for it, or it is away. */
export type Lent = "lent" | "too-large" | "not-authorized" | "away";

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
  /**
   * Sends a message, at most at the QoS of the options, which stays the lender's; `again` marks it DUP. The lender is told
   * nothing of what was not lent.
   */
  lend(message: Message, lender: Lender, options: ShareOptions, again?: boolean): Lent;
  /** PUBREL is owed for these packet ids: the client may remember them, although what went under them is not its own. */
  owes(packetIds: readonly number[]): void;
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

/** Devices that a line of messages is divided among: each message goes to one of them (MQTT 5, 4.8.2). */
export interface Share {
  join(member: Borrower, options: ShareOptions): void;
  leave(member: { readonly id: string }): void;
  /** A member has a connection. */
  came(member: Borrower): void;
  /** A member has no connection any more, and has given back what it was lent. */
  went(member: Borrower): void;
  /** A member has room again. */
  roomMade(): void;
}

/** Finds shares and queues by name. */
export interface Shares {
  /** `filter` is the whole one: `$share/` with the name of the group, or `$queue/` with that of the queue. */
  get(filter: string): Share;
  /** Whether there is a queue of this name. */
  hasQueue(name: string): boolean;
  /** The session of this client has ended while it had no device. */
  leaveAll(member: { readonly id: string }): void;
  /** Whether the session of this id in the store is that of a queue, or of a share that has members. */
  owns(storeId: string): boolean;
  /** What needs a look once a second. */
  refresh(): void;
  clockJumped(ms: number): void;
}
