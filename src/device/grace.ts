import type { Clock } from "../actor/clock.ts";

/** How long a receiver that is connected has to acknowledge a message before the store is told; at most twice this. */
const GRACE_MS = 5;

/** Who has sent messages of which the store is not told yet. */
export interface Sparing {
  /** Tells the store of what was sent before this moment, counted in ticks; returns whether something newer is left. */
  record(before: number): boolean;
}

/**
 * A message for a device that is connected is nearly always acknowledged within a moment, and then the store never needs
 * to hear of it: that spares the disk, and most of the work. The publisher's acknowledgement waits meanwhile.
 */
export class Grace {
  /** The present moment. */
  tick = 0;
  readonly #clock: Clock;
  #sparing = new Set<Sparing>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(sparing: Sparing): void {
    if (this.#sparing.size === 0) this.#wait();
    this.#sparing.add(sparing);
  }

  #wait(): void {
    this.#clock.after(GRACE_MS, () => {
      const before = this.tick++;
      const all = this.#sparing;
      this.#sparing = new Set();
      for (const sparing of all) if (sparing.record(before)) this.#sparing.add(sparing);
      if (this.#sparing.size > 0) this.#wait();
    });
  }
}
