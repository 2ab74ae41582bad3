import type { DropReason } from "../device/counters.ts";
import type { Borrower, ShareOptions } from "../device/share.ts";
import type { Message } from "../store/message.ts";

/** A device that takes messages of a queue. */
export class Consumer {
  device: Borrower;
  options: ShareOptions;
  /** Messages that it has and has not settled, or that were taken from it because it took too long. */
  inDelivery = 0;

  /** Messages that it does not take, while it is connected, and why. */
  refusals: WeakMap<Message, DropReason> | null = null;

  constructor(device: Borrower, options: ShareOptions) {
    this.device = device;
    this.options = options;
  }

  get id(): string {
    return this.device.id;
  }

  refuses(message: Message): boolean {
    return this.refusals?.has(message) ?? false;
  }

  refuse(message: Message, reason: DropReason): void {
    this.refusals ??= new WeakMap();
    this.refusals.set(message, reason);
  }

  hasRoom(window: number): boolean {
    return this.inDelivery < window && this.device.hasRoom;
  }
}
