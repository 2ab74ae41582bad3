const units = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
] as const;

/** A time span for people, in its two largest units: "3 d 4 h", "12 s"; "-" where there is none. */
export function ageText(seconds: number | null): string {
  if (seconds === null) return "-";
  const first = units.findIndex(([, length]) => seconds >= length);
  if (first < 0) return "0 s";
  const parts: string[] = [];
  let rest = Math.floor(seconds);
  for (const [name, length] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / length);
    if (count > 0) parts.push(`${count} ${name}`);
    rest %= length;
  }
  return parts.join(" ");
}
