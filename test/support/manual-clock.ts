import type { Cancel, Clock } from "../../src/actor/clock.ts";

interface Task {
  at: number;
  everyMs: number | null;
  run: () => void;
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now = 1_000_000;
  readonly #tasks = new Set<Task>();

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.#add({ at: this.#now + delayMs, everyMs: null, run });
  }

  every(intervalMs: number, run: () => void): Cancel {
    return this.#add({ at: this.#now + intervalMs, everyMs: intervalMs, run });
  }

  /** Moves the clock; what falls due on the way runs in its order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#tasks].filter((task) => task.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#now = due.at;
      if (due.everyMs === null) this.#tasks.delete(due);
      else due.at += due.everyMs;
      due.run();
    }
    this.#now = end;
  }

  #add(task: Task): Cancel {
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }
}
