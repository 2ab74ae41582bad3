import type { Message } from "../broker/message.ts";

/** Retained messages that a subscription called up, and QoS 0 messages that must not overtake them, in their order. */
export class Replay {
  #messages: Message[] = [];
  #next = 0;

  get depth(): number {
    return this.#messages.length - this.#next;
  }

  add(message: Message): void {
    this.#messages.push(message);
  }

  take(): Message | undefined {
    const message = this.#messages[this.#next];
    if (message === undefined) return undefined;
    this.#next++;
    if (this.#next === this.#messages.length) this.clear();
    return message;
  }

  /** Takes all messages out. */
  drain(): Message[] {
    const rest = this.#messages.slice(this.#next);
    this.clear();
    return rest;
  }

  clear(): void {
    this.#messages = [];
    this.#next = 0;
  }
}
