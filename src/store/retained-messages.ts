import { RetainedTree } from "./retained-tree.ts";
import type { StoredPublish } from "./stored-packets.ts";

/** How many retained messages are kept. Read at each use. */
export interface RetainedLimits {
  messagesMax: number;
  bytesMax: number;
}

/** The retained messages of a store and their limits, which what the gateway says of itself does not count against. */
export class RetainedMessages {
  readonly tree = new RetainedTree();
  count = 0;
  bytes = 0;
  readonly #limits: RetainedLimits;

  constructor(limits: RetainedLimits) {
    this.#limits = limits;
  }

  /** Returns false where there is no room for it: an older message of this topic stays. */
  set(packet: StoredPublish): boolean {
    const old = this.tree.get(packet.topic);
    if (isOwn(packet.topic)) {
      this.tree.set(packet.topic, packet);
      return true;
    }
    const { messagesMax, bytesMax } = this.#limits;
    const bytes = this.bytes + bytesOf(packet) - (old === undefined ? 0 : bytesOf(old));
    if (bytes > bytesMax && bytes > this.bytes) return false;
    if (old === undefined && this.count >= messagesMax) return false;
    this.restore(packet);
    return true;
  }

  /** Adds a message whatever the limits say: it was kept before. */
  restore(packet: StoredPublish): void {
    this.delete(packet.topic);
    this.tree.set(packet.topic, packet);
    this.count++;
    this.bytes += bytesOf(packet);
  }

  delete(topic: string): void {
    const old = this.tree.get(topic);
    if (old === undefined) return;
    this.tree.delete(topic);
    if (isOwn(topic)) return;
    this.count--;
    this.bytes -= bytesOf(old);
  }
}

/** What the gateway says of itself: made anew at each start. */
export function isOwn(topic: string): boolean {
  return topic.startsWith("$SYS/");
}

function bytesOf({ topic, payload }: StoredPublish): number {
  return topic.length + payload.length;
}
