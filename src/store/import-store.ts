import { WaypostError } from "../waypost-error.ts";
import { FORMAT_VERSION, type StoreDocument } from "./documents.ts";
import { documentOfMessage, documentOfState, type EntryType, type ExportEntry } from "./export-entry.ts";
import { mailboxName } from "./mailbox-name.ts";
import { keyOf, type MessageKey } from "./message-key.ts";
import { NedbDirectory } from "./nedb-directory.ts";
import type { ReadExport } from "./read-export.ts";
import { devicesOf } from "./read-store.ts";
import { keyOfState, type Recovered, recover } from "./recover.ts";

/** Documents that are handed to NeDB at once. */
const APPEND_AT_ONCE = 256;
/** What a gateway can read of one file. An import is one file, or it would not be all or nothing. */
const BYTES_MAX = 1.5 * 1024 ** 3;
/** As many numbers as there are packet ids: moved by a multiple of it, a message keeps its packet id. */
const PACKET_IDS = 65_535;

export interface ImportOptions {
  /** The store may hold something already, which stays as it is. */
  merge: boolean;
  /** What the mistakes of the export call it. */
  name: string;
}

export interface Imported {
  counts: Map<EntryType, number>;
  /** Entries of the export whose place was taken. */
  leftOut: number;
}

/**
 * Puts a checked export into a directory that no gateway uses, as one commit: all of it or nothing. The documents are
 * those of the export, and not what a store would make of it when told anew: of a message that was sent or released
 * before, its receiver and the gateway must go on from where they were.
 * @throws ERR_STORE_IN_USE; ERR_STORE where the directory is not empty, is damaged or cannot be written
 */
export async function importStore(path: string, source: ReadExport, options: ImportOptions): Promise<Imported> {
  const directory = new NedbDirectory(path);
  const lock = await directory.lock().catch((error) => {
    throw error instanceof WaypostError ? error : unwritable(path, error);
  });
  try {
    const there = await recover(directory);
    refuseUnlessReady(path, there, options);
    refuseUnlessKnown(source, there, options);
    const merged = merge(source, there);
    const latest = Math.max(there.latest, source.latest + merged.shift.messages);
    const newest = there.segments.at(-1)?.segment.number ?? 0;
    await cutTornEnds(directory, there);
    await write(directory, newest + 1, [{ k: "head", v: FORMAT_VERSION, n: latest }, ...merged.documents]);
    return { counts: merged.counts, leftOut: merged.leftOut };
  } finally {
    await lock.release();
  }
}

function refuseUnlessReady(path: string, there: Recovered, options: ImportOptions): void {
  const damaged = there.segments.filter(({ damage }) => damage.length > 0);
  if (damaged.length > 0) {
    const names = damaged.map(({ segment }) => segment.name).join(", ");
    const why = `the store directory ${path} is damaged (${names}): import into an empty one, or let a gateway start on it first, which sets damaged files aside`;
    throw new WaypostError("ERR_STORE", why);
  }
  if (options.merge || (there.state.size === 0 && there.messages.length === 0)) return;
  const why = `the store directory ${path} is not empty: import into another one, or add --merge to keep what is there and add to it`;
  throw new WaypostError("ERR_STORE", why);
}

/** As a gateway does when it starts: behind them comes something that counts. */
async function cutTornEnds(directory: NedbDirectory, { segments }: Recovered): Promise<void> {
  try {
    for (const { segment, tornBytes } of segments) if (tornBytes > 0) await directory.cut(segment.name, segment.bytes);
  } catch (error) {
    throw unwritable(directory.path, error);
  }
}

/** A message for a device of which nothing else is known would be lost at the next start. */
function refuseUnlessKnown({ entries, receivers }: ReadExport, there: Recovered, { name }: ImportOptions): void {
  const known = devicesOf(there);
  for (const entry of entries) {
    if (entry.type === "session" || entry.type === "subscription") known.add(entry.device);
  }
  const unknown = [...receivers].filter(([device]) => !known.has(device));
  if (unknown.length === 0) return;
  const lines = unknown.map(([id, line]) => `${name}:${line}: ${receiverText(id)} has no session here or in the store`);
  throw new WaypostError("ERR_STORE", lines.join("\n"));
}

