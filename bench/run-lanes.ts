import type { BrokerResult, LaneResult } from "./bench-result.ts";
import type { BrokerKind } from "./brokers.ts";
import { compareTwins } from "./compare-twins.ts";
import { type Lane, needsStore, needsUpstream } from "./lane.ts";
import { medianSample, type Sample } from "./sample.ts";

type Measure = (lane: Lane, kind: BrokerKind) => Promise<Sample>;

/**
 * Every broker in every lane, `rounds` times in turn, so that whatever else the machine does hits all of them alike. For
 * the same reason a broker runs lanes that are compared with each other one right after the other, and in every second
 * round in reverse.
 * A broker that fails in a lane has said so there; everything else goes on.
 */
export async function runLanes(
  lanes: readonly Lane[],
  kinds: readonly BrokerKind[],
  rounds: number,
  measure: Measure,
  progress: (line: string) => void,
): Promise<LaneResult[]> {
  const results: LaneResult[] = lanes.map((lane) => ({
    lane,
    brokers: Object.fromEntries(
      kinds.filter((kind) => measurable(lane, kind)).map((kind) => [kind.name, { rounds: [], median: {}, errors: [] }]),
    ),
  }));
  const groups = [...new Set(lanes.map(groupOf))].map((name) => results.filter(({ lane }) => groupOf(lane) === name));
  for (let round = 1; round <= rounds; round++) {
    for (const group of groups) {
      for (const kind of kinds) {
        const measured = group.filter(({ lane }) => measurable(lane, kind));
        const say = (lane: Lane, said: string) =>
          progress(`round ${round}/${rounds}  ${lane.name.padEnd(22)}  ${kind.name.padEnd(9)}  ${said}`);
        await takeTurns(round % 2 === 1 ? measured : measured.toReversed(), kind, measure, say);
      }
    }
  }
  for (const { brokers } of results) {
    for (const result of Object.values(brokers)) result.median = medianSample(result.rounds);
  }
  return results;
}

function groupOf(lane: Lane): string {
  return lane.kind === "mqtt5" ? lane.twin : lane.name;
}

function measurable(lane: Lane, kind: BrokerKind): boolean {
  if (needsStore(lane)) return kind.keeps === true;
  if (needsUpstream(lane)) return kind.bridges === true;
  if (lane.kind === "queue") return kind.shares === true;
  if (lane.kind === "queue-waiting" || lane.kind === "queue-stall") return kind.queues === true;
  if (lane.kind === "mqtt5" && kind.speaks5 !== true) return false;
  if (lane.kind === "throughput" && lane.load.mode === "share" && kind.shares !== true) return false;
  return kind.ceiling !== true || lane.kind === "throughput" || lane.kind === "mqtt5" || lane.kind === "single";
}

async function takeTurns(
  results: readonly LaneResult[],
  kind: BrokerKind,
  measure: Measure,
  say: (lane: Lane, said: string) => void,
): Promise<void> {
  const turns = new Map<string, Sample>();
  for (const { lane, brokers } of results) {
    const sample = await takeTurn(brokers[kind.name]!, () => measure(lane, kind));
    if (sample !== undefined) turns.set(lane.name, sample);
    say(lane, sample === undefined ? `FAILED: ${brokers[kind.name]!.errors.at(-1)}` : summary(sample));
  }
  for (const { lane, brokers } of results) {
    const sample = compareTwins(lane, turns);
    if (sample !== undefined) brokers[kind.name]!.rounds.push(sample);
  }
}

async function takeTurn(result: BrokerResult, measure: () => Promise<Sample>): Promise<Sample | undefined> {
  try {
    return await measure();
  } catch (error) {
    result.errors.push(error instanceof Error ? error.message : String(error));
    return undefined;
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
