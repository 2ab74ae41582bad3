/** The smallest value that at least `percent` of the values do not exceed; `sorted` is ascending. */
export function percentile(sorted: readonly number[], percent: number): number | undefined {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
}
