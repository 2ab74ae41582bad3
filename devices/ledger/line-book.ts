/** Which way a message goes over the line between a gateway and its cloud. */
export type Direction = "up" | "down";

export type LineBookOptions = {
  /** The devices that are at the cloud; the others are at the gateway. */
  atCloud: ReadonlySet<string>;
  /** Messages of QoS 1 and 2 that may be on the line unacknowledged, in each direction. */
  inFlightMax: number;
};

/** A connection over the line that has ended after it carried something, or a kill of the gateway. */
type Break = {
  /** When the line began to spoil it. */
  sinceMs: number;
  atMs: number;
  doubled: Readonly<Record<Direction, Set<string>>>;
};

/** What the report says about the line. `…Max` is that of the one end of a connection that doubled the most. */
export type LineTally = {
  /** How often each kind of trouble befell the line. */
  troubles: Readonly<Record<string, number>>;
  /** Ends of connections and kills of the gateway that may have doubled something. */
  breaks: number;
  /** When, for whoever has to find out why: troubles, and ends that may have doubled something. */
  history: readonly { what: string; from: string; to: string; doubled?: Record<Direction, number> }[];
  inFlightMax: number;
  /** Messages of QoS 1 that came again because of these. */
  doubled: Readonly<Record<Direction, number>>;
  doubledMax: Readonly<Record<Direction, number>>;
};

/** What was on its way when something happened, or was acknowledged and not written down yet. */
const slackMs = 5_000;
/** What was taken just before the end may be handed on only when the gateway is back. */
const returnMsMax = 15_000;
const directions = ["up", "down"] as const;
const textOf = (ms: number) => (Number.isFinite(ms) ? new Date(ms).toISOString() : "never");

/** When the line was spoiled and when connections over it ended. Excuses what that explains, and nothing else. */
export class LineBook {
  readonly #options: LineBookOptions;
  readonly #troubles: { kind: string; fromMs: number; toMs: number }[] = [];
  readonly #breaks: Break[] = [];

  constructor(options: LineBookOptions) {
    this.#options = options;
  }

  /** Undefined where both are at the same end. */
  direction(sender: string, receiver: string): Direction | undefined {
    const { atCloud } = this.#options;
    if (atCloud.has(sender) === atCloud.has(receiver)) return undefined;
    return atCloud.has(receiver) ? "up" : "down";
  }

  troubled(kind: string, atMs: number): void {
    this.#troubles.push({ kind, fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
  }

  healed(atMs: number): void {
    for (const trouble of this.#troubles) if (trouble.toMs > atMs) trouble.toMs = atMs;
  }

  /** A connection has ended that was spoiled since `sinceMs`. */
  broke(sinceMs: number, atMs: number): void {
    this.#breaks.push({ sinceMs, atMs, doubled: { up: new Set(), down: new Set() } });
  }

  wasTroubled(atMs: number): boolean {
    return this.#troubles.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs);
  }

  /** When the line was in order for the last time before `atMs`, or minus infinity: until then nothing had to travel. */
  lastHealedMs(atMs: number): number {
    let lastMs = Number.NEGATIVE_INFINITY;
    for (const { fromMs, toMs } of this.#troubles) if (fromMs <= atMs) lastMs = Math.max(lastMs, Math.min(toMs, atMs));
    return lastMs;
  }

  /**
   * Is there an end of a connection by which this message may have come twice? It is charged with the message, and
   * explains no more of them than could be in flight.
   */
  explains(direction: Direction, message: string, firstAtMs: number, atMs: number): boolean {
    const mayHave = this.#breaks.filter(
      ({ sinceMs, atMs: endedMs }) =>
        atMs >= sinceMs && firstAtMs >= sinceMs - slackMs && firstAtMs <= endedMs + returnMsMax,
    );
    // The nearest first: one that is charged with what another has done explains too little or too much.
    const awayMs = (each: Break) => Math.max(0, each.sinceMs - firstAtMs, firstAtMs - each.atMs);
    for (const each of mayHave.sort((one, other) => awayMs(one) - awayMs(other))) {
      const doubled = each.doubled[direction];
      if (doubled.has(message)) return true;
      if (doubled.size >= this.#options.inFlightMax) continue;
      doubled.add(message);
      return true;
    }
    return false;
  }

  tally(): LineTally {
    const troubles: Record<string, number> = {};
    for (const { kind } of this.#troubles) troubles[kind] = (troubles[kind] ?? 0) + 1;
    const [doubled, doubledMax] = [
      { up: 0, down: 0 },
      { up: 0, down: 0 },
    ];
    for (const direction of directions) {
      const sizes = this.#breaks.map((each) => each.doubled[direction].size);
      doubled[direction] = sizes.reduce((sum, size) => sum + size, 0);
      doubledMax[direction] = Math.max(0, ...sizes);
    }
    const { inFlightMax } = this.#options;
    return { troubles, breaks: this.#breaks.length, history: this.#history(), inFlightMax, doubled, doubledMax };
  }

  #history(): LineTally["history"] {
    const when = (fromMs: number, toMs: number) => ({ from: textOf(fromMs), to: textOf(toMs) });
    return [
      ...this.#troubles.map(({ kind, fromMs, toMs }) => ({ what: kind, ...when(fromMs, toMs) })),
      ...this.#breaks.map(({ sinceMs, atMs, doubled: { up, down } }) => ({
        what: "broken off",
        ...when(sinceMs, atMs),
        doubled: { up: up.size, down: down.size },
      })),
    ].sort((one, other) => (one.from < other.from ? -1 : 1));
  }
}
