import { WaypostError } from "../waypost-error.ts";

/** Has only so much work under way; the rest waits for its turn, up to a limit. */
export class FewAtOnce {
  readonly #atOnceMax: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(atOnceMax: number, waitingMax: number) {
    this.#atOnceMax = atOnceMax;
    this.#waitingMax = waitingMax;
  }

  /** Errors: ERR_LIMIT_EXCEEDED where too much waits already; what the work rejects with. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#underWay === this.#atOnceMax) {
      if (this.#waiting.length === this.#waitingMax) {
        throw new WaypostError(
          "ERR_LIMIT_EXCEEDED",
          `${this.#waitingMax} passwords wait to be checked: try again later`,
        );
      }
      // The one that ends hands its place over: nobody can slip in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#underWay++;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#underWay--;
      else next();
    }
  }
}
