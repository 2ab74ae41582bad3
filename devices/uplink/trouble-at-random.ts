import type { Clock } from "../clock.ts";
import type { LineBook } from "../ledger/line-book.ts";
import type { Line } from "./line.ts";
import type { Trouble } from "./trouble.ts";

export type TroubleOptions = {
  line: Pick<Line, "spoil" | "heal">;
  book: Pick<LineBook, "troubled" | "healed">;
  troubles: readonly Trouble[];
  clock: Clock;
  signal: AbortSignal;
};

const lookMs = 200;

/** Spoils the line as planned, one trouble after another. The line is in order when this returns. */
export async function troubleAtRandom({ line, book, troubles, clock, signal }: TroubleOptions): Promise<void> {
  const startedMs = clock.nowMs();
  for (const trouble of troubles) {
    await sleepUntil(startedMs + trouble.fromMs);
    if (signal.aborted) return;
    book.troubled(trouble.kind, clock.nowMs());
    line.spoil(trouble);
    // Those that take no time are over at once, and what comes of them takes its time.
    await sleepUntil(startedMs + trouble.fromMs + trouble.forMs);
    await line.heal();
    book.healed(clock.nowMs());
  }

  async function sleepUntil(momentMs: number): Promise<void> {
    for (let nowMs = clock.nowMs(); nowMs < momentMs && !signal.aborted; nowMs = clock.nowMs()) {
      await clock.sleep(Math.min(lookMs, momentMs - nowMs));
    }
  }
}
