import { setTimeout } from "node:timers/promises";

export type Clock = {
  /** Milliseconds since the epoch with microseconds behind the point; never runs backwards. */
  nowMs(): number;
  sleep(delayMs: number): Promise<void>;
};

export const systemClock: Clock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  sleep: (delayMs) => setTimeout(delayMs),
};
