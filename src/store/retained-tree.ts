import { isHiddenFrom } from "../topic/topic-rules.ts";
import type { StoredPublish } from "./store.ts";

interface Node {
  children: Map<string, Node> | null;
  packet: StoredPublish | null;
}

/** Retained messages by topic, found by the filters that match them, without looking at those that do not. */
export class RetainedTree {
  readonly #root: Node = { children: null, packet: null };
  #size = 0;

  get size(): number {
    return this.#size;
  }

  set(packet: StoredPublish): void {
    let node = this.#root;
    for (const level of packet.topic.split("/")) {
      node.children ??= new Map();
      let child = node.children.get(level);
      if (child === undefined) {
        child = { children: null, packet: null };
        node.children.set(level, child);
      }
      node = child;
    }
    if (node.packet === null) this.#size++;
    node.packet = packet;
  }

  delete(topic: string): void {
    const levels = topic.split("/");
    const path: Node[] = [this.#root];
    for (const level of levels) {
      const child = path[path.length - 1]?.children?.get(level);
      if (child === undefined) return;
      path.push(child);
    }
    const leaf = path[levels.length] as Node;
    if (leaf.packet !== null) this.#size--;
    leaf.packet = null;
    for (let depth = levels.length; depth > 0; depth--) {
      const node = path[depth] as Node;
      if (node.packet !== null || node.children !== null) return;
      const parent = path[depth - 1] as Node;
      parent.children?.delete(levels[depth - 1] as string);
      if (parent.children?.size === 0) parent.children = null;
    }
  }

  matching(filter: string): StoredPublish[] {
    const found: StoredPublish[] = [];
    collect(this.#root, filter.split("/"), 0, found);
    return found.filter((packet) => !isHiddenFrom(filter, packet.topic));
  }
}

function collect(node: Node, levels: string[], depth: number, found: StoredPublish[]): void {
  const level = levels[depth];
  if (level === undefined) {
    if (node.packet !== null) found.push(node.packet);
  } else if (level === "#") {
    collectAll(node, found);
  } else if (level === "+") {
    for (const child of node.children?.values() ?? []) collect(child, levels, depth + 1, found);
  } else {
    const child = node.children?.get(level);
    if (child !== undefined) collect(child, levels, depth + 1, found);
  }
}

function collectAll(node: Node, found: StoredPublish[]): void {
  if (node.packet !== null) found.push(node.packet);
  for (const child of node.children?.values() ?? []) collectAll(child, found);
}
