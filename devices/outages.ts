/** What an attempt to connect remembers about the gateway when it began. */
export type OutageMark = { kills: number; down: boolean };

/**
 * The gateway's deaths by this run's own hand. Nothing else excuses a connection that nobody had cut, so a gateway that
 * dies of itself fails the run.
 */
export class Outages {
  #kills = 0;
  #down = false;

  get kills(): number {
    return this.#kills;
  }

  /** Called before the signal is sent: what ends from here on ends by it. */
  begin(): void {
    this.#kills++;
    this.#down = true;
  }

  /** The gateway is ready again, or never will be. */
  end(): void {
    this.#down = false;
  }

  mark(): OutageMark {
    return { kills: this.#kills, down: this.#down };
  }

  /** May an attempt to connect that began at `mark` have failed because of a kill? */
  excuseAttempt(mark: OutageMark): boolean {
    return mark.down || this.#down || this.#kills !== mark.kills;
  }

  /** May a connection whose attempt began at `mark` have ended because of a kill? */
  excuseEnd(mark: OutageMark): boolean {
    return this.#kills !== mark.kills;
  }
}
