/** Items of one turn of the event loop. */
export const AT_ONCE = 2000;

/** Does the work for each, a part of them in each turn of the event loop: others have theirs meanwhile. */
export async function inTurns<T>(items: readonly T[], work: (item: T) => void): Promise<void> {
  for (let at = 0; at < items.length; at += AT_ONCE) {
    if (at > 0) await nextTurn();
    for (const item of items.slice(at, at + AT_ONCE)) work(item);
  }
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
