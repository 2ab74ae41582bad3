const PREFIX = "$share/";

/** Whether a filter is meant as a shared one, right or wrong. */
export function isShared(filter: string): boolean {
  return filter.startsWith(PREFIX);
}

/** The group and the filter in a shared one; undefined where it has not both [MQTT-4.8.2-1] [MQTT-4.8.2-2]. */
export function sharedFilter(filter: string): { group: string; filter: string } | undefined {
  const end = filter.indexOf("/", PREFIX.length);
  const group = filter.slice(PREFIX.length, end);
  if (end < 0 || group === "" || group.includes("+") || group.includes("#")) return undefined;
  return { group, filter: filter.slice(end + 1) };
}
