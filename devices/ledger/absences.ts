type Absence = { fromMs: number; toMs: number };

/** When each device was disconnected, and when the gateway died. Excuses what MQTT permits then, and nothing else. */
export class Absences {
  readonly #gatewayDeathsMs: number[] = [];
  readonly #absences = new Map<string, Absence[]>();

  /** Without effect for a device that is away already. */
  left(name: string, atMs: number): void {
    const absences = this.#absences.get(name) ?? [];
    if (absences.at(-1)?.toMs === Number.POSITIVE_INFINITY) return;
    absences.push({ fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
    this.#absences.set(name, absences);
  }

  returned(name: string, atMs: number): void {
    const last = this.#absences.get(name)?.at(-1);
    if (last !== undefined && last.toMs === Number.POSITIVE_INFINITY) last.toMs = atMs;
  }

  /** Was this device away at any moment of the span, its ends included? */
  overlaps(name: string, fromMs: number, toMs: number): boolean {
    return this.#absences.get(name)?.some((absence) => absence.fromMs <= toMs && absence.toMs >= fromMs) ?? false;
  }

  /** Did this device leave by `leftMs` at the latest and not return before `returnedMs`? */
  covers(name: string, leftMs: number, returnedMs: number): boolean {
    return this.#absences.get(name)?.some(({ fromMs, toMs }) => fromMs <= leftMs && toMs >= returnedMs) ?? false;
  }

  /** The last return before `atMs`, or minus infinity: until then nothing could travel. */
  lastReturnMs(name: string, atMs: number): number {
    return this.#absences.get(name)?.findLast((absence) => absence.toMs <= atMs)?.toMs ?? Number.NEGATIVE_INFINITY;
  }

  gatewayDied(atMs: number): void {
    this.#gatewayDeathsMs.push(atMs);
  }

  gatewayDiedWithin(fromMs: number, toMs: number): boolean {
    return this.#gatewayDeathsMs.some((atMs) => atMs >= fromMs && atMs <= toMs);
  }
}
