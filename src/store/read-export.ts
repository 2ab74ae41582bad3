import { entryMistakes } from "./check-entry.ts";
import {
  documentOfState,
  type EntryType,
  EXPORT_FORMAT,
  type ExportEnd,
  type ExportEntry,
  type ExportHead,
  entryTypes,
} from "./export-entry.ts";
import { keyOf } from "./message-key.ts";
import { keyOfState } from "./recover.ts";

/** An export, checked. */
export interface ReadExport {
  /** Number of the latest message. */
  latest: number;
  entries: ExportEntry[];
  /** The devices that messages are for, and the line of the first such message. */
  receivers: Map<string, number>;
  /** `file:line: what is wrong`; nothing may be imported where there is one. */
  mistakes: string[];
}

/** Reads and checks all lines of an export; `name` is what its mistakes call it. */
export async function readExport(lines: AsyncIterable<Buffer>, name: string): Promise<ReadExport> {
  const reading = new Reading(name);
  for await (const line of lines) reading.take(line);
  return reading.result();
}

class Reading {
  readonly #name: string;
  readonly #entries: ExportEntry[] = [];
  readonly #mistakes: string[] = [];
  readonly #lineOfKey = new Map<string, number>();
  readonly #counts = new Map<EntryType, number>();
  readonly #receivers = new Map<string, number>();
  #head: ExportHead | null = null;
  #end: ExportEnd | null = null;
  #line = 0;

  constructor(name: string) {
    this.#name = name;
  }

  take(bytes: Buffer): void {
    this.#line++;
    if (this.#end !== null) {
      if (bytes.length > 0) this.#mistake("there is something after the end of the export");
      return;
    }
    const value = this.#parsed(bytes);
    if (value === undefined) return;
    const mistakes = entryMistakes(value);
    for (const mistake of mistakes) this.#mistake(mistake);
    const { type } = value as { type?: unknown };
    if (entryTypes.includes(type as EntryType)) {
      this.#counts.set(type as EntryType, (this.#counts.get(type as EntryType) ?? 0) + 1);
    }
    if (this.#line === 1 && type !== "store") {
      this.#mistake('an export begins with a line of type "store": this is none, or its beginning is missing');
    }
    if (mistakes.length > 0) return;
    if (type === "store") this.#takeHead(value as ExportHead);
    else if (type === "end") this.#takeEnd(value as ExportEnd);
    else this.#takeEntry(value as ExportEntry);
  }

  result(): ReadExport {
    if (this.#line === 0) this.#mistakes.push(`${this.#name}: it is empty`);
    else if (this.#end === null) {
      this.#mistake('the last line must be of type "end": the export was cut off here, and what is missing is unknown');
    }
    const latest = this.#head?.latest ?? 0;
    return { latest, entries: this.#entries, receivers: this.#receivers, mistakes: this.#mistakes };
  }

  #takeHead(head: ExportHead): void {
    if (this.#line !== 1) return this.#mistake('a line of type "store" may only be the first');
    if (head.format > EXPORT_FORMAT) {
      const why = `it is of format ${head.format}, and this Waypost reads up to ${EXPORT_FORMAT}: use the release that wrote it (${head.waypost}), or a later one`;
      return this.#mistake(why);
    }
    this.#head = head;
  }

  #takeEnd(end: ExportEnd): void {
    this.#end = end;
    for (const type of entryTypes) {
      const [said, found] = [end.counts[type] ?? 0, this.#counts.get(type) ?? 0];
      if (said === found) continue;
      this.#mistake(`it counts ${said} lines of type ${type}, and there are ${found}: lines were lost or added`);
    }
  }

  #takeEntry(entry: ExportEntry): void {
    const key = keyOfEntry(entry);
    const before = this.#lineOfKey.get(key);
    if (before !== undefined) return this.#mistake(`this ${entry.type} is on line ${before} already`);
    this.#lineOfKey.set(key, this.#line);
    this.#entries.push(entry);
    if (entry.type !== "message") return;
    for (const { device } of entry.receivers) {
      if (!this.#receivers.has(device)) this.#receivers.set(device, this.#line);
    }
  }

  #parsed(bytes: Buffer): unknown {
    try {
      return JSON.parse(bytes.toString());
    } catch (error) {
      this.#mistake(`this line is no JSON: ${(error as Error).message}`);
      return undefined;
    }
  }

  #mistake(what: string): void {
    this.#mistakes.push(`${this.#name}:${this.#line}: ${what}`);
  }
}

function keyOfEntry(entry: ExportEntry): string {
  if (entry.type === "message") return `m${keyOf(entry.gateway ?? "", entry.number, "")}`;
  return keyOfState(documentOfState(entry));
}
