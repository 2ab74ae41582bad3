import { crc32 } from "node:zlib";
import type { StoreDocument } from "../../src/store/documents.ts";
import { type SegmentDirectory, type SegmentFile, segmentName, segmentNumber } from "../../src/store/segment-file.ts";
import type { SeededRandom } from "../scenario/seeded-random.ts";

type Operation = "append" | "sync" | "create" | "cut" | "remove" | "rename" | "read";

/** A file as the system shows it, and what of it the disk has for certain. */
interface Stored {
  visible: Buffer;
  durable: Buffer;
  /** Parts of which the system forgot, after a sync failed, that they are not on the disk. */
  forgotten: { from: number; to: number }[];
}

const never = new Promise<never>(() => {});
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * The files of a store on a disk that can lose its power: it has for certain what a sync that was completed covers, and
 * of the rest what chance leaves there. Everything takes some turns of the event loop, as many as the random numbers say.
 */
export class PowerCutDirectory implements SegmentDirectory {
  readonly path = "a disk that is simulated";
  /** An operation to fail, and how; null where it succeeds. */
  failure: ((operation: Operation) => string | null) | null = null;
  syncs = 0;
  created = 0;
  removed = 0;
  readonly #random: SeededRandom;
  #shown = new Map<string, Stored>();
  #certain = new Map<string, Stored>();
  #life = 0;
  #stepsLeft = Infinity;
  #isOff = false;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** The power went, or the gateway was killed: nothing that was under way is ever answered. */
  get isOff(): boolean {
    return this.#isOff;
  }

  /** It goes off after so many steps; an operation has a few. */
  offAfter(steps: number): void {
    this.#stepsLeft = steps;
  }

  /** The gateway was killed; the system has all that it was given, and it is on the disk when it is synced. */
  afterKill(): void {
    this.#revive();
  }

