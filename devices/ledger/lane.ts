import type { Stamp } from "../payload.ts";
import type { WireProperties } from "../version5/read-publish.ts";
import type { Absences } from "./absences.ts";
import { propertyFault } from "./property-fault.ts";
import type { Stream } from "./stream.ts";

/** A QoS 0 message may be lost in a socket's buffer when either end goes away this shortly after it was sent. */
const inTransitMsMax = 1_000;
/** Seconds by which a message expiry interval may be off: it is a whole number, and a CONNACK takes its time. */
const expirySlackSeconds = 1;

export type LaneLimits = {
  lateMsMax: number;
  permitQos0Loss: boolean;
  /** A message that its publisher has no acknowledgement for may be lost, and is no breach in itself. */
  permitUnacknowledged: boolean;
};

/** What one receiver subscribed to, for one stream. */
export type Grant = { qos: 0 | 1 | 2; subscriptionIdentifiers: readonly number[] };

/** What one receiver got of one stream: the place where loss, duplicates and order are counted. */
export class Lane {
  readonly receiver: string;
  /** The lower of the publisher's and the granted QoS: the promise that binds this lane. */
  readonly qos: 0 | 1 | 2;
  readonly latenciesMs: number[] = [];
  received = 0;
  /** Of these, the ones that were sent while the receiver was away. */
  waited = 0;
  duplicated = 0;
  duplicatedPermitted = 0;
  reordered = 0;
  late = 0;
  /** Arrivals whose MQTT 5 properties were not what they had to be, and what was wrong with the first. */
  altered = 0;
  firstFault: string | undefined;
  readonly #subscriptionIdentifiers: readonly number[];
  readonly #stream: Stream;
  readonly #absences: Absences;
  readonly #limits: LaneLimits;
  readonly #firstArrivedAtMs = new Map<number, number>();
  #highest = 0;

  constructor(receiver: string, grant: Grant, stream: Stream, absences: Absences, limits: LaneLimits) {
    this.receiver = receiver;
    this.qos = Math.min(grant.qos, stream.qos) as 0 | 1 | 2; // [MQTT-3.8.4-6]
    this.#subscriptionIdentifiers = grant.subscriptionIdentifiers;
    this.#stream = stream;
    this.#absences = absences;
    this.#limits = limits;
  }

