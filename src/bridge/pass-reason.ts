import type { DropReason } from "../device/counters.ts";

/** Why a message did not pass a bridge, beside the reasons that all receivers have. */
export type PassReason =
  | DropReason
  /** It came from the upstream, and no rule takes it. */
  | "no-rule"
  /** It came from the upstream under a topic that this gateway does not take. */
  | "invalid-topic"
  /** Another of its topic was taken in this interval. */
  | "sampled"
  /** A newer value of its topic came before it could go. */
  | "superseded"
  /** QoS 0, and the upstream is away, or the bridge is paused. */
  | "away";
