/** Items by the time at which they are due: adding and taking one costs the logarithm of their number. */
export class DueHeap<T> {
  #entries: { readonly item: T; readonly at: number }[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** The one that is due first, left in its place. */
  get first(): { readonly item: T; readonly at: number } | undefined {
    return this.#entries[0];
  }

  add(item: T, at: number): void {
    const entries = this.#entries;
    let place = entries.length;
    const entry = { item, at };
    entries.push(entry);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = entries[parent] as { item: T; at: number };
      if (above.at <= at) break;
      entries[place] = above;
      place = parent;
    }
    entries[place] = entry;
  }

  /** Removes and returns the one that is due first. */
  take(): T | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (first === undefined || last === undefined || entries.length === 0) return first?.item;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && this.#at(child + 1) < this.#at(child)) child++;
      if (this.#at(child) >= last.at) break;
      entries[place] = entries[child] as { item: T; at: number };
      place = child;
    }
    entries[place] = last;
    return first.item;
  }

  /** Removes and returns those for which the condition holds. */
  removeIf(condition: (item: T) => boolean): T[] {
    const removed: T[] = [];
    const kept: { readonly item: T; readonly at: number }[] = [];
    for (const entry of this.#entries) {
      if (condition(entry.item)) removed.push(entry.item);
      else kept.push(entry);
    }
    if (removed.length > 0) this.#entries = kept.sort((one, other) => one.at - other.at); // which is a heap
    return removed;
  }

  /** All of them, in no order. */
  *[Symbol.iterator](): Iterator<T> {
    for (const { item } of this.#entries) yield item;
  }

  clear(): void {
    this.#entries = [];
  }

  #at(place: number): number {
    return (this.#entries[place] as { at: number }).at;
  }
}
