export interface LevelNode<V> {
  children: Map<string, LevelNode<V>> | null;
  value: V | undefined;
}

/** Values by the levels of a topic or topic filter. Levels are ordinary map keys, whatever they are called. */
export class LevelTree<V> {
  protected readonly root: LevelNode<V> = { children: null, value: undefined };

  get(path: string): V | undefined {
    let node: LevelNode<V> | undefined = this.root;
    for (const level of path.split("/")) {
      node = node.children?.get(level);
      if (node === undefined) return undefined;
    }
    return node.value;
  }

  set(path: string, value: V): void {
    let node = this.root;
    for (const level of path.split("/")) {
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

  /** Removes the value, and the levels that lead to nothing without it. */
  delete(path: string): void {
    const levels = path.split("/");
    const nodes: LevelNode<V>[] = [this.root];
    for (const level of levels) {
      const child = nodes[nodes.length - 1]?.children?.get(level);
      if (child === undefined) return;
      nodes.push(child);
    }
    (nodes[levels.length] as LevelNode<V>).value = undefined;
    for (let depth = levels.length; depth > 0; depth--) {
      const node = nodes[depth] as LevelNode<V>;
      if (node.value !== undefined || node.children !== null) return;
      const parent = nodes[depth - 1] as LevelNode<V>;
      parent.children?.delete(levels[depth - 1] as string);
      if (parent.children?.size === 0) parent.children = null;
    }
  }
}