  /** Says whether it was the first arrival of this message. */
  arrived(sequence: number, atMs: number, dup: boolean): boolean {
    const firstAtMs = this.#firstArrivedAtMs.get(sequence);
    if (firstAtMs !== undefined) {
      this.duplicated++;
      if (this.#permitsDuplicate(sequence, firstAtMs, atMs, dup)) this.duplicatedPermitted++;
      return false;
    }
    this.#firstArrivedAtMs.set(sequence, atMs);
    this.received++;
    const sentAtMs = this.#stream.sentAtMs(sequence);
    if (this.#absences.overlaps(this.receiver, sentAtMs, sentAtMs)) this.waited++;
    // Only first arrivals count: 1, 2, 3, 2, 3, 4 is in order for QoS 1 (MQTT 3.1.1, 4.6).
    if (sequence < this.#highest) this.reordered++;
    else this.#highest = sequence;
    const latencyMs = atMs - this.#couldTravelFromMs(sequence, atMs);
    this.latenciesMs.push(latencyMs);
    if (latencyMs > this.#limits.lateMsMax) this.late++;
    return true;
  }

  /** Judges the properties of an arrival, a repeated one too. */
  said(stamp: Stamp, properties: WireProperties, atMs: number): void {
    const { plan, version } = this.#stream;
    const expirySeconds = this.#expiryBounds(stamp.sequence, atMs);
    const subscriptionIdentifiers = this.#subscriptionIdentifiers;
    const expected = { stamp, wording: plan, sentBy5: version === 5, subscriptionIdentifiers, expirySeconds };
    const fault = propertyFault(expected, properties);
    if (fault === undefined) return;
    this.altered++;
    this.firstFault ??= `number ${stamp.sequence} with ${fault}`;
  }

  /**
   * The message expiry interval counts down while the gateway has the message: at most since it was sent, at least from
   * its acknowledgement until the receiver's last return, before which it cannot have been written [MQTT-3.3.2-6].
   */
  #expiryBounds(sequence: number, atMs: number): { min: number; max: number } | undefined {
    const { expirySeconds } = this.#stream;
    if (expirySeconds === undefined) return undefined;
    const acknowledgedAtMs = this.#stream.acknowledgedAtMs(sequence) ?? Number.POSITIVE_INFINITY;
    const waitedMsMax = atMs - this.#stream.sentAtMs(sequence);
    const waitedMsMin = Math.max(0, this.#absences.lastReturnMs(this.receiver, atMs) - acknowledgedAtMs);
    return {
      min: Math.floor(expirySeconds - waitedMsMax / 1_000) - expirySlackSeconds,
      max: Math.min(expirySeconds, Math.ceil(expirySeconds - waitedMsMin / 1_000) + expirySlackSeconds),
    };
  }

  /** The sequence numbers that never came, and whether MQTT permits each loss. */
  *missing(): Generator<{ sequence: number; permitted: boolean }> {
    for (let sequence = 1; sequence <= this.#stream.sent; sequence++) {
      if (!this.#firstArrivedAtMs.has(sequence)) yield { sequence, permitted: this.#permitsLoss(sequence) };
    }
  }

  /** How many of those that never came had expired before they could. */
  get expired(): number {
    if (this.#stream.expirySeconds === undefined || this.received === this.#stream.sent) return 0;
    let expired = 0;
    for (const { sequence } of this.missing()) if (this.#hasExpired(sequence)) expired++;
    return expired;
  }

  #permitsLoss(sequence: number): boolean {
    if (this.#hasExpired(sequence)) return true;
    if (this.qos !== 0) return this.#limits.permitUnacknowledged && !this.#stream.isAcknowledged(sequence);
    if (this.#limits.permitQos0Loss) return true;
    const fromMs = this.#stream.sentAtMs(sequence);
    return [this.receiver, this.#stream.sender].some((name) =>
      this.#absences.overlaps(name, fromMs, fromMs + inTransitMsMax),
    );
  }

  /** Was the receiver away, from when the message could have reached it until its expiry [MQTT-3.3.2-5]? */
  #hasExpired(sequence: number): boolean {
    const { expirySeconds } = this.#stream;
    if (expirySeconds === undefined) return false;
    const sentAtMs = this.#stream.sentAtMs(sequence);
    const expiredAtMs = sentAtMs + (expirySeconds - expirySlackSeconds) * 1_000;
    return this.#absences.covers(this.receiver, sentAtMs + inTransitMsMax, expiredAtMs);
  }

  /**
   * A QoS 1 message may come twice when its publisher had to send it again, or when this receiver came back and the
   * gateway sends again what was unacknowledged. It says so by DUP [MQTT-3.3.1-1], except when it was killed: then it
   * cannot know what it had sent.
   */
  #permitsDuplicate(sequence: number, firstAtMs: number, atMs: number, dup: boolean): boolean {
    if (this.qos !== 1) return false;
    const { sender } = this.#stream;
    // A publisher's QoS 2 is exactly once up to the gateway, whatever QoS this receiver asked for.
    const sentAgain = this.#stream.qos === 1 && this.#absences.overlaps(sender, this.#stream.sentAtMs(sequence), atMs);
    // What it had sent may arrive when it is dead already.
    const marked = dup || this.#absences.gatewayDiedWithin(this.#stream.sentAtMs(sequence), atMs);
    return sentAgain || (marked && this.#absences.overlaps(this.receiver, firstAtMs, atMs));
  }

  #couldTravelFromMs(sequence: number, atMs: number): number {
    return Math.max(
      this.#stream.sentAtMs(sequence),
      this.#absences.lastReturnMs(this.receiver, atMs),
      this.#absences.lastReturnMs(this.#stream.sender, atMs),
    );
  }
}
