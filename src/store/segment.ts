import type { MessageRecord, Place } from "./message-record.ts";
import type { SegmentFile } from "./segment-file.ts";

/** Bytes that each receiver of a message is taken to have. */
const RECEIVER_BYTES = 16;

/** One segment, and what of it still counts. */
export class Segment implements Place {
  readonly number: number;
  readonly name: string;
  /** Null once nothing more is added to it. */
  file: SegmentFile | null;
  /** Messages and other entries whose latest version is here. */
  live = 0;
  liveBytes = 0;
  /** Bytes in the file up to the end of the last commit that is known to be whole. */
  bytes: number;
  /** Entries other than messages whose latest version is here, and the bytes of each. */
  readonly keys = new Map<string, number>();
  #records: MessageRecord[] = [];

  constructor(number: number, name: string, bytes: number, file: SegmentFile | null = null) {
    this.number = number;
    this.name = name;
    this.bytes = bytes;
    this.file = file;
  }

  /** The record is written here, and no longer anywhere else. */
  hold(record: MessageRecord): void {
    (record.place as Segment | null)?.release(record);
    record.place = this;
    record.bytesOnDisk = record.bytes + RECEIVER_BYTES * record.receivers;
    this.live++;
    this.liveBytes += record.bytesOnDisk;
    this.#records.push(record);
    // Records that moved or are settled must not pile up: some messages wait for weeks.
    if (this.#records.length > 1024 && this.#records.length > 2 * this.live) this.#records = this.records();
  }

  /** The record does not count any more. */
  release(record: MessageRecord): void {
    if (record.place !== this) return;
    record.place = null;
    this.live--;
    this.liveBytes -= record.bytesOnDisk;
  }

  holdKey(key: string, bytes: number): void {
    this.releaseKey(key);
    this.keys.set(key, bytes);
    this.live++;
    this.liveBytes += bytes;
  }

  releaseKey(key: string): void {
    const bytes = this.keys.get(key);
    if (bytes === undefined) return;
    this.keys.delete(key);
    this.live--;
    this.liveBytes -= bytes;
  }

  /** The records whose only version is here. */
  records(): MessageRecord[] {
    return this.#records.filter((record) => record.place === this);
  }

  /** Some of what counts here: so many records and so many keys, and of all of them so many bytes, or a little more. */
  some(countMax: number, bytesMax: number): { records: MessageRecord[]; keys: string[] } {
    const records: MessageRecord[] = [];
    const keys: string[] = [];
    let bytes = 0;
    for (const record of this.records()) {
      if (records.length === countMax || bytes > bytesMax) break;
      records.push(record);
      bytes += record.bytes;
    }
    for (const [key, keyBytes] of this.keys) {
      if (keys.length === countMax || bytes > bytesMax) break;
      keys.push(key);
      bytes += keyBytes;
    }
    return { records, keys };
  }
}
