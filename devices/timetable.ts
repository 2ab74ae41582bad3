/** What a device means to do later; all of it can be called off at once. */
export class Timetable {
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopped = false;

  after(delayMs: number, action: () => void): void {
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delayMs);
    this.#timers.add(timer);
  }

  /** `delayMs` is asked before each turn, also before the first. */
  every(delayMs: (turn: number) => number, action: () => void, turn = 0): void {
    this.after(delayMs(turn), () => {
      action();
      this.every(delayMs, action, turn + 1);
    });
  }

  /** Nothing happens any more, and nothing can be added. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
