import { crc32 } from "node:zlib";
import { WaypostError } from "../waypost-error.ts";
import { FORMAT_VERSION, type MessageDocument, type StateDocument, type StoreDocument } from "./documents.ts";
import { keyOf, type MessageKey } from "./message-key.ts";
import { unpacked } from "./packing.ts";
import { RecoveredMessage } from "./recovered-message.ts";
import { Segment } from "./segment.ts";
import { type SegmentDirectory, segmentNumber } from "./segment-file.ts";
import { stateKey } from "./state-key.ts";

/** A line of a segment that is not what was written. */
export interface Damage {
  segment: string;
  /** Counted from 1. */
  line: number;
  /** In bytes from the beginning of the file. */
  offset: number;
  why: string;
}

/** What one segment was found to hold. */
export interface SegmentFindings {
  segment: Segment;
  commits: number;
  documents: number;
  /** Bytes after the last whole commit: of a write that was cut short, which nobody was told of. */
  tornBytes: number;
  /** Those end as a whole commit does: a power cut left gaps in it, or something else damaged it. */
  tornIsDamaged: boolean;
  damage: Damage[];
}

/** A store as it was when its last whole commit was written. */
export interface Recovered {
  segments: SegmentFindings[];
  messages: RecoveredMessage[];
  state: Map<string, { document: StateDocument; place: Segment }>;
  /** Number of the latest message. */
  latest: number;
}

/**
 * Reads all segments. NeDB's own load is not used: it writes each file anew, drops damaged lines without a word, and takes
 * some 16 us for a document.
 * @throws ERR_STORE where a segment is of a newer format
 */
export async function recover(directory: Pick<SegmentDirectory, "list" | "read">): Promise<Recovered> {
  const recovery = new Recovery();
  for (const name of await directory.list()) recovery.read(name, await readSegment(directory, name));
  return recovery.result();
}

async function readSegment(directory: Pick<SegmentDirectory, "read">, name: string): Promise<Buffer> {
  try {
    return await directory.read(name);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const why = `${name} in the store directory cannot be read: ${reason}; make it readable, or move it away to start without what it holds`;
    throw new WaypostError("ERR_STORE", why, { cause: error });
  }
}

/** A commit as it stands in its segment. */
interface Commit {
  findings: SegmentFindings;
  documents: StoreDocument[];
  damage: Damage[];
  /** Where it begins, in bytes. */
  start: number;
}

class Recovery {
  readonly #segments: SegmentFindings[] = [];
  readonly #messages = new Map<MessageKey, RecoveredMessage>();
  readonly #state: Recovered["state"] = new Map();
  #latest = 0;
  /** A damaged commit, until another one shows that it was not the last. */
  #doubtful: Commit | null = null;

  read(name: string, bytes: Buffer): void {
    const segment = new Segment(segmentNumber(name) as number, name, bytes.length);
    const findings: SegmentFindings = {
      segment,
      commits: 0,
      documents: 0,
      tornBytes: 0,
      tornIsDamaged: false,
      damage: [],
    };
    this.#segments.push(findings);
    let commit: StoreDocument[] = [];
    let damage: Damage[] = [];
    let checksum = 0;
    let whole = 0;
    let line = 0;
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(10, at);
      if (end < 0) break;
      const text = bytes.subarray(at, end);
      const place = { segment: name, line: ++line, offset: at };
      at = end + 1;
      const parsed = parse(text);
      const last = parsed?.[0];
      if (last?.k !== "end") {
        checksum = crc32(text, checksum);
        if (parsed === undefined) damage.push({ ...place, why: "it is not a document of this store" });
        else commit.push(...parsed);
        continue;
      }
      if (last.z !== checksum && damage.length === 0) {
        damage.push({ ...place, why: `the checksum of the ${commit.length} lines before it does not match` });
      }
      if (this.#doubtful !== null) this.#take(this.#doubtful);
      this.#doubtful = null;
      const complete = { findings, documents: commit, damage, start: whole };
      if (damage.length > 0) this.#doubtful = complete;
      else this.#take(complete);
      commit = [];
      damage = [];
      checksum = 0;
      whole = at;
    }
    findings.tornBytes = bytes.length - whole;
    segment.bytes = whole;
  }

