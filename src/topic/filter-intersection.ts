/**
 * The filter of the topics that both valid filters match; undefined where there are none. Exact, also for topics that
 * begin with `$`.
 */
export function filterIntersection(left: string, right: string): string | undefined {
  const [a, b] = [left.split("/"), right.split("/")];
  const common: string[] = [];
  for (let depth = 0; depth < a.length || depth < b.length; depth++) {
    const [one, other] = [a[depth], b[depth]];
    if (depth === 0 && (hides(one, other) || hides(other, one))) return undefined; // [MQTT-4.7.2-1]
    if (one === "#" || other === "#") {
      const rest = one === "#" ? b : a;
      return [...common, ...rest.slice(depth)].join("/") || undefined; // nothing is no topic, but "/#" would match it
    }
    if (one === undefined || other === undefined) return undefined;
    if (one !== other && one !== "+" && other !== "+") return undefined;
    common.push(one === "+" ? other : one);
  }
  return common.join("/");
}

function hides(level: string | undefined, other: string | undefined): boolean {
  return (level === "+" || level === "#") && other?.charCodeAt(0) === 36;
}
