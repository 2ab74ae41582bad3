import type { Message } from "../store/message.ts";

/**
 * Retained messages that subscriptions called up, and QoS 0 messages that must not overtake them, in their order. Of a
 * topic at most one retained message waits: a peer that subscribes again and again and does not read costs no more.
 */
export class Replay {
  #messages: Message[] = [];
  #next = 0;
  /** Where the retained message of a topic stands. */
  readonly #places = new Map<string, number>();
  #live = 0;
  #liveBytes = 0;

  get depth(): number {
    return this.#messages.length - this.#next;
  }

  /** How many of the messages are not retained ones. */
  get live(): number {
    return this.#live;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** The retained message of this topic that waits. */
  retained(topic: string): Message | undefined {
    const place = this.#places.get(topic);
    return place === undefined ? undefined : this.#messages[place];
  }

  /** A retained message takes the place of the one of its topic that waits. */
  add(message: Message): void {
    if (message.retain) {
      const place = this.#places.get(message.topic) ?? this.#messages.length;
      this.#places.set(message.topic, place);
      this.#messages[place] = message;
      return;
    }
    this.#live++;
    this.#liveBytes += message.bytes;
    this.#messages.push(message);
  }

  take(): Message | undefined {
    const message = this.#messages[this.#next];
    if (message === undefined) return undefined;
    this.#next++;
    if (message.retain) this.#places.delete(message.topic);
    else {
      this.#live--;
      this.#liveBytes -= message.bytes;
    }
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
    this.#places.clear();
    this.#live = 0;
    this.#liveBytes = 0;
  }
}
