import type { Acceptance } from "./acceptance.ts";
import type { Durability } from "./durability.ts";
import type { Journal } from "./journal.ts";
import { Message } from "./message.ts";
import { keyOf, type MessageKey } from "./message-key.ts";
import { MessageRecord } from "./message-record.ts";
import { OutgoingLine, type Outstanding } from "./outgoing-line.ts";
import { settled } from "./settled.ts";
import { stateKey } from "./state-key.ts";
import type { OutgoingRef, StoredPubrel } from "./stored-packets.ts";
import { UsageCount } from "./usage-count.ts";

/** Messages of one session that are forgotten in one turn of the event loop. */
const FORGET_AT_ONCE = 2000;

/** What is on its way to clients: a line for each client, and one record for each message, however many wait for it. */
export class OutgoingMessages {
  readonly usage = new UsageCount();
  /** What a message is kept as whose kind says nothing else. */
  durability: Durability;
  /** Id of the gateway; that of its own messages. */
  home = "";
  readonly #journal: Journal;
  readonly #lines = new Map<string, OutgoingLine>();

  constructor(journal: Journal, durability: Durability) {
    this.#journal = journal;
    this.durability = durability;
  }

  /**
   * Keeps the message for this client; `isSent` says that it was sent already, under the packet id that follows from its
   * number. The message itself is kept: it must stay as it is.
   */
  keep(clientId: string, message: Message, isSent: boolean): Acceptance {
    const line = this.#lineOf(clientId);
    const key = keyOf(message.brokerId, message.brokerCounter, this.home);
    const known = line.get(key);
    if (known instanceof Message && known.record !== null) return known.record;
    message.keep();
    if (isSent) line.addSent(key, message);
    else line.add(key, message);
    const record = recordOf(message);
    if (record === null || record.message === null) return this.#newRecord(message, key, clientId);
    record.addReceiver(clientId, message.qos);
    if (!record.written || record.durability === "memory") return record;
    if (isSent) this.#journal.sent(record, clientId);
    return this.#journal.addReceiver(record, clientId);
  }

  sent(clientId: string, key: MessageKey, packetId: number): boolean {
    const entry = this.#lines.get(clientId)?.sent(key, packetId);
    if (entry === undefined) return false;
    const record = entry instanceof Message ? recordOf(entry) : null;
    if (record?.written) this.#journal.sent(record, clientId);
    return true;
  }

  /** Only the PUBREL of this message is left to do; undefined where there is no such message. */
  release(clientId: string, key: MessageKey, packetId: number): PromiseLike<void> | undefined {
    const entry = this.#lines.get(clientId)?.release(key, packetId);
    if (entry === undefined) return undefined;
    const record = entry instanceof Message ? recordOf(entry) : null;
    if (record === null) return settled;
    if (record.durability === "memory") {
      this.#removeReceiver(record, clientId);
      return settled;
    }
    // Until the release is on the disk the message counts: of both, one has to be there.
    return this.#journal.commit(stateKey("released", clientId, key)).then(() => this.#removeReceiver(record, clientId));
  }

  /** Returns what was settled; undefined where there is no such message. */
  settle(clientId: string, key: MessageKey): Message | StoredPubrel | undefined {
    const line = this.#lines.get(clientId);
    const entry = line?.settle(key);
    if (entry !== undefined) this.#forget(clientId, key, entry);
    return entry;
  }

  list(clientId: string): Outstanding[] {
    return this.#lines.get(clientId)?.list() ?? [];
  }

  keyOfRef(clientId: string, ref: OutgoingRef): MessageKey | undefined {
    return this.#lines.get(clientId)?.find(ref, this.home);
  }

  /** Forgets everything on its way to the client. A long line takes its time, and gives way to others meanwhile. */
  discard(clientId: string): void {
    const rest = this.list(clientId);
    this.#lines.delete(clientId);
    const some = () => {
      for (const { key, entry } of rest.splice(0, FORGET_AT_ONCE)) this.#forget(clientId, key, entry);
      if (rest.length > 0) setImmediate(some);
    };
    some();
  }

  /** What was read from the disk, in the order of the messages. */
  restore(clientId: string, key: MessageKey, entry: Message | StoredPubrel, isSent: boolean): void {
    const line = this.#lineOf(clientId);
    if (entry instanceof Message && !isSent) line.add(key, entry);
    else line.addSent(key, entry);
  }

  isSent(clientId: string, key: MessageKey): boolean {
    return this.#lines.get(clientId)?.isSent(key) ?? false;
  }

  /** What is left of a message that the client has confirmed; `part` is its key as text. */
  released(clientId: string, part: string): { key: MessageKey; packetId: number } | undefined {
    const line = this.#lines.get(clientId);
    const key = line?.get(part) === undefined ? Number(part) : part;
    const entry = line?.get(key);
    return entry === undefined || entry instanceof Message ? undefined : { key, packetId: entry.messageId };
  }

  #forget(clientId: string, key: MessageKey, entry: Message | StoredPubrel): void {
    if (!(entry instanceof Message)) this.#journal.changed(stateKey("released", clientId, key));
    else this.#removeReceiver(recordOf(entry), clientId);
  }

  #removeReceiver(record: MessageRecord | null, clientId: string): void {
    if (!record?.removeReceiver(clientId)) return;
    const message = record.message;
    if (record.receivers === 0 && message !== null) {
      this.usage.remove(message);
      record.message = null;
    }
    this.#journal.settled(record, clientId);
  }

  #newRecord(message: Message, key: MessageKey, clientId: string): MessageRecord {
    const record = new MessageRecord(message, key, message.kind.durability ?? this.durability);
    message.record = record;
    record.addReceiver(clientId, message.qos);
    this.usage.add(message);
    if (record.durability === "memory") record.accept();
    else this.#journal.add(record);
    return record;
  }

  #lineOf(clientId: string): OutgoingLine {
    let line = this.#lines.get(clientId);
    if (line === undefined) {
      line = new OutgoingLine();
      this.#lines.set(clientId, line);
    }
    return line;
  }
}

/** What this store has made the record of the message. */
function recordOf(message: Message): MessageRecord | null {
  return message.record as MessageRecord | null;
}
