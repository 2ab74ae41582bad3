import type { CallTally } from "./call-tally.ts";
import type { FlowTally } from "./flow-tally.ts";
import type { JobTally } from "./job-tally.ts";

export type Verdict = {
  passed: boolean;
  problems: string[];
  /** Some of the messages behind the problems, for whoever has to find out why. */
  examples: string[];
};

const namesMax = 3;

/** What a run must have shown besides. */
export type Claims = {
  /** Messages waited for devices that were away, or for the line to the cloud. */
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
  { jobs = [], calls = [] }: { jobs?: readonly JobTally[]; calls?: readonly CallTally[] } = {},
): Verdict {
  const problems: string[] = [];
  if (tallies.length === 0) problems.push("there was no flow at all: nothing is shown");
  if (waiting && tallies.every(({ waited }) => waited === 0)) {
    problems.push("no message waited for a device that was away or for the line, so nothing is shown about waiting");
  }
  for (const tally of tallies) problems.push(...emptiness(tally), ...breaches(tally));
  for (const tally of jobs) problems.push(...jobProblems(tally));
  for (const tally of calls) problems.push(...callProblems(tally));
  for (const [what, who] of incidents) {
    const names = who.slice(0, namesMax).join(", ");
    const more = who.length > namesMax ? `, and ${who.length - namesMax} more` : "";
    problems.push(`${what}: ${names}${more}`);
  }
  const examples = problems.length === 0 ? [] : [...tallies, ...jobs, ...calls].flatMap((tally) => tally.examples);
  return { passed: problems.length === 0, problems, examples };
}

function emptiness(tally: FlowTally): string[] {
  if (tally.qos === undefined) return [];
  if (tally.sent === 0) return [`${tally.flow}: nothing was sent, so nothing is shown`];
  if (tally.toNobody) return [];
  if (tally.expected === 0 && tally.queued) return [];
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
    [tally.endedOnOlder, "whose last value is an older one"],
    [tally.late, "late"],
    [tally.foreign, "foreign: sent by nobody in this run, or to somebody else"],
    [tally.corrupted, "corrupted"],
    [tally.altered, "altered: with other MQTT 5 properties than they had to have"],
    [tally.wronglyTold, "with a PUBACK that is wrong about whether anybody is there (0x10)"],
    [tally.unacknowledged - tally.unacknowledgedPermitted, "never acknowledged to the publisher"],
  ];
  return counted(tally.flow, counts);
}

function jobProblems(tally: JobTally): string[] {
  const name = `queue ${tally.queue}`;
  if (tally.jobs === 0) return [`${name}: nothing was sent, so nothing is shown`];
  if (tally.deliveries === 0) return [`${name}: no worker got anything`];
  return counted(name, [
    [tally.lost - tally.lostPermitted, "acknowledged and never settled"],
    [tally.settledTwiceUnexplained, "settled twice without a reason"],
    [tally.redelivered.unexplained, "redelivered without a reason"],
    [tally.unmarked, "redelivered without DUP"],
    [tally.miscounted, "with a wrong delivery-count"],
    [tally.altered, "with other MQTT 5 properties than they had to have"],
    [tally.outOfOrder, "out of the order of their key"],
    [tally.strayed, "away from the worker of their key although it was there"],
  ]);
}

function callProblems(tally: CallTally): string[] {
  return counted(`calls ${tally.service}`, [
    [tally.unanswered, "never answered"],
    [tally.wrong, "answered wrongly"],
    [tally.foreign, "answers to no call of their receiver"],
    [tally.answeredTwice - tally.answeredTwicePermitted, "answered twice"],
    [tally.late, "answered late"],
  ]);
}

function counted(name: string, counts: readonly [count: number, what: string][]): string[] {
  return counts.filter(([count]) => count > 0).map(([count, what]) => `${name}: ${count} ${what}`);
}
