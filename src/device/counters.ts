/** Why a message was not delivered. */
export type DropReason =
  /** QoS 0, and the receiver's send buffer is full: it reads too slowly. */
  | "slow-reader"
  /** The mailbox is full and refused it. */
  | "mailbox-full"
  /** The mailbox was full, and made room for a newer one. */
  | "mailbox-removed"
  /** `authorizeForward` said no. */
  | "not-authorized"
  /** The receiver's store failed. */
  | "store-failed";

/** What the devices of a gateway have done since it started. */
export class Counters {
  publishesReceived = 0;
  publishesSent = 0;
  readonly dropped: Record<DropReason, number> = {
    "slow-reader": 0,
    "mailbox-full": 0,
    "mailbox-removed": 0,
    "not-authorized": 0,
    "store-failed": 0,
  };

  get droppedTotal(): number {
    return Object.values(this.dropped).reduce((sum, count) => sum + count, 0);
  }
}
