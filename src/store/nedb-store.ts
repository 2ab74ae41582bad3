import type { Clock } from "../actor/clock.ts";
import type { Log } from "../log.ts";
import type { QoS } from "../protocol/packet-type.ts";
import { WaypostError } from "../waypost-error.ts";
import type { MessageDocument, StateDocument } from "./documents.ts";
import type { Durability } from "./durability.ts";
import { GroupCommit } from "./group-commit.ts";
import type { Journal } from "./journal.ts";
import { LocalStore, type LocalStoreOptions } from "./local-store.ts";
import { setDamagedAside, tellFindings } from "./mend.ts";
import { Message, type MessageKind } from "./message.ts";
import { keyOf } from "./message-key.ts";
import { MessageRecord } from "./message-record.ts";
import { NedbDirectory } from "./nedb-directory.ts";
import { type Recovered, recover } from "./recover.ts";
import type { RecoveredMessage } from "./recovered-message.ts";
import type { Segment } from "./segment.ts";
import type { SegmentDirectory } from "./segment-file.ts";
import type { SegmentLimits } from "./segment-limits.ts";
import { SegmentLog } from "./segment-log.ts";
import { settled } from "./settled.ts";
import { readStateKey, stateKey } from "./state-key.ts";
import type { StoreBroker, StoreReport } from "./store.ts";
import type { StoredPublish } from "./stored-packets.ts";

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

/** Whether the client still waits for messages of that age. */
type IsFor = (clientId: string, document: MessageDocument) => boolean;

/** Payloads are decoded here on their way into the memory of waiting messages. */
let scratch = Buffer.alloc(65536);

