import type { Borrower, Share, ShareOptions } from "../device/share.ts";
import type { Queue } from "./queue.ts";

/**
 * What devices join that consume from `$queue/<name>`. It outlives the queue: who subscribed to one that was removed is its
 * consumer again when it is made anew.
 */
export class QueueAccess implements Share {
  #queue: Queue | null = null;
  readonly #members = new Map<string, { device: Borrower; options: ShareOptions }>();

  get queue(): Queue | null {
    return this.#queue;
  }

  set queue(queue: Queue | null) {
    const before = this.#queue;
    this.#queue = queue;
    for (const { device, options } of this.#members.values()) {
      before?.leave(device);
      queue?.join(device, options);
    }
  }

  /** Nobody would miss it. */
  get isIdle(): boolean {
    return this.#queue === null && this.#members.size === 0;
  }

  join(device: Borrower, options: ShareOptions): void {
    this.#members.set(device.id, { device, options });
    this.#queue?.join(device, options);
  }

  leave(device: { readonly id: string }): void {
    if (this.#members.delete(device.id)) this.#queue?.leave(device);
  }

  came(device: Borrower): void {
    this.#queue?.came(device);
  }

  went(device: Borrower): void {
    this.#queue?.went(device);
  }

  roomMade(): void {
    this.#queue?.roomMade();
  }
}
