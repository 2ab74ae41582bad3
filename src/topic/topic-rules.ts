/** Levels of a topic name or filter: `a//b` has three. */
export function levelCount(topic: string): number {
  let levels = 1;
  for (let i = 0; i < topic.length; i++) if (topic.charCodeAt(i) === 47) levels++;
  return levels;
}

/** What is wrong with a topic filter, or undefined. Bytes and levels are limits of the gateway, not judged here. */
export function filterMistake(filter: string): string | undefined {
  if (filter.length === 0) return "it is empty"; // [MQTT-4.7.3-1]
  if (filter.includes("\0")) return "it contains U+0000"; // [MQTT-4.7.3-2]
  const levels = filter.split("/");
  for (const [index, level] of levels.entries()) {
    if (level === "+" || level === "#") {
      if (level === "#" && index !== levels.length - 1) return "# stands before its end"; // [MQTT-4.7.1-2]
    } else if (level.includes("#"))
      return "# does not fill its level"; // [MQTT-4.7.1-2]
    else if (level.includes("+")) return "+ does not fill its level"; // [MQTT-4.7.1-3]
  }
  return undefined;
}

/** What is wrong with a topic name, or undefined. */
export function topicMistake(topic: string): string | undefined {
  if (topic.length === 0) return "it is empty"; // [MQTT-4.7.3-1]
  if (topic.includes("\0")) return "it contains U+0000"; // [MQTT-4.7.3-2]
  if (topic.includes("#") || topic.includes("+")) return "it contains a wildcard"; // [MQTT-3.3.2-2]
  return undefined;
}

export function hasWildcard(filter: string): boolean {
  return filter.includes("+") || filter.includes("#");
}

/** Filters that begin with a wildcard do not match topics that begin with `$` [MQTT-4.7.2-1]. */
export function isHiddenFrom(filter: string, topic: string): boolean {
  if (topic.charCodeAt(0) !== 36) return false;
  const first = filter.charCodeAt(0);
  return first === 43 || first === 35;
}

/** Whether a valid filter matches a topic, topics hidden from it aside. */
export function filterMatches(filter: string, topic: string): boolean {
  if (isHiddenFrom(filter, topic)) return false;
  const levels = topic.split("/");
  const wanted = filter.split("/");
  for (const [depth, level] of wanted.entries()) {
    if (level === "#") return true;
    if (depth === levels.length || (level !== "+" && level !== levels[depth])) return false;
  }
  return wanted.length === levels.length;
}
