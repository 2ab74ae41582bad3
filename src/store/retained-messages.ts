import type { Clock } from "../actor/clock.ts";
import type { PublishProperties } from "../protocol/publish-properties.ts";
import { RetainedTree } from "./retained-tree.ts";
import type { StoredPublish } from "./stored-packets.ts";
import { ownPayload, ownProperties } from "./stored-publish.ts";

/** How many retained messages are kept. Read at each use. */
export interface RetainedLimits {
  messagesMax: number;
  bytesMax: number;
}

/** Messages that expire are looked up by the minute in which they do. */
const MINUTE_MS = 60_000;

/**
 * The retained messages of a store and their limits, which what the gateway says of itself does not count against. Those
 * that have expired are not found; they take their room until they are removed.
 */
export class RetainedMessages {
  readonly tree = new RetainedTree();
  #count = 0;
  #bytes = 0;
  readonly #limits: RetainedLimits;
  readonly #clock: Clock;
  /** Messages that expire, by the minute in which they do. */
  readonly #expiring = new Map<number, Set<StoredPublish>>();

  constructor(limits: RetainedLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Keeps a copy. Returns false where there is no room for it: an older message of this topic stays. */
  set(original: StoredPublish): boolean {
    const packet: StoredPublish = { ...original, payload: ownPayload(original) };
    if (original.properties !== undefined) packet.properties = ownProperties(original);
    const { topic } = packet;
    const old = this.tree.get(topic);
    if (!isOwn(topic)) {
      const { messagesMax, bytesMax } = this.#limits;
      const bytes = this.#bytes + bytesOf(packet) - (old === undefined ? 0 : bytesOf(old));
      if (bytes > bytesMax && bytes > this.#bytes) return false;
      if (old === undefined && this.#count >= messagesMax) return false;
    }
    this.restore(packet);
    return true;
  }

  /** Adds a message whatever the limits say: it was kept before. It must stay as it is, its properties of our own class. */
  restore(packet: StoredPublish): void {
    const { topic } = packet;
    this.delete(topic);
    this.tree.set(topic, packet);
    if (packet.properties !== undefined) (packet.properties as PublishProperties).startAt(this.#clock.now());
    const expiresAt = expiresAtOf(packet);
    if (expiresAt > 0) this.#minuteOf(expiresAt).add(packet);
    if (isOwn(topic)) return;
    this.#count++;
    this.#bytes += bytesOf(packet);
  }

  delete(topic: string): void {
    const old = this.tree.get(topic);
    if (old === undefined) return;
    this.tree.delete(topic);
    const expiresAt = expiresAtOf(old);
    if (expiresAt > 0) this.#forgetExpiry(old, expiresAt);
    if (isOwn(topic)) return;
    this.#count--;
    this.#bytes -= bytesOf(old);
  }

  /** Messages that match any of the filters, each once. */
  matching(filters: readonly string[]): StoredPublish[] {
    const now = this.#clock.now();
    const found = new Set<StoredPublish>(); // filled as we go: a thousand filters may all match everything
    for (const filter of filters) {
      for (const packet of this.tree.matching(filter)) if (!isExpired(packet, now)) found.add(packet);
    }
    return [...found];
  }

  /** How many there are, without those that have expired. */
  get usage(): { messages: number; bytes: number } {
    const usage = { messages: this.#count, bytes: this.#bytes };
    for (const packet of this.#expired()) {
      if (isOwn(packet.topic)) continue;
      usage.messages--;
      usage.bytes -= bytesOf(packet);
    }
    return usage;
  }

  /** Removes so many of those that have expired; returns their topics. */
  removeExpired(max: number): string[] {
    const topics: string[] = [];
    for (const { topic } of this.#expired()) {
      if (topics.length === max) break;
      this.delete(topic);
      topics.push(topic);
    }
    return topics;
  }

  *#expired(): Generator<StoredPublish> {
    const now = this.#clock.now();
    for (const minute of this.#expiring.keys()) {
      if (minute * MINUTE_MS > now) continue;
      for (const packet of this.#expiring.get(minute) ?? []) if (isExpired(packet, now)) yield packet;
    }
  }

  #minuteOf(expiresAt: number): Set<StoredPublish> {
    const minute = Math.floor(expiresAt / MINUTE_MS);
    let packets = this.#expiring.get(minute);
    if (packets === undefined) {
      packets = new Set();
      this.#expiring.set(minute, packets);
    }
    return packets;
  }

  #forgetExpiry(packet: StoredPublish, expiresAt: number): void {
    const minute = Math.floor(expiresAt / MINUTE_MS);
    const packets = this.#expiring.get(minute);
    packets?.delete(packet);
    if (packets?.size === 0) this.#expiring.delete(minute);
  }
}

/** What the gateway says of itself: made anew at each start. */
export function isOwn(topic: string): boolean {
  return topic.startsWith("$SYS/");
}

function bytesOf({ topic, payload, properties }: StoredPublish): number {
  const ofProperties = properties === undefined ? 0 : (properties as PublishProperties).bytes.length;
  return topic.length + payload.length + ofProperties;
}

/** 0 where it does not expire. */
function expiresAtOf({ properties }: StoredPublish): number {
  return properties === undefined ? 0 : (properties as PublishProperties).expiresAt;
}

function isExpired(packet: StoredPublish, now: number): boolean {
  return packet.properties !== undefined && (packet.properties as PublishProperties).isExpired(now);
}
