/** `ours / theirs`, or NaN where either is missing or theirs is zero: a ratio is measured or it is not shown. */
export function ratio(ours: number | undefined, theirs: number | undefined): number {
  if (ours === undefined || theirs === undefined || theirs === 0) return Number.NaN;
  return ours / theirs;
}
