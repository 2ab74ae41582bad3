/** Seconds over which is averaged. */
const SECONDS = 10;

/** Counts events, and says how many a second there were of late. */
export class Rate {
  total = 0;
  readonly #before: number[] = [];

  /** To be called once a second. */
  tick(): void {
    this.#before.push(this.total);
    if (this.#before.length > SECONDS) this.#before.shift();
  }

  get perSecond(): number {
    const [oldest] = this.#before;
    return oldest === undefined ? 0 : (this.total - oldest) / this.#before.length;
  }
}
