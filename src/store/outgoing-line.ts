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
 * What is on its way to one client, oldest first. Every operation on a message of which the key is known takes constant
 * time, however many wait; by packet id, what was sent is searched, which is at most an in-flight window.
 */
export class OutgoingLine {
  readonly #waiting = new Map<MessageKey, Message>();
  /** What was sent. */
  readonly #sent = new Map<MessageKey, Message | StoredPubrel>();
  /** Packet ids other than the one that follows from the number of the message. */
  #packetIds: Map<MessageKey, number> | null = null;

  get size(): number {
    return this.#waiting.size + this.#sent.size;
  }

  add(key: MessageKey, message: Message): void {
    this.#waiting.set(key, message);
  }

  /** As `add` and `sent` together, under the packet id that follows from the number of the message. */
  addSent(key: MessageKey, entry: Message | StoredPubrel): void {
    this.#sent.set(key, entry);
  }

  get(key: MessageKey): Message | StoredPubrel | undefined {
    return this.#sent.get(key) ?? this.#waiting.get(key);
  }

  /** Returns the message; undefined where there is none. */
  sent(key: MessageKey, packetId: number): Message | StoredPubrel | undefined {
    let entry = this.#sent.get(key);
    if (entry === undefined) {
      entry = this.#waiting.get(key);
      if (entry === undefined) return undefined;
      this.#waiting.delete(key);
      this.#sent.set(key, entry);
    }
    if (entry instanceof Message && entry.packetId !== packetId) {
      this.#packetIds ??= new Map();
      this.#packetIds.set(key, packetId);
    }
    return entry;
  }

  isSent(key: MessageKey): boolean {
    return this.#sent.has(key);
  }

  /** Puts a PUBREL into the place of the message; returns what was there. */
  release(key: MessageKey, packetId: number): Message | StoredPubrel | undefined {
    const entry = this.sent(key, packetId);
    if (entry === undefined) return undefined;
    this.#sent.set(key, { cmd: "pubrel", messageId: packetId });
    this.#packetIds?.delete(key);
    return entry;
  }

  /** Removes and returns what was there. */
  settle(key: MessageKey): Message | StoredPubrel | undefined {
    const entry = this.#sent.get(key);
    if (entry !== undefined) {
      this.#sent.delete(key);
      this.#packetIds?.delete(key);
      return entry;
    }
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) this.#waiting.delete(key);
    return waiting;
  }

  list(): Outstanding[] {
    const sent = Array.from(this.#sent, ([key, entry]) => ({ key, entry, packetId: this.#packetIdOf(key, entry) }));
    const waiting = Array.from(this.#waiting, ([key, entry]) => ({ key, entry, packetId: undefined }));
    return sent.length === 0 ? waiting : [...sent, ...waiting];
  }

  /** Where something was sent under this packet id: the first that is not settled. */
  keyOf(packetId: number): MessageKey | undefined {
    for (const [key, entry] of this.#sent) if (this.#packetIdOf(key, entry) === packetId) return key;
    return undefined;
  }

  find({ messageId, brokerId, brokerCounter }: OutgoingRef, home: string): MessageKey | undefined {
    if (messageId !== undefined) return this.keyOf(messageId);
    if (brokerId === undefined || brokerCounter === undefined) return undefined;
    return keyOf(brokerId, brokerCounter, home);
  }

  #packetIdOf(key: MessageKey, entry: Message | StoredPubrel): number {
    if (!(entry instanceof Message)) return entry.messageId;
    return this.#packetIds?.get(key) ?? entry.packetId;
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
