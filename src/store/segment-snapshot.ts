import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { WaypostError } from "../waypost-error.ts";
import { type SegmentDirectory, segmentNumber } from "./segment-file.ts";

/** How often a gateway may give segments back while they are being opened. */
const ATTEMPTS_MAX = 20;

interface OpenSegment {
  name: string;
  file: FileHandle;
  bytes: number;
}

/**
 * The segments of a store as they were at one moment, while a gateway may go on writing them. Nothing is locked, made,
 * written or cut: an open file outlives its removal, and what is added later is not read.
 */
export class SegmentSnapshot implements Pick<SegmentDirectory, "list" | "read"> {
  readonly #segments: ReadonlyMap<string, OpenSegment>;

  private constructor(segments: readonly OpenSegment[]) {
    this.#segments = new Map(segments.map((segment) => [segment.name, segment]));
  }

  /** @throws ERR_STORE where the directory cannot be read */
  static async take(path: string): Promise<SegmentSnapshot> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const names = await namesIn(path);
      const segments = await openAll(path, names);
      if (segments === null) continue;
      if (isStill(names, await namesIn(path))) return new SegmentSnapshot(segments);
      await closeAll(segments);
    }
    const why = `the files of ${path} come and go faster than they can be opened: try again when the gateway has less to do`;
    throw new WaypostError("ERR_STORE", why);
  }

  async list(): Promise<string[]> {
    return [...this.#segments.keys()];
  }

  async read(name: string): Promise<Buffer> {
    const segment = this.#segments.get(name);
    if (segment === undefined) throw new WaypostError("ERR_INVARIANT", `${name} is not in this snapshot`);
    const buffer = Buffer.allocUnsafe(segment.bytes);
    let at = 0;
    while (at < buffer.length) {
      const { bytesRead } = await segment.file.read(buffer, at, buffer.length - at, at);
      if (bytesRead === 0) break; // a write that failed was cut off meanwhile
      at += bytesRead;
    }
    return buffer.subarray(0, at);
  }

  async close(): Promise<void> {
    await closeAll([...this.#segments.values()]);
  }
}

/** Oldest first. */
async function namesIn(path: string): Promise<string[]> {
  try {
    const names = (await readdir(path)).filter((name) => segmentNumber(name) !== undefined);
    return names.sort((a, b) => numberOf(a) - numberOf(b));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Null where one is gone already. */
async function openAll(path: string, names: readonly string[]): Promise<OpenSegment[] | null> {
  const segments: OpenSegment[] = [];
  try {
    for (const name of names) segments.push({ name, file: await open(join(path, name), "r"), bytes: 0 });
    // The newest first: where something is in it, the one before it is complete. The other way round, what came in
    // between would be missing in the middle.
    for (const segment of segments.toReversed()) segment.bytes = (await segment.file.stat()).size;
    return segments;
  } catch (error) {
    await closeAll(segments);
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw unreadable(path, error);
  }
}

/** Nothing vanished; what came is newer than all of it. */
function isStill(before: readonly string[], after: readonly string[]): boolean {
  return before.every((name, index) => after[index] === name);
}

async function closeAll(segments: readonly OpenSegment[]): Promise<void> {
  for (const { file } of segments) await file.close();
}

function numberOf(name: string): number {
  return segmentNumber(name) as number;
}

function unreadable(path: string, error: unknown): WaypostError {
  const { code, message } = error as NodeJS.ErrnoException;
  const why =
    code === "ENOENT"
      ? `there is no store directory ${path}: name the one that the gateway has`
      : `the store directory ${path} cannot be read: ${message}`;
  return new WaypostError("ERR_STORE", why, { cause: error });
}
