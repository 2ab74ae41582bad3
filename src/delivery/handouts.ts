import type { Share, Shares } from "../device/share.ts";
import { queueOf } from "../topic/shared-filter.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Queues } from "./queues.ts";
import type { SharedSubscriptions } from "./shared-subscriptions.ts";

/** Everything whose messages are divided among devices: queues and shared subscriptions. */
export class Handouts implements Shares {
  readonly #shared: SharedSubscriptions;
  readonly #queues: Queues;
  readonly #deadLetters: DeadLetters;

  constructor(shared: SharedSubscriptions, queues: Queues, deadLetters: DeadLetters) {
    this.#shared = shared;
    this.#queues = queues;
    this.#deadLetters = deadLetters;
  }

  get(filter: string): Share {
    const queue = queueOf(filter);
    return queue === undefined ? this.#shared.get(filter) : this.#queues.access(queue);
  }

  hasQueue(name: string): boolean {
    return this.#queues.get(name) !== undefined;
  }

  leaveAll(member: { readonly id: string }): void {
    this.#shared.leaveAll(member);
    this.#queues.leaveAll(member);
  }

  owns(storeId: string): boolean {
    return this.#shared.owns(storeId) || this.#queues.owns(storeId);
  }

  refresh(): void {
    this.#shared.refresh();
    this.#queues.refresh();
    this.#deadLetters.refresh();
  }

  clockJumped(ms: number): void {
    this.#queues.clockJumped(ms);
  }
}
