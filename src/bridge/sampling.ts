/** Topics of which is remembered when the latest message was taken; beyond that, not of those for which it is longest ago. */
const REMEMBERED_MAX = 100_000;

/** Of each topic the first message of an interval. */
export class Sampling {
  readonly #intervalMs: number;
  /** The one that was taken longest ago first. */
  readonly #takenAt = new Map<string, number>();

  constructor(intervalSeconds: number) {
    this.#intervalMs = intervalSeconds * 1000;
  }

  /** Whether the message is taken; `now` in milliseconds. */
  takes(topic: string, now: number): boolean {
    const takenAt = this.#takenAt.get(topic);
    const elapsedMs = takenAt === undefined ? Number.POSITIVE_INFINITY : now - takenAt;
    if (elapsedMs >= 0 && elapsedMs < this.#intervalMs) return false;
    this.#takenAt.delete(topic);
    this.#takenAt.set(topic, now);
    if (this.#takenAt.size > REMEMBERED_MAX) {
      for (const [oldest] of this.#takenAt) {
        this.#takenAt.delete(oldest);
        break;
      }
    }
    return true;
  }
}
