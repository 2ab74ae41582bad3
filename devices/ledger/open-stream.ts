import type { Lane } from "./lane.ts";
import type { Stream } from "./stream.ts";

/** A stream with the lane of each receiver that must get it. */
export type OpenStream = {
  stream: Stream;
  lanes: Map<string, Lane>;
  /** Into how many queues its messages go. */
  queues: number;
};

/** Arrivals of one flow that belong to no lane. */
export type Strays = { foreign: number; corrupted: number; examples: string[] };
