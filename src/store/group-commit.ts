import type { Cancel, Clock } from "../actor/clock.ts";
import type { Acceptance } from "./acceptance.ts";
import { Batch } from "./batch.ts";
import { callSafely } from "./call-safely.ts";
import type { Durability } from "./durability.ts";
import type { Journal } from "./journal.ts";
import type { MessageKey } from "./message-key.ts";
import type { MessageRecord } from "./message-record.ts";
import type { Segment } from "./segment.ts";
import type { SegmentLog } from "./segment-log.ts";
import { settled } from "./settled.ts";

/** How long what nobody waits for may take until it is written. */
const LATER_MS = 1000;
/** So many changes are not left waiting for that long. */
const LATER_CHANGES_MAX = 10_000;
/** How long after a failure the next attempt is made. */
const RETRY_MS = 1000;
/** Bytes of messages that may wait to be written before publishers have to wait too. */
const UNWRITTEN_BYTES_MAX = 8 * 1024 * 1024;

export interface GroupCommitParts {
  clock: Clock;
  durability: Durability;
  log: SegmentLog;
  /** The store cannot write any more, or it can again (null). */
  failing: (reason: unknown) => void;
}

/**
 * Gathers what has to be written into commits: one write and at most one sync each. What comes while a commit runs goes
 * into the next one. A message that is settled before its commit is never written.
 */
export class GroupCommit implements Journal {
  readonly #parts: GroupCommitParts;
  #pending = new Batch();
  #running: Batch | null = null;
  #scheduled = false;
  #closed = false;
  #failing = false;
  #laterChanges = 0;
  #unwrittenBytes = 0;
  #relieved: (() => void)[] = [];
  #cancelLater: Cancel | null = null;
  #cancelRetry: Cancel | null = null;
  #idle: (() => void)[] = [];

  constructor(parts: GroupCommitParts) {
    this.#parts = parts;
  }

  add(record: MessageRecord): void {
    this.#unwrittenBytes += record.bytes;
    this.#pending.records.push(record);
    this.#hurry(record.durability === "synced");
  }

  addReceiver(record: MessageRecord, clientId: string): Acceptance {
    const batch = this.#pending;
    const clientIds = batch.more.get(record);
    if (clientIds === undefined) batch.more.set(record, [clientId]);
    else clientIds.push(clientId);
    this.#hurry(record.durability === "synced");
    const whenAccepted = (done: () => void) => void batch.durable.then(done);
    return { accepted: false, whenAccepted };
  }

  settled(record: MessageRecord, clientId: string): void {
    if (record.durability === "memory") return;
    if (record.written) {
      this.#pending.sent.get(clientId)?.delete(record.key);
      this.#pending.note("done", clientId, record.key);
      this.#later(1);
    }
    if (record.receivers > 0) return;
    if (!record.written) this.#relieve(record.bytes);
    this.#parts.log.release(record);
    record.accept();
  }

  /** The client need not get a message that was written by an earlier gateway. */
  noteDone(clientId: string, key: MessageKey): void {
    this.#pending.note("done", clientId, key);
    this.#later(1);
  }

  sent(record: MessageRecord, clientId: string): void {
    this.#pending.note("sent", clientId, record.key);
    this.#later(1);
  }

  changed(...keys: string[]): void {
    for (const key of keys) this.#pending.keys.add(key);
    if (keys.length > 0) this.#later(keys.length);
  }

  commit(...keys: string[]): PromiseLike<void> {
    if (keys.length === 0) return settled;
    if (this.#parts.durability === "memory") {
      this.changed(...keys);
      return settled;
    }
    for (const key of keys) this.#pending.keys.add(key);
    this.#hurry(this.#parts.durability === "synced");
    return this.#pending.durable;
  }

