import { noJournal } from "./journal.ts";
import { LocalStore, type LocalStoreOptions } from "./local-store.ts";

/** A store that lives and dies with the process. Every answer is there at once. */
export class MemoryStore extends LocalStore {
  constructor(options: LocalStoreOptions = {}) {
    super(noJournal, { ...options, durability: "memory" });
  }
}
