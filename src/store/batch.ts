import type { MessageKey } from "./message-key.ts";
import type { MessageRecord } from "./message-record.ts";

/** What goes into one commit. */
export class Batch {
  records: MessageRecord[] = [];
  /** Written already, in a segment that is to be given back. */
  copies: MessageRecord[] = [];
  /** Further receivers of messages that are written. */
  readonly more = new Map<MessageRecord, string[]>();
  /** Entries that changed; what they are is asked for when they are written. */
  readonly keys = new Set<string>();
  /** Some of them did not change: they are in a segment that is to be given back. */
  copiesKeys = false;
  /** Keys to be said to be gone even where nothing of them is known to be on the disk. */
  readonly again = new Set<string>();
  readonly done = new Map<string, Set<MessageKey>>();
  readonly sent = new Map<string, Set<MessageKey>>();
  /** It has to be on the disk, and not only with the operating system. */
  sync = false;
  /** Somebody waits for it. */
  hurried = false;
  #durable: Promise<void> | null = null;
  #resolve: () => void = () => {};

  /** Resolves when it is as durable as it has to be. */
  get durable(): Promise<void> {
    this.#durable ??= new Promise((resolve) => {
      this.#resolve = resolve;
    });
    return this.#durable;
  }

  get empty(): boolean {
    return (
      this.records.length + this.copies.length + this.more.size + this.keys.size + this.done.size + this.sent.size ===
        0 && this.#durable === null
    );
  }

  succeeded(): void {
    this.#resolve();
  }

  note(where: "done" | "sent", clientId: string, key: MessageKey): void {
    const keys = this[where].get(clientId);
    if (keys === undefined) this[where].set(clientId, new Set([key]));
    else keys.add(key);
  }

  /** Writes once more what an earlier batch wrote, as far as it still counts. */
  redo(earlier: Batch): void {
    for (const record of [...earlier.records, ...earlier.copies]) {
      if (record.message !== null && record.place !== null) this.copies.push(record);
    }
    this.#add(earlier);
    for (const key of earlier.keys) this.again.add(key);
    this.sync = true;
  }

  /** Takes over what a commit that failed was to write; what is here is newer. */
  takeOver(failed: Batch): void {
    const isDue = (record: MessageRecord) => record.message !== null && record.place === null;
    for (const record of failed.records) if (record.place === null) record.written = false;
    this.records = [...failed.records.filter(isDue), ...this.records];
    this.#add(failed);
    this.sync ||= failed.sync;
    this.hurried ||= failed.hurried;
    this.copiesKeys ||= failed.copiesKeys;
    void this.durable.then(() => failed.succeeded());
  }

  #add(other: Batch): void {
    for (const [record, clientIds] of other.more) {
      if (record.message !== null) this.more.set(record, [...clientIds, ...(this.more.get(record) ?? [])]);
    }
    for (const key of other.keys) this.keys.add(key);
    for (const where of ["done", "sent"] as const) {
      for (const [clientId, keys] of other[where]) for (const key of keys) this.note(where, clientId, key);
    }
  }
}
