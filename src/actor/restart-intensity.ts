import type { Clock } from "./clock.ts";

export interface RestartPolicy {
  /** More restarts than this ... */
  restartsMax: number;
  /** ... within this time, and the supervisor gives up. */
  withinMs: number;
  /** The wait before the first restart; doubled for each further one. */
  backOffMinMs: number;
  backOffMaxMs: number;
}

export type RestartDecision = { kind: "restart"; delayMs: number } | { kind: "give-up" };

/** Decides whether a child that failed is started again, and after what delay. */
export class RestartIntensity {
  readonly #policy: RestartPolicy;
  readonly #clock: Clock;
  #failures: number[] = [];

  constructor(policy: RestartPolicy, clock: Clock) {
    this.#policy = policy;
    this.#clock = clock;
  }

  /** Notes one failure. */
  decide(): RestartDecision {
    this.#failures = [...this.#recent(), this.#clock.now()];
    const restarts = this.#failures.length;
    if (restarts > this.#policy.restartsMax) return { kind: "give-up" };
    const delayMs = Math.min(this.#policy.backOffMaxMs, this.#policy.backOffMinMs * 2 ** (restarts - 1));
    return { kind: "restart", delayMs };
  }

  /** True while more failures than the policy allows lie within its time. */
  get exhausted(): boolean {
    return this.#recent().length > this.#policy.restartsMax;
  }

  /** True when no failure is remembered any more. */
  get calm(): boolean {
    return this.#recent().length === 0;
  }

  #recent(): number[] {
    const since = this.#clock.now() - this.#policy.withinMs;
    return this.#failures.filter((at) => at > since);
  }
}