function messageOf(document: MessageDocument, brokerId: string, qos: QoS): Message {
  const { p } = document;
  if (p.length > scratch.length) scratch = Buffer.alloc(p.length);
  // Written out: spreading one object into another is most of what this would cost.
  const packet: StoredPublish = {
    cmd: "publish",
    brokerId: document.b ?? brokerId,
    brokerCounter: document.n,
    topic: document.t,
    payload: scratch.subarray(0, scratch.write(p, "base64")),
    qos,
    retain: document.r === 1,
    dup: false,
    clientId: document.o,
    properties: document.x === undefined ? undefined : JSON.parse(document.x),
  };
  const message = new Message(packet, qos, packet.retain);
  message.publishedAt = document.at;
  message.keep();
  return message;
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
      describe: (key) => this.#describe(key),
      isSent: (clientId, key) => this.outgoing.isSent(clientId, key),
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
    const sessions = this.sessionsById.size;
    const retained = this.retained.count;
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

  #restore({ messages, state, latest }: Recovered, broker: StoreBroker): void {
    if (broker.counter !== undefined) broker.counter = Math.max(broker.counter, latest);
    for (const [key, { document, place }] of state) {
      this.#segments.place(key, place);
      this.#restoreState(document, broker);
    }
    // Of a session that began anew since, or that is no more, nothing is left.
    const isFor: IsFor = (clientId, { n, b }) => {
      const session = this.sessionsById.get(clientId);
      if (session === undefined) return this.subscriptions.ofClient(clientId).length > 0;
      return b !== undefined || n > session.beganAfter;
    };
    for (let i = 0; i < messages.length; i++) {
      this.#restoreMessage(messages[i] as RecoveredMessage, broker.id, isFor, state);
      messages[i] = null as never; // there may be a hundred thousand: not to be held twice
    }
  }

  #restoreMessage(recovered: RecoveredMessage, home: string, isFor: IsFor, state: Recovered["state"]): void {
    const { document, place } = recovered;
    const key = keyOf(document.b ?? home, document.n, home);
    // A session that was discarded, and a message of which only the release is left: to be said again, or it would be
    // back at the next start, when the release is done with.
    const isLeft = (clientId: string): boolean => {
      if (isFor(clientId, document) && !state.has(stateKey("released", clientId, key))) return true;
      this.#commits.noteDone(clientId, key);
      return false;
    };
    const { only } = recovered;
    if (only !== undefined) {
      if (!isLeft(only)) return;
      const message = this.#restoreRecord(document, home, document.q, [only], place);
      return this.outgoing.restore(only, key, message, recovered.wasSentTo(only));
    }
    const receivers = [...recovered.receivers].filter(([clientId]) => isLeft(clientId));
    if (receivers.length === 0) return;
    const highest = Math.max(...receivers.map(([, qos]) => qos)) as QoS;
    const message = this.#restoreRecord(
      document,
      home,
      highest,
      receivers.map(([clientId]) => clientId),
      place,
    );
    for (const [clientId, qos] of receivers) {
      const lowered = message.at(qos);
      if (lowered !== message) {
        (message.record as MessageRecord).setQoS(clientId, qos);
        lowered.kind = message.kind;
        lowered.publishedAt = message.publishedAt;
        lowered.keep();
      }
      this.outgoing.restore(clientId, key, lowered, recovered.wasSentTo(clientId));
    }
  }

  #restoreRecord(document: MessageDocument, home: string, qos: QoS, clientIds: string[], place: Segment): Message {
    const message = messageOf(document, home, qos);
    if (this.#kindOf !== undefined) message.kind = this.#kindOf(document.t);
    const key = keyOf(message.brokerId, document.n, home);
    const { durability } = this.outgoing;
    // It is on the disk, whatever is promised by now: that it is settled has to be written too, or it would come back.
    const record = new MessageRecord(message, key, durability === "memory" ? "written" : durability);
    message.record = record;
    for (const clientId of clientIds) record.addReceiver(clientId, qos);
    record.written = true;
    record.accept();
    place.hold(record);
    this.usage.add(message);
    return message;
  }

  #restoreState(document: StateDocument, { id: brokerId }: StoreBroker): void {
    switch (document.k) {
      case "session":
        this.sessionsById.set(document.i, { id: document.i, awaySince: document.away, beganAfter: document.n ?? 0 });
        return;
      case "subscription": {
        const { i, f: topic, q: qos, rh, rap, nl, id } = document;
        const optional = id === undefined ? {} : { subscriptionIdentifier: id };
        this.subscriptions.add(i, { topic, qos, rh, rap, nl, ...optional });
        return;
      }
      case "retained": {
        const { t: topic, q: qos, n: brokerCounter, o, x } = document;
        const payload = Buffer.from(document.p, "base64");
        const identity = { cmd: "publish" as const, brokerId, brokerCounter, dup: false, retain: true };
        const properties = x === undefined ? {} : { properties: JSON.parse(x) };
        this.retained.restore({
          ...identity,
          topic,
          payload,
          qos,
          ...(o === undefined ? {} : { clientId: o }),
          ...properties,
        });
        return;
      }
      case "will": {
        const { i: clientId, t: topic, q: qos, r: retain } = document;
        this.wills.set(clientId, {
          topic,
          payload: Buffer.from(document.p, "base64"),
          qos,
          retain,
          brokerId,
          clientId,
        });
        return;
      }
      case "receipt": {
        const { i, m: messageId, t: topic } = document;
        const packets = this.incoming.get(i) ?? new Map();
        const common = { cmd: "publish" as const, brokerId: "", brokerCounter: 0, dup: false, retain: false };
        packets.set(messageId, { ...common, topic, payload: Buffer.alloc(0), qos: 2, messageId });
        this.incoming.set(i, packets);
        return;
      }
      case "released":
        this.outgoing.restore(document.i, document.n, { cmd: "pubrel", messageId: document.m }, true);
        return;
    }
  }

  #describe(key: string): StateDocument | undefined {
    const parts = readStateKey(key);
    if (parts === undefined) return undefined;
    const { kind, owner, part } = parts;
    switch (kind) {
      case "session": {
        const session = this.sessionsById.get(owner);
        return session && { k: "session", i: owner, away: session.awaySince, n: session.beganAfter };
      }
      case "subscription": {
        const found = this.subscriptions.get(owner, part);
        if (found === undefined) return undefined;
        const { qos: q, rh, rap, nl, subscriptionIdentifier: id } = found;
        const optional = Object.entries({ rh, rap, nl, id }).filter(([, value]) => value !== undefined);
        return { k: "subscription", i: owner, f: part, q, ...Object.fromEntries(optional) };
      }
      case "retained": {
        const packet = this.retained.tree.get(owner);
        if (packet === undefined) return undefined;
        const { payload, qos: q, brokerCounter: n, clientId, properties } = packet;
        const document: StateDocument = { k: "retained", t: owner, p: Buffer.from(payload).toString("base64"), q, n };
        if (clientId !== undefined) document.o = clientId;
        if (properties !== undefined) document.x = JSON.stringify(properties);
        return document;
      }
      case "will": {
        const will = this.wills.get(owner);
        if (will === undefined) return undefined;
        const p = Buffer.from(will.payload).toString("base64");
        return { k: "will", i: owner, t: will.topic, p, q: will.qos, r: will.retain };
      }
      case "receipt": {
        const packet = this.incoming.get(owner)?.get(Number(part));
        return packet && { k: "receipt", i: owner, m: Number(part), t: packet.topic };
      }
      case "released": {
        const released = this.outgoing.released(owner, part);
        if (released === undefined) return undefined;
        return { k: "released", i: owner, n: released.key, m: released.packetId };
      }
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