function receiverText(sessionId: string): string {
  return mailboxName(sessionId) ?? `the device ${JSON.stringify(sessionId)}`;
}

/** How far numbers of an export are moved, to come behind those that are there. */
interface Shift {
  messages: number;
  deadLetters: number;
}

function shiftBehind({ latest, state }: Recovered): Shift {
  let deadLetters = 0;
  for (const { document } of state.values()) if (document.k === "dead") deadLetters = Math.max(deadLetters, document.i);
  return { messages: Math.ceil(latest / PACKET_IDS) * PACKET_IDS, deadLetters };
}

/** What to write. A device that the store has already keeps its session; the messages come to those that wait. */
function merge({ entries }: ReadExport, there: Recovered): Imported & { documents: StoreDocument[]; shift: Shift } {
  const shift = shiftBehind(there);
  const devices = devicesOf(there);
  const counts = new Map<EntryType, number>();
  const documents: StoreDocument[] = [];
  let leftOut = 0;
  for (const entry of entries) {
    const document = documentFor(entry, shift, devices, there);
    if (document === null) {
      leftOut++;
      continue;
    }
    documents.push(document);
    counts.set(entry.type, (counts.get(entry.type) ?? 0) + 1);
  }
  return { counts, leftOut, documents, shift };
}

/** Null where it is left out. */
function documentFor(entry: ExportEntry, shift: Shift, devices: Set<string>, there: Recovered): StoreDocument | null {
  if (entry.type === "message") {
    // What its old session had under way ended with that: the device of the one that is here knows nothing of it.
    const receivers = entry.receivers.map(({ sent, ...each }) =>
      sent && !devices.has(each.device) ? { ...each, sent } : each,
    );
    return documentOfMessage({ ...entry, number: entry.number + shift.messages, receivers });
  }
  const isHandshake = entry.type === "receipt" || entry.type === "released";
  if (isHandshake && devices.has(entry.device)) return null;
  const document = documentOfState(entry);
  if (document.k === "retained" || document.k === "dead") document.n += shift.messages;
  if (document.k === "released") document.n = shifted(document.n, shift.messages);
  if (document.k === "dead") document.i += shift.deadLetters;
  return there.state.has(keyOfState(document)) ? null : document;
}

function shifted(key: MessageKey, shift: number): MessageKey {
  if (typeof key === "number") return key + shift;
  const [gateway = "", number] = key.split("\n");
  return keyOf(gateway, Number(number) + shift, "");
}

async function write(directory: NedbDirectory, number: number, documents: readonly StoreDocument[]): Promise<void> {
  try {
    const file = await directory.create(number);
    try {
      for (let at = 0; at < documents.length; at += APPEND_AT_ONCE) {
        await file.append(documents.slice(at, at + APPEND_AT_ONCE));
        if (file.bytes > BYTES_MAX) throw tooLarge();
      }
      await file.append([{ k: "end", n: 1, z: 0 }]);
      await file.sync();
      await file.close();
    } catch (error) {
      await file.close().catch(() => {});
      await directory.remove(file.name).catch(() => {}); // without its end nothing of it counts anyhow
      throw error;
    }
  } catch (error) {
    throw unwritable(directory.path, error);
  }
}

function tooLarge(): WaypostError {
  const why = `the export is larger than the ${BYTES_MAX / 1024 ** 3} GiB that one import may be: split it by device`;
  return new WaypostError("ERR_LIMIT_EXCEEDED", why);
}

function unwritable(path: string, error: unknown): WaypostError {
  const why = `the store directory ${path} cannot be written: ${(error as Error).message}; nothing was imported`;
  return new WaypostError("ERR_STORE", why, { cause: error });
}
