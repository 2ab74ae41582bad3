import { type LevelNode, LevelTree } from "../topic/level-tree.ts";
import { isHiddenFrom } from "../topic/topic-rules.ts";
import type { StoredPublish } from "./stored-packets.ts";

/** Retained messages by topic, found by the filters that match them, without looking at those that do not. */
export class RetainedTree extends LevelTree<StoredPublish> {
  matching(filter: string): StoredPublish[] {
    const found: StoredPublish[] = [];
    collect(this.root, filter.split("/"), 0, found);
    return found.filter((packet) => !isHiddenFrom(filter, packet.topic));
  }
}

function collect(node: LevelNode<StoredPublish>, levels: string[], depth: number, found: StoredPublish[]): void {
  const level = levels[depth];
  if (level === undefined) {
    if (node.value !== undefined) found.push(node.value);
  } else if (level === "#") {
    collectAll(node, found);
  } else if (level === "+") {
    for (const child of node.children?.values() ?? []) collect(child, levels, depth + 1, found);
  } else {
    const child = node.children?.get(level);
    if (child !== undefined) collect(child, levels, depth + 1, found);
  }
}

function collectAll(node: LevelNode<StoredPublish>, found: StoredPublish[]): void {
  if (node.value !== undefined) found.push(node.value);
  for (const child of node.children?.values() ?? []) collectAll(child, found);
}
