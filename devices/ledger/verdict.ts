import type { FlowTally } from "./flow-tally.ts";

export type Verdict = {
  passed: boolean;
  problems: string[];
  /** Some of the messages behind the problems, for whoever has to find out why. */
  examples: string[];
};

const namesMax = 3;

/** What a run must have shown besides. */
export type Claims = {
  /** Messages waited for devices that were away. */
  waiting: boolean;
};

/**
 * Passes only if every flow carried messages and nothing happened beyond what its QoS permits. A run in which nothing
 * was sent, heard or received shows nothing, so it fails.
 */
export function judge(
  tallies: readonly FlowTally[],
  incidents: ReadonlyMap<string, readonly string[]>,
  { waiting }: Claims = { waiting: false },
): Verdict {
  const problems: string[] = [];
  if (tallies.length === 0) problems.push("there was no flow at all: nothing is shown");
  if (waiting && tallies.every(({ waited }) => waited === 0)) {
    problems.push("no message waited for a device that was away, so nothing is shown about waiting");
  }
  for (const tally of tallies) problems.push(...emptiness(tally), ...breaches(tally));
  for (const [what, who] of incidents) {
    const names = who.slice(0, namesMax).join(", ");
    const more = who.length > namesMax ? `, and ${who.length - namesMax} more` : "";
    problems.push(`${what}: ${names}${more}`);
  }
  const examples = problems.length === 0 ? [] : tallies.flatMap((tally) => tally.examples);
  return { passed: problems.length === 0, problems, examples };
}

function emptiness(tally: FlowTally): string[] {
  if (tally.qos === undefined) return [];
  if (tally.sent === 0) return [`${tally.flow}: nothing was sent, so nothing is shown`];
  if (tally.expected === 0) return [`${tally.flow}: nobody had subscribed, so nothing is shown`];
  if (tally.unacknowledgedPermitted > 0 && tally.acknowledged === 0)
    return [`${tally.flow}: nothing was acknowledged, so nothing is shown`];
  if (tally.received === 0) return [`${tally.flow}: nothing arrived`];
  return [];
}

function breaches(tally: FlowTally): string[] {
  const counts: [number, string][] = [
    [tally.lost - tally.lostPermitted, "lost"],
    [tally.duplicated - tally.duplicatedPermitted, "duplicated"],
    [tally.reordered, "out of order"],
    [tally.late, "late"],
    [tally.foreign, "foreign: sent by nobody in this run, or to somebody else"],
    [tally.corrupted, "corrupted"],
    [tally.altered, "altered: with other MQTT 5 properties than they had to have"],
    [tally.unacknowledged - tally.unacknowledgedPermitted, "never acknowledged to the publisher"],
  ];
  return counts.filter(([count]) => count > 0).map(([count, what]) => `${tally.flow}: ${count} ${what}`);
}
