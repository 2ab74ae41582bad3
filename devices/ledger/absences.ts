type Absence = { fromMs: number; toMs: number };

/** When each device was disconnected. Excuses what MQTT permits around a reconnect, and nothing else. */
export class Absences {
  readonly #absences = new Map<string, Absence[]>();

  left(name: string, atMs: number): void {
    const absences = this.#absences.get(name);
    if (absences === undefined) this.#absences.set(name, [{ fromMs: atMs, toMs: Number.POSITIVE_INFINITY }]);
    else absences.push({ fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
  }

  returned(name: string, atMs: number): void {
    const last = this.#absences.get(name)?.at(-1);
    if (last !== undefined && last.toMs === Number.POSITIVE_INFINITY) last.toMs = atMs;
  }

  /** Was this device away at any moment of the span, its ends included? */
  overlaps(name: string, fromMs: number, toMs: number): boolean {
    return this.#absences.get(name)?.some((absence) => absence.fromMs <= toMs && absence.toMs >= fromMs) ?? false;
  }

  /** The last return before `atMs`, or minus infinity: until then nothing could travel. */
  lastReturnMs(name: string, atMs: number): number {
    return this.#absences.get(name)?.findLast((absence) => absence.toMs <= atMs)?.toMs ?? Number.NEGATIVE_INFINITY;
  }
}
