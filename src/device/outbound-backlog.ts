import type { Backlog } from "./backlog.ts";

/** Where messages wait for their way, as `Outbound` knows it. */
export type OutboundBacklog = Pick<
  Backlog,
  | "depth"
  | "bytes"
  | "first"
  | "put"
  | "offer"
  | "takeOver"
  | "next"
  | "refill"
  | "refresh"
  | "putBefore"
  | "restore"
  | "putBack"
  | "drain"
  | "takeOldest"
  | "clear"
  | "stop"
>;
