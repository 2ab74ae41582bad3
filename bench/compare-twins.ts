import type { Lane } from "./lane.ts";
import { ratio } from "./ratio.ts";
import type { Sample } from "./sample.ts";

/**
 * What 5 costs, from what one broker did in both lanes in the same round: `costRatio` is how many times the deliveries of
 * 5 those of 3.1.1 are, `cpuRatio` how many times the processor time for each delivery in 3.1.1 that in 5 is.
 * @param turns - samples of the round by the names of their lanes; a lane that failed is not among them
 */
export function compareTwins(lane: Lane, turns: ReadonlyMap<string, Sample>): Sample | undefined {
  const sample = turns.get(lane.name);
  if (sample === undefined || lane.kind !== "mqtt5") return sample;
  const twin = turns.get(lane.twin);
  return {
    ...sample,
    deliveriesPerSecondTwin: twin?.deliveriesPerSecond ?? Number.NaN,
    costRatio: ratio(twin?.deliveriesPerSecond, sample.deliveriesPerSecond),
    cpuRatio: ratio(sample.brokerCpuUsPerDelivery, twin?.brokerCpuUsPerDelivery),
  };
}
