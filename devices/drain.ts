import type { Clock } from "./clock.ts";
import type { Ledger } from "./ledger/ledger.ts";

export type DrainOptions = {
  clock: Clock;
  /** Gives up when nothing has come for this long. */
  quietMs: number;
  /** Gives up after this long in any case; asked again and again, because Ctrl-C shortens it. */
  drainMsMax: () => number;
  /** Says that waiting is pointless: nobody is connected. */
  pointless: () => boolean;
  /** Says that somebody has yet to settle what it got. */
  busy: () => boolean;
  waiting: (outstanding: number) => void;
};

const lookMs = 50;
/** After the last expected message: an answer or a duplicate may be right behind it. */
const settleMs = 250;
/** After this long, an answer that may be missing is taken to be. */
const honestFailureMs = 4_000;

/** Waits until all that was sent has arrived and is acknowledged, or until there is no more hope of it. */
export async function drain(ledger: Ledger, options: DrainOptions): Promise<void> {
  const { clock, quietMs, drainMsMax, pointless, busy, waiting } = options;
  const startedMs = clock.nowMs();
  const isComplete = (excused: number) => ledger.unacknowledged === 0 && !busy() && ledger.awaited <= excused;
  while (!pointless()) {
    const nowMs = clock.nowMs();
    const quietForMs = nowMs - Math.max(startedMs, ledger.lastArrivalMs);
    if (quietForMs >= settleMs && isComplete(0)) return;
    if (quietForMs >= honestFailureMs && isComplete(ledger.interruptedCalls)) return;
    if (quietForMs >= quietMs) return;
    if (nowMs - startedMs >= drainMsMax()) return;
    waiting(ledger.outstanding);
    await clock.sleep(lookMs);
  }
}
