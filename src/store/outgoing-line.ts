import { Message } from "./message.ts";
import { keyOf, type MessageKey } from "./message-key.ts";
import type { OutgoingRef, StoredOutgoing, StoredPubrel } from "./stored-packets.ts";

/** What is on its way to one client: a message, or what is left of one that the client has confirmed. */
export interface Outstanding {
  readonly key: MessageKey;
  readonly entry: Message | StoredPubrel;
  /** The packet id under which it was sent; undefined where it was not. */
  readonly packetId: number | undefined;
}

/**
 * What is on its way to one client, oldest first, found by message identity and by packet id. Every operation but
 * listing takes constant time, however many messages wait.
 */
export class OutgoingLine {
  readonly #entries = new Map<MessageKey, Message | StoredPubrel>();
  readonly #packetIds = new Map<MessageKey, number>();
  readonly #keys = new Map<number, MessageKey>();

  get size(): number {
    return this.#entries.size;
  }

  add(key: MessageKey, entry: Message | StoredPubrel): void {
    this.#entries.set(key, entry);
    if (!(entry instanceof Message)) this.sent(key, entry.messageId);
  }

  get(key: MessageKey): Message | StoredPubrel | undefined {
    return this.#entries.get(key);
  }

  /** The first message that was sent under this packet id and is not settled. */
  keyOf(packetId: number): MessageKey | undefined {
    return this.#keys.get(packetId);
  }

  sent(key: MessageKey, packetId: number): void {
    this.#packetIds.set(key, packetId);
    if (!this.#keys.has(packetId)) this.#keys.set(packetId, key);
  }

  isSent(key: MessageKey): boolean {
    return this.#packetIds.has(key);
  }

  /** Puts a PUBREL into the place of the message; returns what was there. */
  release(key: MessageKey, packetId: number): Message | StoredPubrel | undefined {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.add(key, { cmd: "pubrel", messageId: packetId });
    return entry;
  }

  settle(key: MessageKey): Outstanding | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    const packetId = this.#packetIds.get(key);
    if (packetId !== undefined) {
      this.#packetIds.delete(key);
      if (this.#keys.get(packetId) === key) this.#keys.delete(packetId);
    }
    return { key, entry, packetId };
  }

  list(): Outstanding[] {
    return Array.from(this.#entries, ([key, entry]) => ({ key, entry, packetId: this.#packetIds.get(key) }));
  }

  find({ messageId, brokerId, brokerCounter }: OutgoingRef, home: string): MessageKey | undefined {
    if (messageId !== undefined) return this.#keys.get(messageId);
    if (brokerId === undefined || brokerCounter === undefined) return undefined;
    return keyOf(brokerId, brokerCounter, home);
  }
}

/** How aedes knows it. */
export function packetOf({ entry, packetId }: Outstanding): StoredOutgoing {
  if (!(entry instanceof Message)) return entry;
  const packet = entry.toPacket();
  if (entry.cameAsText) (packet as { payload: unknown }).payload = entry.payload.toString();
  if (packetId !== undefined) packet.messageId = packetId;
  return packet;
}
