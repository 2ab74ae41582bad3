interface Node<V> {
  children: Map<string, Node<V>> | null;
  value: V | undefined;
}

/**
 * Topic filters and one value for each, found by the topics that they match. Matching knows `+` and `#`, and that
 * `sport/#` also matches `sport` (MQTT 3.1.1, 4.7.1.2). It does not hide topics that begin with `$`: see
 * `isHiddenFrom`.
 */
export class FilterTree<V> {
  readonly #root: Node<V> = { children: null, value: undefined };

  get(filter: string): V | undefined {
    let node: Node<V> | undefined = this.#root;
    for (const level of filter.split("/")) {
      node = node.children?.get(level);
      if (node === undefined) return undefined;
    }
    return node.value;
  }

  set(filter: string, value: V): void {
    let node = this.#root;
    for (const level of filter.split("/")) {
      node.children ??= new Map();
      let child = node.children.get(level);
      if (child === undefined) {
        child = { children: null, value: undefined };
        node.children.set(level, child);
      }
      node = child;
    }
    node.value = value;
  }

  delete(filter: string): void {
    const levels = filter.split("/");
    const path: Node<V>[] = [this.#root];
    for (const level of levels) {
      const child = path[path.length - 1]?.children?.get(level);
      if (child === undefined) return;
      path.push(child);
    }
    (path[levels.length] as Node<V>).value = undefined;
    for (let depth = levels.length; depth > 0; depth--) {
      const node = path[depth] as Node<V>;
      if (node.value !== undefined || node.children !== null) return;
      const parent = path[depth - 1] as Node<V>;
      parent.children?.delete(levels[depth - 1] as string);
      if (parent.children?.size === 0) parent.children = null;
    }
  }

  /** The values of all filters that match the topic: at each level `#` first, then `+`, then the level itself. */
  matching(topic: string): V[] {
    const found: V[] = [];
    this.#collect(this.#root, topic.split("/"), 0, found);
    return found;
  }

  #collect(node: Node<V>, levels: string[], depth: number, found: V[]): void {
    const some = node.children?.get("#");
    if (some?.value !== undefined) found.push(some.value);
    if (depth === levels.length) {
      if (node.value !== undefined) found.push(node.value);
      return;
    }
    if (node.children === null) return;
    const one = node.children.get("+");
    if (one !== undefined) this.#collect(one, levels, depth + 1, found);
    const exact = node.children.get(levels[depth] as string);
    if (exact !== undefined && exact !== one && exact !== some) this.#collect(exact, levels, depth + 1, found);
  }
}
