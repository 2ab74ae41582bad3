/** Why a message was not delivered, or not kept. */
export type DropReason =
  /** QoS 0, and the receiver's send buffer is full: it reads too slowly. */
  | "slow-reader"
  /** The mailbox is full and refused it. */
  | "mailbox-full"
  /** There was no room, and it had waited longest: it made room for a newer one. */
  | "mailbox-removed"
  /** There was no room, and it had the lowest priority: it made room for another. */
  | "low-priority-removed"
  /** All mailboxes together hold as much of its class as they may. */
  | "class-full"
  /** All mailboxes together hold as much as they may. */
  | "store-full"
  /** It waited longer than its time to live. */
  | "expired"
  /** It was delivered, but not kept as the retained message of its topic: there are as many as there may be. */
  | "retained-full"
  /** It was not taken from its MQTT 5 publisher, who was told why. */
  | "refused"
  /** `authorizeForward` said no. */
  | "not-authorized"
  /** It is over the maximum packet size of its receiver. */
  | "too-large"
  /** The receiver's store failed. */
  | "store-failed"
  /** It was delivered from a queue as often as that may be, and never settled. */
  | "deliveries-exceeded"
  /** It was published to a queue that does not exist. */
  | "no-such-queue"
  /** The queue that it waited in was removed. */
  | "queue-removed"
  /** It was published to a group that does not exist. */
  | "no-such-group"
  /** It was published to a group of which no member is known. */
  | "empty-group"
  /** The upstream answered that it does not take it. */
  | "rejected"
  /** It came back over bridges to the gateway where it began. */
  | "loop";

/** What the devices of a gateway have done since it started. */
export class Counters {
  publishesReceived = 0;
  publishesSent = 0;
  readonly dropped: Record<DropReason, number> = {
    "slow-reader": 0,
    "mailbox-full": 0,
    "mailbox-removed": 0,
    "low-priority-removed": 0,
    "class-full": 0,
    "store-full": 0,
    expired: 0,
    "retained-full": 0,
    refused: 0,
    "not-authorized": 0,
    "too-large": 0,
    "store-failed": 0,
    "deliveries-exceeded": 0,
    "no-such-queue": 0,
    "queue-removed": 0,
    "no-such-group": 0,
    "empty-group": 0,
    rejected: 0,
    loop: 0,
  };

  get droppedTotal(): number {
    return Object.values(this.dropped).reduce((sum, count) => sum + count, 0);
  }
}
