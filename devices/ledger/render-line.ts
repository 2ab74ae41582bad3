import type { LineTally } from "./line-book.ts";

/** What befell the line to the cloud, and what came twice by it: two lines. */
export function renderLine({ cloud, ...tally }: LineTally & { cloud: string }): string[] {
  const kinds = Object.entries(tally.troubles).map(([kind, count]) => `${count} ${kind}`);
  const total = Object.values(tally.troubles).reduce((sum, count) => sum + count, 0);
  const befell = total === 0 ? "no troubles" : `${total} troubles (${kinds.sort().join(", ")})`;
  const { doubled, doubledMax, breaks, inFlightMax } = tally;
  return [
    `the line to ${cloud}: ${befell}, ${breaks} connections or gateways broken off`,
    `QoS 1 messages that came again by that: ${doubled.up} up (at most ${doubledMax.up} by one), ${doubled.down} down ` +
      `(at most ${doubledMax.down} by one); ${inFlightMax} could be in flight`,
  ];
}
