import type { LaneLimits } from "./lane.ts";
import type { OpenStream, Strays } from "./open-stream.ts";
import { percentile } from "./percentile.ts";

/** One row of the report. `…Permitted` is the part of a count that MQTT permits in the circumstances. */
export type FlowTally = {
  flow: string;
  /** The publishers' QoS; undefined for messages of no known flow. */
  qos: 0 | 1 | 2 | undefined;
  sent: number;
  /** Its messages go into a queue, perhaps to nobody else. */
  queued: boolean;
  /** Nobody is there to get them. */
  toNobody: boolean;
  /** Acknowledgements that told an MQTT 5 publisher that nobody is there, and those that said it or not, wrongly. */
  toldOfNobody: number;
  wronglyTold: number;
  /** Sent messages times their receivers. */
  expected: number;
  /** First arrivals. */
  received: number;
  /** Of these, the ones that were sent while their receiver was away or the line to it was spoiled. */
  waited: number;
  lost: number;
  lostPermitted: number;
  duplicated: number;
  duplicatedPermitted: number;
  /** QoS 2 messages that came again under another packet id before PUBREL: once to some receivers, twice to others. */
  renumbered: number;
  reordered: number;
  /** Receivers to whom an older message came after the newest, of streams of which the last value is what counts. */
  endedOnOlder: number;
  late: number;
  foreign: number;
  corrupted: number;
  /** Arrivals at MQTT 5 receivers with other properties than they had to have. */
  altered: number;
  /** QoS 1 and 2 messages that the gateway acknowledged to their publisher, and those that it never did. */
  acknowledged: number;
  unacknowledged: number;
  unacknowledgedPermitted: number;
  /** Whose these are: how many, and the number of the first. */
  unacknowledgedOf: { topic: string; count: number; first: number }[];
  /** From sending (or from the later return of either end) to the first arrival. Undefined if nothing came. */
  latencyMsP50: number | undefined;
  latencyMsP99: number | undefined;
  /** A few of what went wrong, for whoever has to find out why. */
  examples: string[];
};

const examplesMax = 3;

export function tallyFlow(
  flow: string,
  streams: readonly OpenStream[],
  strays: Strays | undefined,
  { permitUnacknowledged }: Pick<LaneLimits, "permitUnacknowledged">,
): FlowTally {
  const latenciesMs: number[] = [];
  const tally: FlowTally = {
    flow,
    qos: streams[0]?.stream.qos,
    sent: 0,
    queued: streams.some(({ queues }) => queues > 0),
    toNobody: streams.length > 0 && streams.every(({ stream }) => stream.plan.reachesNobody === true),
    toldOfNobody: 0,
    wronglyTold: 0,
    expected: 0,
    received: 0,
    waited: 0,
    lost: 0,
    lostPermitted: 0,
    duplicated: 0,
    duplicatedPermitted: 0,
    renumbered: 0,
    reordered: 0,
    endedOnOlder: 0,
    late: 0,
    foreign: strays?.foreign ?? 0,
    corrupted: strays?.corrupted ?? 0,
    altered: 0,
    acknowledged: 0,
    unacknowledged: 0,
    unacknowledgedPermitted: 0,
    unacknowledgedOf: [],
    latencyMsP50: undefined,
    latencyMsP99: undefined,
    examples: [...(strays?.examples ?? [])],
  };
  for (const opened of streams) addStream(tally, opened, latenciesMs);
  if (permitUnacknowledged) tally.unacknowledgedPermitted = tally.unacknowledged;
  latenciesMs.sort((a, b) => a - b);
  tally.latencyMsP50 = percentile(latenciesMs, 50);
  tally.latencyMsP99 = percentile(latenciesMs, 99);
  return tally;
}

function addStream(tally: FlowTally, { stream, lanes }: OpenStream, latenciesMs: number[]): void {
  tally.sent += stream.sent;
  tally.renumbered += stream.renumbered;
  tally.toldOfNobody += stream.toldOfNobody;
  tally.wronglyTold += stream.wronglyTold;
  if (stream.wronglyTold > 0) example(tally, `${stream.sender} was wrongly told who is there for ${stream.topic}`);
  tally.expected += stream.sent * lanes.size;
  if (stream.qos > 0) {
    tally.acknowledged += stream.acknowledged;
    const count = stream.sent - stream.acknowledged;
    tally.unacknowledged += count;
    if (count > 0) tally.unacknowledgedOf.push({ topic: stream.topic, count, first: stream.firstUnacknowledged });
  }
  for (const lane of lanes.values()) {
    tally.received += lane.received;
    tally.waited += lane.waited;
    tally.duplicated += lane.duplicated;
    tally.duplicatedPermitted += lane.duplicatedPermitted;
    tally.reordered += lane.reordered;
    if (lane.endedOnOlder) {
      tally.endedOnOlder++;
      example(tally, `${lane.receiver} got an older one last of ${stream.topic}`);
    }
    tally.late += lane.late;
    tally.altered += lane.altered;
    for (const latencyMs of lane.latenciesMs) latenciesMs.push(latencyMs);
    for (const { sequence, permitted } of lane.missing()) {
      tally.lost++;
      if (permitted) tally.lostPermitted++;
      else example(tally, `${lane.receiver} never got number ${sequence} of ${stream.sender} on ${stream.topic}`);
    }
    const wrongly = lane.duplicated - lane.duplicatedPermitted;
    const first = lane.firstDuplicated === undefined ? "" : `, as ${lane.firstDuplicated}`;
    if (wrongly > 0) example(tally, `${lane.receiver} got ${wrongly} of ${stream.topic} more than once${first}`);
    if (lane.firstFault !== undefined) example(tally, `${lane.receiver} got of ${stream.topic} ${lane.firstFault}`);
    if (lane.firstReordered === undefined) continue;
    const others = lane.reordered > 1 ? `, and ${lane.reordered - 1} more` : "";
    example(tally, `${lane.receiver} got of ${stream.topic} ${lane.firstReordered}${others}`);
  }
}

function example(tally: FlowTally, text: string): void {
  if (tally.examples.length < examplesMax) tally.examples.push(text);
}
