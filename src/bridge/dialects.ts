/** In what form an upstream is spoken to; `bridge`: saying that a bridge connects, as Mosquitto's do before MQTT 5. */
export type Dialect = "5" | "bridge" | "3.1.1";

/** The upstream does not speak a dialect: as it said, or as it seems, since it closed without a word. */
export type VersionDoubt = "refused" | "silent" | null;

/** An upstream that closes without a word so often, one time after the other, may not speak the dialect. */
const SILENT_MAX = 2;

interface Known {
  dialect: Dialect;
  /** The upstream has taken it, and has refused those before it in words. */
  isSure: boolean;
  /** It has refused another one in words. */
  isTold: boolean;
  silent: number;
}

/** What the upstream at each URL is known to speak: MQTT 5 is tried first, where that is not forbidden. */
export class Dialects {
  readonly #first: () => Dialect;
  readonly #known = new Map<string, Known>();

  constructor(first: () => Dialect) {
    this.#first = first;
  }

  /** That in which the upstream at this URL is to be asked next. */
  of(url: string): Dialect {
    return this.#known.get(url)?.dialect ?? this.#first();
  }

  /** It was taken. */
  taken(url: string, dialect: Dialect): void {
    const { isTold } = this.#of(url);
    this.#known.set(url, { dialect, isTold, isSure: isTold || dialect === this.#first(), silent: 0 });
  }

  /**
   * A connection in this dialect is over. Says whether the upstream is to be asked at once in the next one; `wasTaken`: it
   * had been taken.
   */
  ended(url: string, dialect: Dialect, doubt: VersionDoubt, wasTaken: boolean): boolean {
    const known = this.#of(url);
    if (wasTaken && !known.isSure) this.#known.delete(url); // it was but a guess
    if (doubt !== "silent") known.silent = 0;
    if (doubt === null) return false;
    // One that was there before may be away, with somebody in its place who closes what he cannot hand on.
    if (doubt === "silent" && (known.isSure || ++known.silent < SILENT_MAX)) return false;
    const first = this.#first();
    const next = { "5": "bridge", bridge: "3.1.1", "3.1.1": first } as const;
    const isTold = next[dialect] !== first && (known.isTold || doubt === "refused");
    this.#known.set(url, { dialect: next[dialect], isTold, isSure: false, silent: 0 });
    return doubt === "refused" && next[dialect] !== first;
  }

  clear(): void {
    this.#known.clear();
  }

  #of(url: string): Known {
    let known = this.#known.get(url);
    if (known === undefined) {
      known = { dialect: this.#first(), isSure: false, isTold: false, silent: 0 };
      this.#known.set(url, known);
    }
    return known;
  }
}
