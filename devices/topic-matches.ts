/** Does a topic filter with `+` and `#` match this topic? Both must be valid; `$` topics hide from leading wildcards. */
export function topicMatches(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  if (topic.startsWith("$") && (wanted[0] === "#" || wanted[0] === "+")) return false; // [MQTT-4.7.2-1]
  for (const [index, level] of wanted.entries()) {
    if (level === "#") return true; // [MQTT-4.7.1-2] also its parent, one level up
    if (index >= levels.length) return false;
    if (level !== "+" && level !== levels[index]) return false;
  }
  return wanted.length === levels.length;
}
