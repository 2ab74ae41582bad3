import type { Clock } from "../actor/clock.ts";
import type { Durability } from "./durability.ts";
import type { Journal } from "./journal.ts";
import type { DeliveryContents } from "./local-delivery.ts";
import { OutgoingMessages } from "./outgoing-messages.ts";
import { type RetainedLimits, RetainedMessages } from "./retained-messages.ts";
import type { StoredSession } from "./store.ts";
import type { StoredDeadLetter } from "./stored-dead-letter.ts";
import type { StoredPublish, StoredWill } from "./stored-packets.ts";
import type { StoredQueue } from "./stored-queue.ts";
import { SubscriptionIndex } from "./subscription-index.ts";

/** A session, and the number of the latest message when it began: no older one is for it. */
export interface LocalSession extends StoredSession {
  beganAfter: number;
}

/** Everything that a store holds in memory. */
export class StoreContents implements DeliveryContents {
  readonly outgoing: OutgoingMessages;
  readonly retained: RetainedMessages;
  readonly subscriptions = new SubscriptionIndex();
  readonly sessions = new Map<string, LocalSession>();
  /** QoS 2 messages that came and were not released, by client and packet id. */
  readonly incoming = new Map<string, Map<number, StoredPublish>>();
  readonly wills = new Map<string, StoredWill>();
  readonly queues = new Map<string, StoredQueue>();
  readonly deadLetters = new Map<number, StoredDeadLetter>();

  constructor(journal: Journal, durability: Durability, retained: RetainedLimits, clock: Clock) {
    this.outgoing = new OutgoingMessages(journal, durability);
    this.retained = new RetainedMessages(retained, clock);
  }
}
