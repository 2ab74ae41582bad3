import type { BrokerResult, LaneResult } from "./bench-result.ts";
import type { BrokerKind } from "./brokers.ts";
import { type Lane, needsStore } from "./lanes.ts";
import { medianSample, type Sample } from "./sample.ts";

/**
 * Every broker in every lane, `rounds` times in turn, so that whatever else the machine does hits all of them alike.
 * A broker that fails in a lane has said so there; everything else goes on.
 */
export async function runLanes(
  lanes: readonly Lane[],
  kinds: readonly BrokerKind[],
  rounds: number,
  measure: (lane: Lane, kind: BrokerKind) => Promise<Sample>,
  progress: (line: string) => void,
): Promise<LaneResult[]> {
  const results: LaneResult[] = lanes.map((lane) => ({
    lane,
    brokers: Object.fromEntries(
      kinds.filter((kind) => measurable(lane, kind)).map((kind) => [kind.name, { rounds: [], median: {}, errors: [] }]),
    ),
  }));
  for (let round = 1; round <= rounds; round++) {
    for (const { lane, brokers } of results) {
      for (const kind of kinds.filter((kind) => measurable(lane, kind))) {
        const said = await takeTurn(brokers[kind.name]!, () => measure(lane, kind));
        progress(`round ${round}/${rounds}  ${lane.name.padEnd(16)}  ${kind.name.padEnd(9)}  ${said}`);
      }
    }
  }
  for (const { brokers } of results) {
    for (const result of Object.values(brokers)) result.median = medianSample(result.rounds);
  }
  return results;
}

function measurable(lane: Lane, kind: BrokerKind): boolean {
  if (needsStore(lane)) return kind.keeps === true;
  return kind.ceiling !== true || lane.kind === "throughput" || lane.kind === "single";
}

async function takeTurn(result: BrokerResult, measure: () => Promise<Sample>): Promise<string> {
  try {
    const sample = await measure();
    result.rounds.push(sample);
    return summary(sample);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    result.errors.push(reason);
    return `FAILED: ${reason}`;
  }
}

function summary(sample: Sample): string {
  if (sample.deliveriesPerSecond !== undefined) {
    return `${Math.round(sample.deliveriesPerSecond)}/s  p50 ${sample.p50Us} us  p99 ${sample.p99Us} us  lost ${sample.lost}`;
  }
  return Object.entries(sample)
    .map(([name, value]) => `${name} ${Math.round(value * 10) / 10}`)
    .join("  ");
}
