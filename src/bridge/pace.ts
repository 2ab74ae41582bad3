import type { Cancel, Clock } from "../actor/clock.ts";

/** What may be sent at once after a pause, in milliseconds of the ceiling. */
const BURST_MS = 250;

/** Keeps what is sent below a ceiling in bytes per second. A packet goes out whole; what it is over is waited for after it. */
export class Pace {
  /** Bytes per second; 0 for no ceiling. */
  readonly #bytesPerSecond: number;
  readonly #clock: Clock;
  readonly #opened: () => void;
  #allowed: number;
  #countedAt: number;
  #cancel: Cancel | null = null;

  /** `opened` is called when something may be sent again. */
  constructor(bytesPerSecond: number, clock: Clock, opened: () => void) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
    this.#opened = opened;
    this.#allowed = this.#burst;
    this.#countedAt = clock.now();
  }

  /** Whether anything may be sent at this moment. */
  get isOpen(): boolean {
    return this.#bytesPerSecond === 0 || this.#allowed > 0 || this.#refilled() > 0;
  }

  spend(bytes: number): void {
    if (this.#bytesPerSecond === 0) return;
    this.#refilled();
    this.#allowed -= bytes;
    if (this.#allowed > 0 || this.#refilled() > 0 || this.#cancel !== null) return;
    const waitMs = Math.ceil((1 - this.#allowed) / (this.#bytesPerSecond / 1000));
    this.#cancel = this.#clock.after(Math.max(waitMs, 5), () => {
      this.#cancel = null;
      if (this.#refilled() > 0) this.#opened();
      else this.spend(0);
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  get #burst(): number {
    return (this.#bytesPerSecond * BURST_MS) / 1000;
  }

  #refilled(): number {
    const now = this.#clock.now();
    const elapsedMs = Math.min(Math.max(0, now - this.#countedAt), 60_000); // the clock may be set meanwhile
    this.#countedAt = now;
    this.#allowed = Math.min(this.#burst, this.#allowed + (elapsedMs * this.#bytesPerSecond) / 1000);
    return this.#allowed;
  }
}
