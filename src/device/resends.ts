import { awaiting, type InFlight, type InFlightWindow } from "./in-flight-window.ts";

/** What was in flight when a device was last away and has to be sent again, in its old order, before anything newer. */
export class Resends {
  #entries: InFlight[] | null = null;

  get pending(): boolean {
    return this.#entries !== null;
  }

  begin(window: InFlightWindow): void {
    this.#entries = window.count > 0 ? window.list() : null;
  }

  end(): void {
    this.#entries = null;
  }

  /**
   * The next one; undefined where there is none, or none may leave: what was sent again and is unacknowledged counts
   * against the new connection's receive maximum [MQTT-3.3.4-9].
   */
  next(window: InFlightWindow, receiveMaximum: number): InFlight | undefined {
    const entries = this.#entries ?? [];
    while (entries.length > 0) {
      if (window.count - entries.length >= receiveMaximum) return undefined;
      const entry = entries.shift() as InFlight;
      if (entry.awaits !== awaiting.release && entry.awaits !== awaiting.nothing) return entry;
    }
    this.#entries = null;
    return undefined;
  }
}