  durable(): PromiseLike<void> {
    if (this.#parts.durability === "memory") return settled;
    if (this.#pending.hurried) return this.#pending.durable;
    return this.#running?.durable ?? settled;
  }

  written(): PromiseLike<void> {
    if (this.#parts.durability === "memory" || this.#pending.empty) return this.durable();
    this.#hurry(this.#parts.durability === "synced");
    return this.#pending.durable;
  }

  /** Too much waits to be written. */
  get congested(): boolean {
    return this.#unwrittenBytes > UNWRITTEN_BYTES_MAX;
  }

  whenRelieved(done: () => void): void {
    if (this.congested) this.#relieved.push(done);
    else done();
  }

  /** Copies of what is in a segment that shall be given back; they are the next commit. */
  copy(records: readonly MessageRecord[], keys: readonly string[]): void {
    this.#pending.copies.push(...records);
    for (const key of keys) this.#pending.keys.add(key);
    if (keys.length > 0) this.#pending.copiesKeys = true;
    this.#hurry(false);
  }

  /** Writes what counts of a segment anew, synced. Only while nothing else goes on. */
  async moveOut(segment: Segment): Promise<void> {
    const batch = new Batch();
    batch.copies = segment.records();
    for (const key of segment.keys.keys()) batch.keys.add(key);
    batch.sync = true;
    await this.#parts.log.write(batch, () => {});
  }

  /** Writes everything that is left, synced. Throws what kept it from doing so. */
  async close(): Promise<void> {
    if (this.#running !== null) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#closed = true;
    for (const cancel of [this.#cancelLater, this.#cancelRetry]) cancel?.();
    const batch = this.#pending;
    this.#pending = new Batch();
    batch.sync = this.#parts.durability !== "memory";
    if (!batch.empty) {
      await this.#parts.log.write(batch, () => {});
      this.#written(batch);
    }
    await this.#parts.log.close();
  }

  #later(changes: number): void {
    this.#laterChanges += changes;
    if (this.#laterChanges > LATER_CHANGES_MAX) return this.#hurry(false);
    this.#cancelLater ??= this.#parts.clock.after(LATER_MS, () => this.#hurry(false));
  }

  #hurry(sync: boolean): void {
    this.#pending.hurried = true;
    if (sync) this.#pending.sync = true;
    this.#schedule();
  }

  /** At the end of the turn, so that everything of this turn goes into one commit. */
  #schedule(): void {
    if (this.#scheduled || this.#running !== null || this.#closed || this.#cancelRetry !== null) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#running !== null || this.#closed) return;
    const batch = this.#pending;
    this.#pending = new Batch();
    this.#running = batch;
    this.#laterChanges = 0;
    this.#cancelLater?.();
    this.#cancelLater = null;
    try {
      await this.#parts.log.write(batch, () => this.#handedOver(batch));
      this.#written(batch);
      await this.#tidy();
    } catch (error) {
      this.#failed(batch, error);
    } finally {
      this.#running = null;
      for (const resolve of this.#idle.splice(0)) resolve();
      if (this.#pending.hurried) this.#schedule();
    }
  }

  /** What was written stays so where this fails; it is tried again before long. */
  async #tidy(): Promise<void> {
    try {
      await this.#parts.log.tidy((records, keys) => this.copy(records, keys));
    } catch (error) {
      this.#failing = true;
      this.#parts.failing(error);
      return this.#later(0);
    }
    if (!this.#failing) return;
    this.#failing = false;
    this.#parts.failing(null);
  }

  /** The operating system has it; it is not synced. */
  #handedOver(batch: Batch): void {
    for (const record of batch.records) if (record.durability === "written") record.accept();
  }

  #written(batch: Batch): void {
    let bytes = 0;
    for (const record of batch.records) {
      if (record.written) bytes += record.bytes;
      record.accept();
    }
    batch.succeeded();
    this.#relieve(bytes);
  }

  #failed(batch: Batch, error: unknown): void {
    for (const record of batch.records) {
      if (record.written && record.place === null && record.message === null) this.#relieve(record.bytes);
    }
    this.#pending.takeOver(batch);
    this.#pending.hurried = true;
    this.#failing = true;
    this.#parts.failing(error);
    this.#cancelRetry = this.#parts.clock.after(RETRY_MS, () => {
      this.#cancelRetry = null;
      this.#schedule();
    });
  }

  #relieve(bytes: number): void {
    this.#unwrittenBytes -= bytes;
    if (this.#relieved.length === 0 || this.#unwrittenBytes > UNWRITTEN_BYTES_MAX / 2) return;
    for (const done of this.#relieved.splice(0)) callSafely(done);
  }
}
