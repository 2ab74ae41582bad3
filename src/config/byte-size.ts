/** What a byte size may look like in a configuration: digits, then an optional unit. Kept as text for the JSON Schema. */
export const byteSizePattern = /^\d+(\.\d+)? ?(B|kB|MB|GB|KiB|MiB|GiB)?$/;

const bytesPerUnit: ReadonlyMap<string, number> = new Map([
  ["GiB", 1024 ** 3],
  ["MiB", 1024 ** 2],
  ["KiB", 1024],
  ["GB", 1000 ** 3],
  ["MB", 1000 ** 2],
  ["kB", 1000],
  ["B", 1],
]);

/** Bytes of "16MiB", "500kB", "1.5 GiB" or "4096"; undefined when the text is no byte size or not a whole number of bytes. */
export function parseByteSize(text: string): number | undefined {
  if (!byteSizePattern.test(text)) return undefined;
  const amount = Number.parseFloat(text);
  const unit = /[A-Za-z]+$/.exec(text)?.[0] ?? "B";
  const bytes = amount * (bytesPerUnit.get(unit) ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact text of a number of bytes in binary units: 16777216 is "16MiB", 1000 is "1000B". */
export function formatByteSize(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"]) {
    const size = bytesPerUnit.get(unit) ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}
