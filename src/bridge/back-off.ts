/** How long is waited before each further attempt: doubled each time, up to a ceiling, and never the same for all. */
export class BackOff {
  readonly #random: () => number;
  #attempts = 0;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Milliseconds to wait: between a half and the whole of what is due, so that a thousand gateways do not come at once. */
  nextMs({ retryMinSeconds, retryMaxSeconds }: { readonly retryMinSeconds: number; readonly retryMaxSeconds: number }) {
    const dueSeconds = Math.min(retryMaxSeconds, retryMinSeconds * 2 ** Math.min(this.#attempts, 30));
    this.#attempts++;
    return Math.round(dueSeconds * 1000 * (0.5 + this.#random() / 2));
  }

  /** The latest attempt was good. */
  reset(): void {
    this.#attempts = 0;
  }
}
