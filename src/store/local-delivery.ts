import { WaypostError } from "../waypost-error.ts";
import type { Journal } from "./journal.ts";
import { jsonMap } from "./json-map.ts";
import { Settled, settled } from "./settled.ts";
import { stateKey } from "./state-key.ts";
import type { DeliveryStore } from "./store.ts";
import type { StoredDeadLetter } from "./stored-dead-letter.ts";
import type { StoredQueue } from "./stored-queue.ts";

/** Queues by name, dead letters by id. */
export interface DeliveryContents {
  readonly queues: Map<string, StoredQueue>;
  readonly deadLetters: Map<number, StoredDeadLetter>;
}

/** Queues and dead letters in memory, of which a journal is told. */
export class LocalDelivery implements DeliveryStore {
  protected readonly contents: DeliveryContents;
  readonly #journal: Journal;

  constructor(journal: Journal, contents: DeliveryContents) {
    this.#journal = journal;
    this.contents = contents;
  }

  queues(): PromiseLike<readonly StoredQueue[]> {
    return new Settled(Array.from(this.contents.queues.values(), (queue) => ({ ...queue })));
  }

  putQueue({ name, settings, isCreated, isPaused }: StoredQueue): PromiseLike<void> {
    if (jsonMap(settings) === undefined) {
      // Files that hold something else count as damaged at the next start.
      throw new WaypostError("ERR_INVARIANT", `the settings of the queue ${name} are no JSON map: ${settings}`);
    }
    this.contents.queues.set(name, { name, settings, isCreated, isPaused });
    return this.#journal.commit(stateKey("queue", name));
  }

  removeQueue(name: string): PromiseLike<void> {
    return this.contents.queues.delete(name) ? this.#journal.commit(stateKey("queue", name)) : settled;
  }

  deadLetters(): PromiseLike<readonly StoredDeadLetter[]> {
    return new Settled([...this.contents.deadLetters.values()].sort((a, b) => a.id - b.id));
  }

  putDeadLetter(letter: StoredDeadLetter, isAwaited = false): PromiseLike<void> {
    letter.message.keep(); // it is a slice of the chunk that it came in
    this.contents.deadLetters.set(letter.id, letter);
    const key = stateKey("dead", String(letter.id));
    if (isAwaited) return this.#journal.commit(key);
    this.#journal.changed(key);
    return settled;
  }

  removeDeadLetter(id: number): void {
    if (this.contents.deadLetters.delete(id)) this.#journal.changed(stateKey("dead", String(id)));
  }
}