  /** The disk as it is found when the power is back. */
  afterPowerCut(): void {
    this.#revive();
    const left = new Map<string, Stored>();
    for (const name of new Set([...this.#shown.keys(), ...this.#certain.keys()])) {
      const isCertain = this.#shown.get(name) === this.#certain.get(name);
      const stored = this.#shown.get(name) ?? (this.#certain.get(name) as Stored);
      if (!isCertain && this.#random.below(2) === 0) continue;
      const bytes = this.#remains(stored);
      left.set(name, { visible: bytes, durable: bytes, forgotten: [] });
    }
    this.#shown = left;
    this.#certain = new Map(left);
  }

  async lock(): Promise<{ release(): Promise<void> }> {
    return { release: async () => {} };
  }

  async list(): Promise<string[]> {
    await this.#steps();
    const numberOf = (name: string) => segmentNumber(name) as number;
    const names = [...this.#shown.keys()].filter((name) => segmentNumber(name) !== undefined);
    return names.sort((a, b) => numberOf(a) - numberOf(b));
  }

  async create(number: number): Promise<SegmentFile> {
    const name = segmentName(number);
    await this.#attempt("create");
    const stored = this.#shown.get(name) ?? { visible: Buffer.alloc(0), durable: Buffer.alloc(0), forgotten: [] };
    this.#shown.set(name, stored);
    await this.#steps();
    this.#certain.set(name, stored);
    this.created++;
    return this.#file(name, stored);
  }

  async read(name: string): Promise<Buffer> {
    await this.#attempt("read");
    return Buffer.from(this.#stored(name).visible);
  }

  async cut(name: string, bytes: number): Promise<void> {
    await this.#attempt("cut");
    const stored = this.#stored(name);
    stored.visible = stored.visible.subarray(0, bytes);
    stored.forgotten = stored.forgotten.filter(({ from }) => from < bytes);
    await this.#steps();
    stored.durable = stored.visible;
  }

  async remove(name: string): Promise<void> {
    await this.#attempt("remove");
    this.#shown.delete(name);
    await this.#steps();
    this.#certain.delete(name);
    this.removed++;
  }

  async rename(name: string, to: string): Promise<void> {
    await this.#attempt("rename");
    const stored = this.#stored(name);
    this.#shown.delete(name);
    this.#shown.set(to, stored);
    await this.#steps();
    this.#certain.delete(name);
    this.#certain.set(to, stored);
  }

  /** All files, as the system shows them. */
  get files(): ReadonlyMap<string, Buffer> {
    return new Map([...this.#shown].map(([name, { visible }]) => [name, visible]));
  }

  /** Changes what is on the disk behind the store's back. */
  damage(name: string, change: (bytes: Buffer) => Buffer): void {
    const bytes = change(Buffer.from(this.#shown.get(name)?.visible ?? []));
    const stored = { visible: bytes, durable: bytes, forgotten: [] };
    this.#shown.set(name, stored);
    this.#certain.set(name, stored);
  }

  #file(name: string, stored: Stored): SegmentFile {
    let documents = 0;
    let checksum = 0;
    const line = (document: StoreDocument) => {
      const numbered = { _id: ++documents, ...document };
      const isEnd = document.k === "end";
      const text = JSON.stringify(isEnd ? { ...numbered, z: checksum } : numbered);
      checksum = isEnd ? 0 : crc32(text, checksum);
      return `${text}\n`;
    };
    return {
      name,
      get bytes() {
        return stored.visible.length;
      },
      get documents() {
        return documents;
      },
      append: async (added) => {
        const bytes = Buffer.from(added.map(line).join(""));
        const some = this.#random.below(bytes.length);
        await this.#steps();
        stored.visible = Buffer.concat([stored.visible, bytes.subarray(0, some)]);
        await this.#attempt("append");
        stored.visible = Buffer.concat([stored.visible, bytes.subarray(some)]);
        await this.#steps();
      },
      sync: async () => {
        const covered = stored.visible;
        await this.#steps();
        const failure = this.failure?.("sync");
        if (failure) {
          // Linux reports it once, and takes those pages for written from then on.
          stored.forgotten.push({ from: stored.durable.length, to: stored.visible.length });
          throw failed("sync", failure);
        }
        await this.#steps();
        stored.durable = covered;
        this.syncs++;
      },
      close: () => this.#steps(),
    };
  }

  #stored(name: string): Stored {
    const stored = this.#shown.get(name);
    if (stored === undefined) throw failed(`open '${name}'`, "ENOENT");
    return stored;
  }

  /** What was synced; of what was written since, some, and some of that not as it was written. */
  #remains({ visible, durable, forgotten }: Stored): Buffer {
    const random = this.#random;
    if (visible.length < durable.length && random.below(2) === 0) return Buffer.from(durable); // it was being cut
    const certain = Math.min(durable.length, visible.length);
    const rest = visible.length - certain;
    const kept = Buffer.from(visible.subarray(0, certain + (random.below(2) === 0 ? rest : random.below(rest + 1))));
    for (const { from, to } of forgotten) kept.subarray(from, to).fill(0);
    if (kept.length > certain && random.below(2) === 0) {
      const from = certain + random.below(kept.length - certain);
      const to = from + 1 + random.below(Math.min(kept.length - from, random.below(2) === 0 ? 64 : kept.length));
      if (random.below(2) === 0) kept.subarray(from, to).fill(0);
      else random.bytes(to - from).copy(kept, from);
    }
    return kept;
  }

  #revive(): void {
    this.#life++;
    this.#isOff = false;
    this.#stepsLeft = Infinity;
    this.failure = null;
  }

  async #attempt(operation: Operation): Promise<void> {
    await this.#steps();
    const code = this.failure?.(operation);
    if (code) throw failed(operation, code);
  }

  async #steps(): Promise<void> {
    const life = this.#life;
    for (let left = 1 + this.#random.below(3); left > 0; left--) {
      if (this.#isOff || life !== this.#life) return never;
      if (--this.#stepsLeft <= 0) this.#isOff = true;
      if (!this.#isOff) await nextTurn();
    }
    if (this.#isOff || life !== this.#life) return never;
  }
}

function failed(what: string, code: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
