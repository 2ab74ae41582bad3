import type { Stamp } from "../payload.ts";
import type { WireProperties } from "../version5/read-publish.ts";
import type { Absences } from "./absences.ts";
import { readBridgeMarks } from "./bridge-marks.ts";
import type { Direction, LineBook } from "./line-book.ts";
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

/** The way of a lane whose sender and receiver are at different ends of the line to the cloud. */
export type Crossing = { line: LineBook; direction: Direction };

/** What one receiver got of one stream: the place where loss, duplicates and order are counted. */
export class Lane {
  readonly receiver: string;
  /** The lower of the publisher's and the granted QoS: the promise that binds this lane. */
  readonly qos: 0 | 1 | 2;
  readonly latenciesMs: number[] = [];
  received = 0;
  /** Of these, the ones that were sent while the receiver was away or the line to it was spoiled. */
  waited = 0;
  duplicated = 0;
  duplicatedPermitted = 0;
  reordered = 0;
  /** The first of those that are not permitted. */
  firstDuplicated: string | undefined;
  firstReordered: string | undefined;
  late = 0;
  /** Arrivals whose MQTT 5 properties were not what they had to be, and what was wrong with the first. */
  altered = 0;
  firstFault: string | undefined;
  readonly #subscriptionIdentifiers: readonly number[];
  readonly #stream: Stream;
  readonly #absences: Absences;
  readonly #limits: LaneLimits;
  readonly #crossing: Crossing | undefined;
  readonly #firstArrivedAtMs = new Map<number, number>();
  #highest = 0;
  #last = 0;

  constructor(
    receiver: string,
    grant: Grant,
    stream: Stream,
    absences: Absences,
    limits: LaneLimits,
    crossing?: Crossing,
  ) {
    this.receiver = receiver;
    const ceiling = crossing === undefined ? 2 : (stream.plan.qosMaxOverLine ?? 2);
    this.qos = Math.min(grant.qos, stream.qos, ceiling) as 0 | 1 | 2; // [MQTT-3.8.4-6]
    this.#subscriptionIdentifiers = grant.subscriptionIdentifiers;
    this.#stream = stream;
    this.#absences = absences;
    this.#limits = limits;
    this.#crossing = crossing;
  }

