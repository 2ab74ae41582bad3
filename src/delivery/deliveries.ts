import type { Message } from "../store/message.ts";
import type { Delivery, Job } from "./delivery.ts";

/** What the consumers of one queue have and have not settled, and how often a message was given back. */
export class Deliveries {
  #first: Delivery | null = null;
  #last: Delivery | null = null;
  #underWay = 0;
  /** Of messages that were delivered before, and wait or are under way again. */
  readonly #jobs = new Map<Message, Job>();

  get underWay(): number {
    return this.#underWay;
  }

  /** Those that are under way, as they began. What is visited may end meanwhile. */
  *[Symbol.iterator](): Iterator<Delivery> {
    for (let each = this.#first; each !== null; ) {
      const next: Delivery | null = each.after;
      yield each;
      each = next;
    }
  }

  /** Null for a message that was not delivered before. */
  jobOf(message: Message): Job | null {
    return this.#jobs.size === 0 ? null : (this.#jobs.get(message) ?? null);
  }

  /** Of a message that was delivered before the gateway started anew: nobody knows how often. */
  deliveredBefore(message: Message): void {
    this.#jobs.set(message, { message, deliveries: 1, delivery: null, last: null, isSettled: false });
  }

  began(delivery: Delivery): void {
    delivery.isUnderWay = true;
    delivery.before = this.#last;
    if (this.#last === null) this.#first = delivery;
    else this.#last.after = delivery;
    this.#last = delivery;
    this.#underWay++;
    delivery.consumer.inDelivery++;
    const { job } = delivery;
    if (job === null) return;
    job.delivery = delivery;
    job.deliveries++;
  }

  /** It came to nothing: the consumer did not get it. */
  withdrawn(delivery: Delivery): void {
    this.ended(delivery);
    const { job } = delivery;
    if (job === null) return;
    job.delivery = null;
    job.deliveries--;
  }

  /** The consumer has none of it any more. */
  ended(delivery: Delivery): void {
    this.overdue(delivery);
    delivery.consumer.inDelivery--;
  }

  /** It took too long; the consumer still has it. */
  overdue(delivery: Delivery): void {
    if (!delivery.isUnderWay) return;
    delivery.isUnderWay = false;
    const { before, after } = delivery;
    if (before === null) this.#first = after;
    else before.after = after;
    if (after === null) this.#last = before;
    else after.before = before;
    this.#underWay--;
  }

  /** The message waits for its next delivery. */
  givenBack(delivery: Delivery): Job {
    const { message, consumer } = delivery;
    delivery.job ??= { message, deliveries: 1, delivery: null, last: null, isSettled: false };
    const { job } = delivery;
    job.delivery = null;
    job.last = consumer;
    this.#jobs.set(message, job);
    return job;
  }

  /** Nothing is left to do for the message. */
  settled({ message, job }: { readonly message: Message; readonly job: Job | null }): void {
    if (job === null) return;
    job.isSettled = true;
    job.delivery = null;
    this.#jobs.delete(message);
  }

  forget(message: Message): void {
    if (this.#jobs.size > 0) this.#jobs.delete(message);
  }

  /** The clock jumped: nobody took longer for that. */
  clockJumped(ms: number): void {
    for (const delivery of this) delivery.at += ms;
  }
}
