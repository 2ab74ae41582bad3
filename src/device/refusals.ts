import type { Log } from "../log.ts";

/** Filters that one SUBSCRIBE asked for and did not get, by reason: one line in the log for each reason, however many. */
export class Refusals {
  readonly #filters = new Map<string, { count: number; first: string }>();

  /** The first reason, for a client that wants to know. */
  get text(): string | undefined {
    const [first] = this.#filters;
    return first === undefined ? undefined : `${first[1].first}: ${first[0]}`;
  }

  add(why: string, filter: string): void {
    const known = this.#filters.get(why);
    if (known === undefined) this.#filters.set(why, { count: 1, first: filter.slice(0, 200) });
    else known.count++;
  }

  writeTo(log: Log, device: string): void {
    for (const [why, { count, first }] of this.#filters) {
      log.warn({ device, filter: first, count }, `a subscription was refused: ${why}`);
    }
  }
}
