/** A pattern of client ids as a test: `*` is any characters, also none, and `?` any one. */
export function clientIdPattern(pattern: string): (clientId: string) => boolean {
  const parts = pattern.split("*");
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && !only.includes("?")) return (clientId) => clientId === only;
  const wanted = [...pattern];
  return (clientId) => matches(wanted, [...clientId]);
}

/** In time that grows with the product of both lengths at most, whatever the pattern. Both are lists of characters. */
function matches(pattern: readonly string[], text: readonly string[]): boolean {
  let at = 0;
  let inPattern = 0;
  let star = -1;
  let afterStar = 0;
  while (at < text.length) {
    const wanted = pattern[inPattern];
    if (wanted === "*") {
      star = inPattern++;
      afterStar = at;
    } else if (wanted === "?" || wanted === text[at]) {
      inPattern++;
      at++;
    } else if (star >= 0) {
      inPattern = star + 1;
      at = ++afterStar;
    } else return false;
  }
  while (pattern[inPattern] === "*") inPattern++;
  return inPattern === pattern.length;
}
