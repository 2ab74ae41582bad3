import { type LevelNode, LevelTree } from "./level-tree.ts";

/**
 * Topic filters and one value for each, found by the topics that they match. Matching knows `+` and `#`, and that
 * `sport/#` also matches `sport` (MQTT 3.1.1, 4.7.1.2). It does not hide topics that begin with `$`: see
 * `isHiddenFrom`.
 */
export class FilterTree<V> extends LevelTree<V> {
  /** The values of all filters that match the topic: at each level `#` first, then `+`, then the level itself. */
  matching(topic: string): V[] {
    const found: V[] = [];
    collect(this.root, topic.split("/"), 0, found);
    return found;
  }
}

function collect<V>(node: LevelNode<V>, levels: string[], depth: number, found: V[]): void {
  const some = node.children?.get("#");
  if (some?.value !== undefined) found.push(some.value);
  if (depth === levels.length) {
    if (node.value !== undefined) found.push(node.value);
    return;
  }
  if (node.children === null) return;
  const one = node.children.get("+");
  if (one !== undefined) collect(one, levels, depth + 1, found);
  const exact = node.children.get(levels[depth] as string);
  if (exact !== undefined && exact !== one && exact !== some) collect(exact, levels, depth + 1, found);
}
