import type { Lender } from "../device/share.ts";
import type { Message } from "../store/message.ts";
import type { Consumer } from "./consumer.ts";

/** A message of a queue that was given back once, until it is settled. */
export interface Job {
  readonly message: Message;
  /** How often it was delivered. */
  deliveries: number;
  /** The latest one, while it is neither settled nor given back. */
  delivery: Delivery | null;
  /** The consumer that gave it back, or took too long. */
  last: Consumer | null;
  isSettled: boolean;
}

/** Who is told how a delivery ended. */
export interface DeliveryKeeper {
  settled(delivery: Delivery): void;
  rejected(delivery: Delivery): void;
  returned(delivery: Delivery): void;
}

/** One message on its way to one consumer. */
export class Delivery implements Lender {
  readonly message: Message;
  readonly consumer: Consumer;
  readonly key: string | undefined;
  /** When it was sent, in milliseconds since the Unix epoch. */
  at: number;
  /** Null while it is the first of its message. */
  job: Job | null;
  /** Its neighbours in the order in which they began, while it is under way; they are many, and come and go fast. */
  before: Delivery | null = null;
  after: Delivery | null = null;
  isUnderWay = false;
  readonly #keeper: DeliveryKeeper;

  constructor(
    message: Message,
    job: Job | null,
    consumer: Consumer,
    key: string | undefined,
    at: number,
    keeper: DeliveryKeeper,
  ) {
    this.message = message;
    this.job = job;
    this.consumer = consumer;
    this.key = key;
    this.at = at;
    this.#keeper = keeper;
  }

  /** Whether another one has taken its place, or there is nothing left to do. */
  get isOver(): boolean {
    return this.job !== null && (this.job.isSettled || this.job.delivery !== this);
  }

  settled(): void {
    this.#keeper.settled(this);
  }

  rejected(): void {
    this.#keeper.rejected(this);
  }

  returned(): void {
    this.#keeper.returned(this);
  }
}