  /** Says whether it was the first arrival of this message. */
  arrived(sequence: number, atMs: number, dup: boolean): boolean {
    this.#last = sequence;
    const firstAtMs = this.#firstArrivedAtMs.get(sequence);
    if (firstAtMs !== undefined) {
      this.duplicated++;
      if (this.#permitsDuplicate(sequence, firstAtMs, atMs, dup)) this.duplicatedPermitted++;
      else {
        const when = `at ${new Date(atMs).toISOString()}, ${Math.round(atMs - firstAtMs)} ms after the first time`;
        this.firstDuplicated ??= `number ${sequence} ${when}${dup ? ", with DUP" : ""}`;
      }
      return false;
    }
    this.#firstArrivedAtMs.set(sequence, atMs);
    this.received++;
    const sentAtMs = this.#stream.sentAtMs(sequence);
    if (this.#absences.overlaps(this.receiver, sentAtMs, sentAtMs)) this.waited++;
    else if (this.#crossing?.line.wasTroubled(sentAtMs)) this.waited++;
    // Only first arrivals count: 1, 2, 3, 2, 3, 4 is in order for QoS 1 (MQTT 3.1.1, 4.6).
    if (sequence < this.#highest) {
      if (!this.#permitsReplacedAgain(sequence, atMs)) this.reordered++;
      const when = `at ${new Date(atMs).toISOString()}`;
      this.firstReordered ??= `number ${sequence} after number ${this.#highest} ${when}${dup ? ", with DUP" : ""}`;
    } else this.#highest = sequence;
    const latencyMs = atMs - this.#couldTravelFromMs(sequence, atMs);
    this.latenciesMs.push(latencyMs);
    if (latencyMs > this.#limits.lateMsMax) this.late++;
    return true;
  }

  /** Judges the properties of an arrival, a repeated one too. */
  said(stamp: Stamp, said: WireProperties, atMs: number): void {
    const { properties, fault: wrongMarks } =
      this.#crossing === undefined
        ? { properties: said, fault: undefined }
        : readBridgeMarks(this.#crossing.direction, said);
    const { plan, version } = this.#stream;
    const expirySeconds = this.#expiryBounds(stamp.sequence, atMs);
    const subscriptionIdentifiers = this.#subscriptionIdentifiers;
    const expected = { stamp, wording: plan, sentBy5: version === 5, subscriptionIdentifiers, expirySeconds };
    const fault = propertyFault(expected, properties) ?? wrongMarks;
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
    // Each broker on the way counts in whole seconds.
    const slackSeconds = (this.#crossing === undefined ? 1 : 2) * expirySlackSeconds;
    return {
      min: Math.floor(expirySeconds - waitedMsMax / 1_000) - slackSeconds,
      max: Math.min(expirySeconds, Math.ceil(expirySeconds - waitedMsMin / 1_000) + slackSeconds),
    };
  }

  /** The sequence numbers that never came, and whether MQTT permits each loss. */
  *missing(): Generator<{ sequence: number; permitted: boolean }> {
    for (let sequence = 1; sequence <= this.#stream.sent; sequence++) {
      if (!this.#firstArrivedAtMs.has(sequence)) yield { sequence, permitted: this.#permitsLoss(sequence) };
    }
  }

  /** The last that came was not the newest: whoever shows the last value shows an old one. */
  get endedOnOlder(): boolean {
    if (this.#stream.plan.lastValue !== true || this.#last === this.#highest) return false;
    // A publisher that is not done sending it all again has yet to come to the newest.
    return this.#stream.isAcknowledged(this.#highest);
  }

  /** How many of those that never came nobody need wait for: they could expire, be replaced or be lost meanwhile. */
  get forgone(): number {
    if (this.#crossing !== undefined && this.qos === 0) return this.#stream.sent - this.received;
    if (this.#isReplaced(this.#highest - 1)) return this.#highest - this.received;
    return this.#expired;
  }

  get #expired(): number {
    if (this.#stream.expirySeconds === undefined || this.received === this.#stream.sent) return 0;
    let expired = 0;
    for (const { sequence } of this.missing()) if (this.#hasExpired(sequence)) expired++;
    return expired;
  }

  #permitsLoss(sequence: number): boolean {
    if (this.#hasExpired(sequence) || this.#isReplaced(sequence)) return true;
    if (this.qos !== 0) return this.#limits.permitUnacknowledged && !this.#stream.isAcknowledged(sequence);
    if (this.#limits.permitQos0Loss || this.#crossing !== undefined) return true;
    const fromMs = this.#stream.sentAtMs(sequence);
    return [this.receiver, this.#stream.sender].some((name) =>
      this.#absences.overlaps(name, fromMs, fromMs + inTransitMsMax),
    );
  }

  /** Has a newer one come, of a stream whose newest is all that is kept for the line? */
  #isReplaced(sequence: number): boolean {
    return this.#crossing !== undefined && this.#stream.plan.lastValue === true && sequence < this.#highest;
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
   * cannot know what it had sent. Over the line to the cloud, also when a connection over it ended.
   */
  #permitsDuplicate(sequence: number, firstAtMs: number, atMs: number, dup: boolean): boolean {
    if (this.qos !== 1) return false;
    const sentAtMs = this.#stream.sentAtMs(sequence);
    // What it had sent may arrive when it is dead already.
    const marked = dup || this.#absences.gatewayDiedWithin(sentAtMs, atMs);
    if (marked && this.#absences.overlaps(this.receiver, firstAtMs, atMs)) return true;
    if (this.#mayBeSentAgain(sequence, atMs)) return true;
    if (this.#crossing === undefined) return false;
    const { line, direction } = this.#crossing;
    return line.explains(direction, `${sequence} ${this.#stream.topic}`, firstAtMs, atMs);
  }

  /** May its publisher have sent it again? Its QoS 2 is exactly once up to the gateway, whatever this receiver asked for. */
  #mayBeSentAgain(sequence: number, atMs: number): boolean {
    if (this.#stream.qos !== 1) return false;
    const acknowledgedAtMs = this.#stream.acknowledgedAtMs(sequence) ?? atMs;
    // What waits for the line may come long after its publisher is done with it.
    const untilMs = this.#crossing === undefined ? atMs : Math.min(atMs, acknowledgedAtMs);
    return this.#absences.overlaps(this.#stream.sender, this.#stream.sentAtMs(sequence), untilMs);
  }

  /** What was replaced while it waited, and is sent again by its publisher, comes after the newer one, and that again. */
  #permitsReplacedAgain(sequence: number, atMs: number): boolean {
    return this.#isReplaced(sequence) && this.#mayBeSentAgain(sequence, atMs);
  }

  #couldTravelFromMs(sequence: number, atMs: number): number {
    return Math.max(
      this.#stream.sentAtMs(sequence),
      this.#absences.lastReturnMs(this.receiver, atMs),
      this.#absences.lastReturnMs(this.#stream.sender, atMs),
      this.#crossing?.line.lastHealedMs(atMs) ?? Number.NEGATIVE_INFINITY,
    );
  }
}
