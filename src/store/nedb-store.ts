import type { Clock } from "../actor/clock.ts";
import type { Log } from "../log.ts";
import { WaypostError } from "../waypost-error.ts";
import { stateBytes } from "./documents.ts";
import type { Durability } from "./durability.ts";
import { GroupCommit } from "./group-commit.ts";
import type { Journal } from "./journal.ts";
import { LocalStore, type LocalStoreOptions } from "./local-store.ts";
import { setDamagedAside, tellFindings } from "./mend.ts";
import type { MessageKind } from "./message.ts";
import type { MessageKey } from "./message-key.ts";
import { NedbDirectory } from "./nedb-directory.ts";
import { type Recovered, recover } from "./recover.ts";
import { restoreMessages } from "./restore-messages.ts";
import type { SegmentDirectory } from "./segment-file.ts";
import type { SegmentLimits } from "./segment-limits.ts";
import { SegmentLog } from "./segment-log.ts";
import { settled } from "./settled.ts";
import { describeState, restoreState } from "./state-documents.ts";
import type { StoreBroker, StoreReport } from "./store.ts";

export interface NedbStoreOptions extends LocalStoreOptions {
  /** Where the files are, or in tests what stands for it. */
  directory: string | SegmentDirectory;
  durability: Durability;
  clock: Clock;
  log: Log;
  /** What class of messages those of a topic belong to. */
  kindOf?: (topic: string) => MessageKind;
  /** Of the segments, where they are to be other than usual. */
  limits?: SegmentLimits;
}

/**
 * The embedded store: everything in memory, and on the disk in NeDB datastores that are written by group commit. See
 * `GroupCommit` for what is written when, and `SegmentLog` for how it is given back.
 */
export class NedbStore extends LocalStore {
  readonly #directory: SegmentDirectory;
  readonly #segments: SegmentLog;
  readonly #commits: GroupCommit;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #kindOf: ((topic: string) => MessageKind) | undefined;
  #lock: { release(): Promise<void> } | null = null;
  #failing: string | null = null;
  readonly #untilFailing = new Set<() => void>();
  #failingCode: string | undefined;

