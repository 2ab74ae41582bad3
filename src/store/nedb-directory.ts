import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import Datastore from "nedb-promises";
import { DirectoryLock } from "./directory-lock.ts";
import type { StoreDocument } from "./documents.ts";
import { packed } from "./packing.ts";
import { type SegmentDirectory, type SegmentFile, segmentName, segmentNumber } from "./segment-file.ts";

/** A directory of segments, each of them a NeDB datastore that is only ever added to. */
export class NedbDirectory implements SegmentDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async lock(): Promise<DirectoryLock> {
    await mkdir(this.path, { recursive: true });
    return DirectoryLock.take(this.path);
  }

  async list(): Promise<string[]> {
    const names = await readdir(this.path);
    return names
      .filter((name) => segmentNumber(name) !== undefined)
      .sort((a, b) => (segmentNumber(a) as number) - (segmentNumber(b) as number));
  }

  async create(number: number): Promise<SegmentFile> {
    const path = join(this.path, segmentName(number));
    // What NeDB was writing when the power went, and would take for this segment.
    await rm(`${path}~`, { force: true });
    const segment = new NedbSegment(segmentName(number), path);
    await segment.open(); // NeDB syncs the directory
    return segment;
  }

  read(name: string): Promise<Buffer> {
    return readFile(join(this.path, name));
  }

  async cut(name: string, bytes: number): Promise<void> {
    const file = await open(join(this.path, name), "r+");
    try {
      await file.truncate(bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.path, name), { force: true }); // it is gone already where only the sync failed before
    await this.#sync();
  }

  async rename(name: string, to: string): Promise<void> {
    await rename(join(this.path, name), join(this.path, to));
    await this.#sync();
  }

  async #sync(): Promise<void> {
    const directory = await open(this.path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

/** Where the checksum of a commit stands in the line of its last document. */
const NO_CHECKSUM = '"z":0}';

class NedbSegment implements SegmentFile {
  readonly name: string;
  bytes = 0;
  documents = 0;
  readonly #path: string;
  #datastore: Datastore<StoreDocument> | null;
  // NeDB opens the file for each write and never syncs it.
  #file: FileHandle | null = null;
  #checksum = 0;

  constructor(name: string, path: string) {
    this.name = name;
    this.#path = path;
    this.#datastore = Datastore.create({
      filename: path,
      autoload: false,
      corruptAlertThreshold: 0,
      afterSerialization: (line) => this.#written(line),
      beforeDeserialization: (line) => line,
    });
  }

  async open(): Promise<void> {
    await this.#datastore?.load();
    this.#file = await open(this.#path, "r+");
    this.bytes = (await stat(this.#path)).size;
  }

  async append(documents: readonly StoreDocument[]): Promise<void> {
    // Ids of our own: NeDB would draw random ones. It keeps the documents in memory until the segment is closed.
    const numbered = packed(documents).map((document) => ({ _id: ++this.documents, ...document }));
    await this.#datastore?.insertMany(numbered as never[]);
  }

  async sync(): Promise<void> {
    await this.#file?.datasync();
  }

  async close(): Promise<void> {
    this.#datastore = null;
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  /** NeDB hands over each line before it writes it, and takes back the line to be written. */
  #written(line: string): string {
    let complete = line;
    if (line.endsWith(NO_CHECKSUM) && line.includes('"k":"end"')) {
      complete = `${line.slice(0, -2)}${this.#checksum}}`;
      this.#checksum = 0;
    } else this.#checksum = crc32(line, this.#checksum);
    this.bytes += Buffer.byteLength(complete) + 1;
    return complete;
  }
}
