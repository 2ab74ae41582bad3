import type { OutgoingRef, StoredOutgoing, StoredPublish, StoredPubrel } from "./store.ts";

interface Entry {
  key: string | number;
  packet: StoredOutgoing;
  packetId: number | undefined;
}

/**
 * What is on its way to one client, oldest first, found by message identity and by packet id. Every operation but
 * listing takes constant time, however many messages wait.
 */
export class OutgoingLine {
  readonly #home: string;
  readonly #entries = new Map<string | number, Entry>();
  readonly #byPacketId = new Map<number, Entry>();

  /** `home` is the id of the gateway that nearly all messages come from. */
  constructor(home: string) {
    this.#home = home;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(packet: StoredPublish): void {
    const key = this.#keyOf(packet.brokerId, packet.brokerCounter);
    this.#entries.set(key, { key, packet, packetId: undefined });
  }

  /** Returns false where there is no such message. */
  update(packet: OutgoingRef | StoredPubrel): boolean {
    if ("cmd" in packet && packet.cmd === "pubrel") {
      const entry = this.#byPacketId.get(packet.messageId);
      if (entry === undefined) return false;
      entry.packet = packet;
      return true;
    }
    const { brokerId, brokerCounter, messageId } = packet as OutgoingRef;
    if (brokerId === undefined || brokerCounter === undefined || messageId === undefined) return false;
    const entry = this.#entries.get(this.#keyOf(brokerId, brokerCounter));
    if (entry === undefined) return false;
    entry.packetId = messageId;
    entry.packet.messageId = messageId;
    if (!this.#byPacketId.has(messageId)) this.#byPacketId.set(messageId, entry);
    return true;
  }

  settle(packet: OutgoingRef): StoredOutgoing | undefined {
    const entry = this.#find(packet);
    if (entry === undefined) return undefined;
    this.#entries.delete(entry.key);
    if (entry.packetId !== undefined && this.#byPacketId.get(entry.packetId) === entry) {
      this.#byPacketId.delete(entry.packetId);
    }
    return entry.packet;
  }

  list(): StoredOutgoing[] {
    return Array.from(this.#entries.values(), (entry) => entry.packet);
  }

  #find({ messageId, brokerId, brokerCounter }: OutgoingRef): Entry | undefined {
    if (messageId !== undefined) return this.#byPacketId.get(messageId);
    if (brokerId === undefined || brokerCounter === undefined) return undefined;
    return this.#entries.get(this.#keyOf(brokerId, brokerCounter));
  }

  #keyOf(brokerId: string, brokerCounter: number): string | number {
    return brokerId === this.#home ? brokerCounter : `${brokerId}\n${brokerCounter}`;
  }
}
