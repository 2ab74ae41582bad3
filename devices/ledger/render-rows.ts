/** Rows of cells as a table with a line under its first row, without a newline at its end. */
export function renderRows(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  return lines.join("\n");
}

/** `1 (1 ok)` is a count whose part in brackets is permitted. */
export function withPermitted(count: number, permitted: number): string {
  return permitted === 0 ? String(count) : `${count} (${permitted} ok)`;
}

export function milliseconds(value: number | undefined): string {
  return value === undefined ? "-" : value.toFixed(value < 10 ? 2 : 1);
}
