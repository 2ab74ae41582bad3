import { median } from "./median.ts";

/** What one measurement gave: named numbers, the unit last in each name (`p50Us`, `rssKb`, `deliveriesPerSecond`). */
export type Sample = Readonly<Record<string, number>>;

/** The median of every number over the rounds, each name on its own. */
export function medianSample(samples: readonly Sample[]): Sample {
  const names = new Set(samples.flatMap((sample) => Object.keys(sample)));
  return Object.fromEntries(
    [...names].map((name) => [name, median(samples.map((sample) => sample[name] ?? Number.NaN))]),
  );
}
