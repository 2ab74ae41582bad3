const PREFIX = "$share/";
const QUEUE_PREFIX = "$queue/";

/** Whether a filter is meant as a shared one, right or wrong. */
export function isShared(filter: string): boolean {
  return filter.startsWith(PREFIX);
}

/** Whether messages of the filter are divided among its subscribers: of a shared one, or of a queue. */
export function isHandedOut(filter: string): boolean {
  return isShared(filter) || queueOf(filter) !== undefined;
}

/** Name of the queue that a filter consumes from; undefined where it is no such filter. */
export function queueOf(filter: string): string | undefined {
  return filter.startsWith(QUEUE_PREFIX) ? filter.slice(QUEUE_PREFIX.length) : undefined;
}

/** The group and the filter in a shared one; undefined where it has not both [MQTT-4.8.2-1] [MQTT-4.8.2-2]. */
export function sharedFilter(filter: string): { group: string; filter: string } | undefined {
  const end = filter.indexOf("/", PREFIX.length);
  const group = filter.slice(PREFIX.length, end);
  if (end < 0 || group === "" || group.includes("+") || group.includes("#")) return undefined;
  return { group, filter: filter.slice(end + 1) };
}
