/**
 * An actor has an address, a behaviour and nothing shared. It is told things; it is never reached into.
 * A message is handled within the `tell` that brought it. One that arrives while another is being handled waits
 * its turn, so a behaviour never finds itself half done. What the behaviour throws goes to the supervisor.
 */
export abstract class Actor<Message> {
  readonly address: string;
  handled = 0;
  #stopped = false;
  #handling = false;
  #waiting: Message[] | null = null;

  constructor(address: string) {
    this.address = address;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  tell(message: Message): void {
    if (this.#stopped) return;
    if (this.#handling) {
      this.#waiting ??= [];
      this.#waiting.push(message);
      return;
    }
    this.#handling = true;
    try {
      let next: Message | undefined = message;
      while (next !== undefined && !this.#stopped) {
        this.receive(next);
        this.handled++;
        next = this.#waiting?.shift();
      }
    } catch (reason) {
      this.failed(reason);
    } finally {
      this.#handling = false;
      if (this.#waiting?.length === 0) this.#waiting = null;
    }
  }

  /** No message is handled after this. */
  stop(): void {
    this.#stopped = true;
    this.#waiting = null;
  }

  /** The behaviour: one exhaustive switch over the closed union of messages. */
  protected abstract receive(message: Message): void;

  /** Hands a failure to the supervisor. */
  abstract failed(reason: unknown): void;
}