  constructor(options: NedbStoreOptions) {
    let commits: GroupCommit;
    // The base class tells the journal of changes only after it is made; the journal needs the base class to describe them.
    const journal: Journal = {
      add: (record) => commits.add(record),
      addReceiver: (record, clientId) => commits.addReceiver(record, clientId),
      settled: (record, clientId) => commits.settled(record, clientId),
      sent: (record, clientId) => commits.sent(record, clientId),
      changed: (...keys) => commits.changed(...keys),
      commit: (...keys) => commits.commit(...keys),
      durable: () => commits.durable(),
      written: () => commits.written(),
    };
    super(journal, options);
    const { directory, clock, durability, log } = options;
    this.#clock = clock;
    this.#log = log;
    this.#kindOf = options.kindOf;
    this.#directory = typeof directory === "string" ? new NedbDirectory(directory) : directory;
    this.#segments = new SegmentLog({
      directory: this.#directory,
      home: () => this.broker.id,
      latest: () => this.broker.counter ?? 0,
      describe: (key) => describeState(this.contents, key),
      isSent: (clientId, key) => this.contents.outgoing.isSent(clientId, key),
      limits: options.limits,
    });
    commits = new GroupCommit({ clock, durability, log: this.#segments, failing: (reason) => this.#fails(reason) });
    this.#commits = commits;
  }

  override unlessFailing(written: PromiseLike<void>): PromiseLike<void> {
    if (this.#failing !== null) return settled;
    if (written === settled) return written;
    return new Promise((resolve) => {
      const done = () => {
        this.#untilFailing.delete(done);
        resolve();
      };
      this.#untilFailing.add(done);
      written.then(done);
    });
  }

  override get congested(): boolean {
    return this.#commits.congested;
  }

  override whenRelieved(done: () => void): void {
    this.#commits.whenRelieved(done);
  }

  override report(): StoreReport {
    return { ...this.#segments.report(), failing: this.#failing };
  }

  /**
   * Reads what is on the disk.
   * @throws ERR_STORE_IN_USE where another gateway has the directory; ERR_STORE where it cannot be read
   */
  override async setup(broker: StoreBroker): Promise<void> {
    await super.setup(broker);
    if (this.#lock !== null) return;
    const files = await this.#open();
    const recovered = await recover(this.#directory).catch((error) => this.#unusable(error));
    tellFindings(recovered, this.#log);
    for (const { segment, tornBytes, damage } of recovered.segments) {
      // Synced also where nothing is cut off: a gateway that was killed may not have come to that, and what is promised
      // from here on relies on what was read.
      const isKept = damage.length === 0 && segment.bytes + tornBytes > 0;
      if (isKept) await this.#directory.cut(segment.name, segment.bytes).catch((error) => this.#unusable(error));
      this.#segments.adopt(segment);
    }
    this.#restore(recovered, broker);
    const time = new Date(this.#clock.now()).toISOString().replaceAll(":", "-");
    const aside = await setDamagedAside(recovered, this.#directory, this.#segments, this.#commits, time).catch(
      (error) => this.#unusable(error),
    );
    for (const name of aside) this.#log.error({ file: name }, `the damaged file was kept as ${name}`);
    const { messages, bytes } = this.usage;
    const sessions = this.contents.sessions.size;
    const retained = this.retainedUsage.messages;
    this.#log.info({ directory: this.#directory.path, files, sessions, messages, bytes, retained }, "store opened");
  }

  override async destroy(): Promise<void> {
    await super.destroy();
    try {
      await this.#commits.close();
    } catch (error) {
      const why = `what was not on the disk yet could not be written to ${this.#directory.path}: ${textOf(error)}`;
      throw new WaypostError("ERR_STORE", why, { cause: error });
    } finally {
      await this.#lock?.release();
      this.#lock = null;
    }
  }

  async #open(): Promise<number> {
    try {
      this.#lock = await this.#directory.lock();
      return (await this.#directory.list()).length;
    } catch (error) {
      return this.#unusable(error);
    }
  }

  async #unusable(error: unknown): Promise<never> {
    await this.#lock?.release();
    this.#lock = null;
    if (error instanceof WaypostError) throw error;
    const why = `the store directory ${this.#directory.path} cannot be used: ${textOf(error)}`;
    throw new WaypostError("ERR_STORE", why, { cause: error });
  }

  #fails(reason: unknown): void {
    if (reason === null) {
      this.#log.info({ directory: this.#directory.path }, "the store can be written again; what waited is on the disk");
      this.#failing = null;
      return;
    }
    const { code } = reason as { code?: string };
    const before = this.#failing;
    const codeBefore = this.#failingCode;
    this.#failing = textOf(reason);
    this.#failingCode = code;
    for (const done of this.#untilFailing) done();
    if (before !== null && code === codeBefore) return; // texts may name another file each time
    const advice = code === "ENOSPC" ? "make room on the disk" : "look at the disk";
    const text = `the store cannot be written: ${this.#failing}; messages with QoS 1 and 2 for devices with sessions are not acknowledged until it can: ${advice}`;
    this.#log.error({ directory: this.#directory.path, code }, text);
  }

  #restore(recovered: Recovered, broker: StoreBroker): void {
    if (broker.counter !== undefined) broker.counter = Math.max(broker.counter, recovered.latest);
    const origin = { home: broker.id, kindOf: this.#kindOf };
    for (const [key, { document, place }] of recovered.state) {
      this.#segments.place(key, place, stateBytes(key, document));
      restoreState(this.contents, document, origin);
    }
    const noteDone = (clientId: string, key: MessageKey) => this.#commits.noteDone(clientId, key);
    restoreMessages(recovered, this.contents, { ...origin, noteDone });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