  result(): Recovered {
    this.#endDoubt();
    const messages = [...this.#messages.values()];
    let previous = 0;
    let inOrder = true;
    for (const { document } of messages) {
      if (document.n < previous) inOrder = false;
      previous = document.n;
    }
    if (!inOrder) messages.sort((a, b) => a.document.n - b.document.n); // some were written anew
    return { segments: this.#segments, messages, state: this.#state, latest: this.#latest };
  }

  #take({ findings, documents, damage }: Commit): void {
    for (const each of documents) this.#apply(each, findings.segment);
    findings.commits++;
    findings.documents += documents.length;
    findings.damage.push(...damage);
  }

  /**
   * The very last commit is damaged: a power cut came before it was synced, and some of it never reached the disk. What
   * is there of it must not count: with a message and without its receipt, say, the message would come a second time.
   */
  #endDoubt(): void {
    const commit = this.#doubtful;
    if (commit === null) return;
    const { findings, start } = commit;
    const { segment } = findings;
    if (findings.tornBytes > 0) return this.#take(commit); // it was synced before the next was begun
    findings.tornBytes = segment.bytes - start;
    findings.tornIsDamaged = true;
    segment.bytes = start;
  }

  #apply(document: StoreDocument, place: Segment): void {
    switch (document.k) {
      case "head":
        if (document.v > FORMAT_VERSION) {
          const why = `${place.name} is of format ${document.v}, and this Waypost reads up to ${FORMAT_VERSION}: run the release that wrote it, or a later one`;
          throw new WaypostError("ERR_STORE", why);
        }
        this.#latest = Math.max(this.#latest, document.n);
        return;
      case "msg":
        return this.#applyMessage(document, place);
      case "more": {
        const message = this.#messages.get(document.n);
        for (const clientId of document.to) message?.receivers.set(clientId, message.document.q === 2 ? 2 : 1);
        for (const clientId of document.to1 ?? []) message?.receivers.set(clientId, 1);
        return;
      }
      case "done":
        for (const [clientId, ...keys] of document.of) {
          for (const key of keys) {
            if (this.#messages.get(key)?.settledBy(clientId)) this.#messages.delete(key);
          }
        }
        return;
      case "sent":
        for (const [clientId, ...keys] of document.of) {
          for (const key of keys) this.#messages.get(key)?.sent.add(clientId);
        }
        return;
      case "gone":
        for (const key of document.of) this.#state.delete(key);
        return;
      case "end":
        return;
      default:
        this.#latest = Math.max(this.#latest, numberIn(document));
        this.#state.set(keyOfState(document), { document, place });
    }
  }

  #applyMessage(document: MessageDocument, place: Segment): void {
    this.#latest = Math.max(this.#latest, document.n);
    const key = keyOf(document.b ?? "", document.n, "");
    this.#messages.set(key, new RecoveredMessage(document, place));
  }
}

function parse(line: Buffer): StoreDocument[] | undefined {
  try {
    return unpacked(JSON.parse(line.toString()));
  } catch {
    return undefined;
  }
}

/** The number of the latest message of this gateway that the entry tells of: counted below it, numbers would come twice. */
function numberIn(document: StateDocument): number {
  if (!("n" in document) || typeof document.n !== "number") return 0;
  return "b" in document && document.b !== undefined ? 0 : document.n;
}

/** The key of an entry, by which a later one takes its place. */
export function keyOfState(document: StateDocument): string {
  switch (document.k) {
    case "session":
    case "will":
    case "queue":
      return stateKey(document.k, document.i);
    case "subscription":
      return stateKey("subscription", document.i, document.f);
    case "retained":
      return stateKey("retained", document.t);
    case "receipt":
      return stateKey("receipt", document.i, document.m);
    case "released":
      return stateKey("released", document.i, document.n);
    case "dead":
      return stateKey("dead", String(document.i));
  }
}
