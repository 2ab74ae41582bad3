/** What a message in flight is given to be acknowledged beyond the keep alive, for each of its bytes: a line may be slow. */
const MS_PER_BYTE = 0.5;
/** Without an acknowledgement for so long, at most, the upstream is said to be stalled. */
const STALLED_MS = 5000;

/** Notices an upstream from which nothing comes, and one that takes everything and acknowledges nothing: both are as good as none. */
export class Watchdog {
  readonly #now: () => number;
  #heardAt: number;
  /** When the upstream last acknowledged something, or had nothing to acknowledge. */
  #progressAt: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#heardAt = now();
    this.#progressAt = now();
  }

  /** Something came from the upstream. */
  heard(): void {
    this.#heardAt = this.#now();
  }

  /** The upstream has acknowledged something, or there is nothing to acknowledge. */
  progress(): void {
    this.#progressAt = this.#now();
  }

  /** Milliseconds without any acknowledgement. */
  get silentMs(): number {
    return this.#now() - this.#progressAt;
  }

  isStalled(keepAliveSeconds: number): boolean {
    return this.silentMs > Math.min(STALLED_MS, keepAliveSeconds * 500);
  }

  /** No PINGRESP, and nothing else. `largest`: bytes of the largest message that waits for its acknowledgement. */
  isGone(keepAliveSeconds: number, largest: number): boolean {
    return this.#now() - this.#heardAt > keepAliveSeconds * 1500 + largest * MS_PER_BYTE;
  }

  /** No acknowledgement. */
  isOver(keepAliveSeconds: number, largest: number): boolean {
    return this.silentMs > keepAliveSeconds * 1000 + largest * MS_PER_BYTE;
  }

  clockJumped(ms: number): void {
    this.#heardAt += ms;
    this.#progressAt += ms;
  }
}
