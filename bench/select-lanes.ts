import type { Lane } from "./lane.ts";

/** The lanes of these names, all of them without names; each with the lane that it is compared with. */
export function selectLanes(lanes: readonly Lane[], names: readonly string[] | undefined): readonly Lane[] {
  if (names === undefined) return lanes;
  const wanted = new Set(names);
  for (const lane of lanes) {
    if (wanted.has(lane.name) && lane.kind === "mqtt5") wanted.add(lane.twin);
  }
  return lanes.filter(({ name }) => wanted.has(name));
}
