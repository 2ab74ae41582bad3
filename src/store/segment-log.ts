import type { Batch } from "./batch.ts";
import {
  FORMAT_VERSION,
  messageDocument,
  type OfClient,
  receiversDocument,
  type StateDocument,
  type StoreDocument,
  stateBytes,
} from "./documents.ts";
import type { MessageKey } from "./message-key.ts";
import type { MessageRecord } from "./message-record.ts";
import { Segment } from "./segment.ts";
import { type SegmentDirectory, type SegmentFile, segmentName } from "./segment-file.ts";
import { defaultSegmentLimits, type SegmentLimits } from "./segment-limits.ts";
import type { StoreReport } from "./store.ts";

/** Bytes of payloads and properties that are handed to NeDB at once, or a little more. */
const APPEND_BYTES_AT_ONCE = 1024 * 1024;

export interface SegmentLogParts {
  directory: SegmentDirectory;
  /** Id of the gateway. */
  home(): string;
  /** Number of the latest message. */
  latest(): number;
  /** Takes hold of the entry as it is, to be described when it is written; undefined where it is no more. */
  describe(key: string): (() => StateDocument) | undefined;
  isSent(clientId: string, key: MessageKey): boolean;
  limits?: SegmentLimits | undefined;
}

/** What describes each entry by its key; undefined for those that are no more. */
type EntriesToWrite = ReadonlyMap<string, (() => StateDocument) | undefined>;

/**
 * The store on the disk: segments, of which only the newest is added to. Segments go in the order in which they came:
 * the oldest is deleted when nothing in it counts any more, so what was said later (settled, changed, gone) always
 * outlives what it was said of. Where too much of the disk does not count, what does in the oldest is written anew.
 */
export class SegmentLog {
  readonly segments: Segment[] = [];
  commits = 0;
  bytesWritten = 0;
  messagesWritten = 0;
  readonly #parts: SegmentLogParts;
  readonly #limits: SegmentLimits;
  readonly #places = new Map<string, Segment>();
  /** Bytes that may be spent on copies: without it, a wrong estimate of what counts would copy the disk round and round. */
  #copyBudget = 0;
  #next = 1;
  #spare: Promise<SegmentFile | null> | null = null;
  /** Commits since the last sync. */
  #unsynced: Batch[] = [];
  /** Commits whose sync failed: the system may have forgotten that they are not on the disk, and syncs them no more. */
  #doubtful: Batch[] = [];
  /** Segments that end with what a failed write has left. */
  readonly #uncut = new Set<Segment>();

  constructor(parts: SegmentLogParts) {
    this.#parts = parts;
    this.#limits = parts.limits ?? defaultSegmentLimits;
  }

  /** Takes over a segment that was read. */
  adopt(segment: Segment): void {
    this.segments.push(segment);
    this.#copyBudget += segment.bytes;
    this.#next = Math.max(this.#next, segment.number + 1);
  }

  /** The latest version of the entry is in this segment, and takes so many bytes there; or with null nowhere. */
  place(key: string, segment: Segment | null, bytes = 0): void {
    this.#places.get(key)?.releaseKey(key);
    if (segment === null) this.#places.delete(key);
    else {
      segment.holdKey(key, bytes);
      this.#places.set(key, segment);
    }
  }

  /** The segment is no longer in the directory. */
  forget(segment: Segment): void {
    const at = this.segments.indexOf(segment);
    if (at >= 0) this.segments.splice(at, 1);
  }

  release(record: MessageRecord): void {
    (record.place as Segment | null)?.release(record);
  }

  report(): Omit<StoreReport, "failing"> {
    const { bytesWritten, messagesWritten, commits, segments } = this;
    const bytesOnDisk = segments.reduce((sum, { bytes }) => sum + bytes, 0);
    return { bytesWritten, messagesWritten, commits, bytesOnDisk, files: segments.length };
  }

