/** Rows of text in columns: the first, and those named by `left`, to the left; the others, which hold numbers, to the right. */
export function textTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  left: readonly string[] = [],
): string {
  const all = [headings, ...rows];
  const columns = headings.map((heading, column) => ({
    width: all.reduce((widest, row) => Math.max(widest, (row[column] ?? "").length), 0),
    isLeft: column === 0 || left.includes(heading),
  }));
  const cellOf = (text: string, { width, isLeft }: { width: number; isLeft: boolean }) =>
    isLeft ? text.padEnd(width) : text.padStart(width);
  const lineOf = (row: readonly string[]) => columns.map((column, index) => cellOf(row[index] ?? "", column));
  return all.map((row) => `${lineOf(row).join("  ").trimEnd()}\n`).join("");
}