  /**
   * One commit. `handedOver` is called when the operating system has it, before it is synced. Where it throws, nothing
   * of it counts, although some of it may be on the disk.
   */
  async write(batch: Batch, handedOver: () => void): Promise<void> {
    // Bytes of each entry as it was written, 0 where it was gone; it may be another by the time the commit is through.
    const entries = new Map<string, number>();
    for (const doubtful of this.#doubtful) batch.redo(doubtful);
    // As of this turn, however long the commit takes: what is told later belongs to the next, which may never come. A dead
    // letter that goes out again then would be in neither.
    const state = new Map(Array.from(batch.keys, (key) => [key, this.#parts.describe(key)]));
    await this.#cutOff();
    const slices = this.#slicesOf(batch, state, entries);
    const first = slices.next();
    if (first.done) return;
    const segment = await this.#current();
    const file = segment.file as SegmentFile;
    try {
      let slice: StoreDocument[] = first.value;
      for (let next = slices.next(); !next.done; next = slices.next()) {
        await file.append(slice);
        slice = next.value;
      }
      await file.append([...slice, { k: "end", n: this.commits + 1, z: 0 }]);
      this.#unsynced.push(batch);
      handedOver();
      if (batch.sync) await this.#sync(segment);
    } catch (error) {
      await this.#abandon(segment);
      throw error;
    }
    this.commits++;
    const bytes = file.bytes - segment.bytes;
    this.bytesWritten += bytes;
    this.#copyBudget += batch.copies.length > 0 || batch.copiesKeys ? -bytes : 2 * bytes;
    segment.bytes = file.bytes;
    for (const record of batch.records) if (record.written && record.message !== null) segment.hold(record);
    for (const record of batch.copies) if (record.message !== null) segment.hold(record);
    for (const [key, size] of entries) this.place(key, size > 0 ? segment : null, size);
    this.#doubtful = [];
  }

  /** Gives disk space back; has `copy` write anew what it needs for that. */
  async tidy(copy: (records: MessageRecord[], keys: string[]) => void): Promise<void> {
    await this.#rotate();
    for (let oldest = this.segments[0]; oldest?.file === null && oldest.live === 0; oldest = this.segments[0]) {
      const newest = this.segments[this.segments.length - 1] as Segment;
      if (newest.file !== null && this.#unsynced.length > 0) await this.#sync(newest); // what took the place of its entries
      await this.#parts.directory.remove(oldest.name);
      this.segments.shift();
    }
    const { bytes, liveBytes } = this.segments.reduce(
      (sum, segment) => ({ bytes: sum.bytes + segment.bytes, liveBytes: sum.liveBytes + segment.liveBytes }),
      { bytes: 0, liveBytes: 0 },
    );
    if (bytes - liveBytes < Math.max(liveBytes, this.#limits.garbageBytesMax) || this.#copyBudget < 0) return;
    const oldest = this.segments[0] as Segment;
    if (oldest.file !== null) await this.#seal(oldest);
    this.empty(oldest, copy);
  }

  /** Has some of what counts in a segment written anew. */
  empty(segment: Segment, copy: (records: MessageRecord[], keys: string[]) => void): void {
    const { records, keys } = segment.some(this.#limits.copyAtOnce, APPEND_BYTES_AT_ONCE);
    copy(records, keys);
  }

  async close(): Promise<void> {
    const current = this.segments[this.segments.length - 1];
    if (current !== undefined && current.file !== null) await this.#seal(current);
    await this.tidy(() => {});
    const spare = await this.#spare;
    this.#spare = null;
    if (spare === null) return;
    await spare.close();
    await this.#parts.directory.remove(spare.name);
  }

  *#slicesOf(batch: Batch, state: EntriesToWrite, entries: Map<string, number>): Generator<StoreDocument[], undefined> {
    let slice: StoreDocument[] = [];
    let bytes = 0;
    for (const document of this.#documentsOf(batch, state, entries)) {
      slice.push(document);
      if ("p" in document) bytes += document.p.length + (document.x?.length ?? 0);
      // NeDB makes one string of them, and nothing else is done meanwhile.
      if (slice.length < this.#limits.appendAtOnce && bytes < APPEND_BYTES_AT_ONCE) continue;
      yield slice;
      slice = [];
      bytes = 0;
    }
    if (slice.length > 0) yield slice;
  }

  *#documentsOf(batch: Batch, state: EntriesToWrite, entries: Map<string, number>): Generator<StoreDocument> {
    for (const records of [batch.records, batch.copies]) {
      for (const record of records) {
        const { message } = record;
        if (message === null) continue; // settled before its commit: the disk never sees it
        const isSent = (clientId: string) => this.#parts.isSent(clientId, record.key);
        const document = messageDocument(record, message, this.#parts.home(), isSent);
        record.written = true;
        this.messagesWritten++;
        yield document;
      }
    }
    for (const [record, clientIds] of batch.more) {
      if (record.message !== null) yield receiversDocument(record, clientIds);
    }
    for (const k of ["done", "sent"] as const) {
      const of: OfClient[] = [...batch[k]].filter(([, set]) => set.size > 0).map(([id, set]) => [id, ...set]);
      if (of.length > 0) yield { k, of };
    }
    const gone: string[] = [];
    for (const [key, describe] of state) {
      const document = describe?.();
      entries.set(key, document === undefined ? 0 : stateBytes(key, document));
      if (document !== undefined) yield document;
      else if (this.#places.has(key) || batch.again.has(key)) gone.push(key);
    }
    if (gone.length > 0) yield { k: "gone", of: gone };
  }

  async #current(): Promise<Segment> {
    const newest = this.segments[this.segments.length - 1];
    if (newest !== undefined && newest.file !== null) return newest;
    const prepared = await this.#spare;
    this.#spare = null;
    const number = this.#next;
    const file = prepared ?? (await this.#parts.directory.create(number));
    this.#next = number + 1;
    const segment = new Segment(number, segmentName(number), 0, file);
    this.segments.push(segment);
    try {
      await file.append([
        { k: "head", v: FORMAT_VERSION, n: this.#parts.latest() },
        { k: "end", n: this.commits, z: 0 },
      ]);
    } catch (error) {
      await this.#abandon(segment);
      throw error;
    }
    return segment;
  }

  /** Ends a segment that is full, and creates the next while there is time. */
  async #rotate(): Promise<void> {
    const newest = this.segments[this.segments.length - 1];
    if (newest === undefined || newest.file === null) return;
    const { bytes, documents } = newest.file;
    const { segmentBytesMax, segmentDocumentsMax } = this.#limits;
    if (bytes > segmentBytesMax || documents > segmentDocumentsMax) await this.#seal(newest);
    else if (bytes > segmentBytesMax / 2 || documents > segmentDocumentsMax / 2) {
      this.#spare ??= this.#parts.directory.create(this.#next).catch(() => null); // tried again when it is needed
    }
  }

  async #sync(segment: Segment): Promise<void> {
    try {
      await segment.file?.sync();
      this.#unsynced = [];
    } catch (error) {
      this.#doubtful.push(...this.#unsynced);
      await this.#abandon(segment);
      throw error;
    }
  }

  async #seal(segment: Segment): Promise<void> {
    if (this.#unsynced.length > 0) await this.#sync(segment);
    const { file } = segment;
    segment.file = null;
    await file?.close().catch(() => {}); // all of it is on the disk
  }

  /** A write or a sync failed: nobody knows what of it is on the disk. What was good before stays; the rest goes elsewhere. */
  async #abandon(segment: Segment): Promise<void> {
    const { file } = segment;
    if (file === null) return; // its sync failed, and that abandoned it
    segment.file = null;
    this.#uncut.add(segment);
    await file.close().catch(() => {});
    await this.#cutOff().catch(() => {}); // tried again before anything else is written
  }

  /** Takes away what failed writes have left, which may be whole, and may not be what counts by now. */
  async #cutOff(): Promise<void> {
    for (const segment of this.#uncut) {
      if (segment.bytes > 0)
        await this.#parts.directory.cut(segment.name, segment.bytes); // syncs it too
      else {
        await this.#parts.directory.remove(segment.name);
        this.forget(segment);
      }
      this.#uncut.delete(segment);
      this.#unsynced = [];
    }
  }
}
