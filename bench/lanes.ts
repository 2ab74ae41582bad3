import { bridgeLanes } from "./bridge-lanes.ts";
import type { Lane, Load, ThroughputLane } from "./lane.ts";
import { mqtt5Lanes } from "./mqtt5-lanes.ts";
import { queueLanes } from "./queue-lanes.ts";

const payloadBytes = 64;
const windowMessages = 1000;

function closed(mode: Load["mode"], qos: 0 | 1, publishers: number, subscribers: number): Load {
  return { mode, qos, publishers, subscribers, windowMessages, payloadBytes };
}

// Far below what a broker can carry, so that p99 shows what the stalled subscriber costs the others and not a full
// processor; 1 kB payloads, so that a broker that hoards for it grows by 10 MB every second.
function paced(mode: "pair" | "stall", qos: 0 | 1): Load {
  return { mode, qos, publishers: 20, subscribers: 20, windowMessages: 50_000, payloadBytes: 1024, rate: 10_000 };
}

// The gateway's default limit for all mailboxes together is a million messages: a fast disk ends the run before it.
function toAbsent(inFlight: number): Load {
  return { ...closed("away", 1, 50, 50), windowMessages: inFlight, messagesMax: 900_000 };
}

const fullMailbox: Load = { ...closed("away", 1, 1, 1), payloadBytes: 200, messagesMax: 100_000 };

const throughput: readonly ThroughputLane[] = [
  { name: "q0-one", title: "QoS 0, 1 -> 1", kind: "throughput", load: closed("pair", 0, 1, 1) },
  { name: "q0-pairs", title: "QoS 0, 50 -> 50 pairs", kind: "throughput", load: closed("pair", 0, 50, 50) },
  {
    name: "q0-broadcast",
    title: "QoS 0, 1 -> 100 broadcast",
    kind: "throughput",
    load: closed("broadcast", 0, 1, 100),
  },
  { name: "q0-fanin", title: "QoS 0, 100 -> 1 fan-in", kind: "throughput", load: closed("fanin", 0, 100, 1) },
  { name: "q1-pairs", title: "QoS 1, 50 -> 50 pairs", kind: "throughput", load: closed("pair", 1, 50, 50) },
  {
    name: "q1-broadcast",
    title: "QoS 1, 1 -> 100 broadcast",
    kind: "throughput",
    load: closed("broadcast", 1, 1, 100),
  },
  { name: "q1-share", title: "QoS 1, 50 -> 50 $share", kind: "throughput", load: closed("share", 1, 50, 50) },
];

/** In the order in which they are shown; those that are compared with each other run together. */
export const lanes: readonly Lane[] = [
  ...throughput,
  ...mqtt5Lanes(throughput),
  {
    name: "q0-single",
    title: "QoS 0, one in flight",
    kind: "single",
    load: { ...closed("pair", 0, 1, 1), windowMessages: 1 },
  },
  {
    name: "q1-single",
    title: "QoS 1, one in flight",
    kind: "single",
    load: { ...closed("pair", 1, 1, 1), windowMessages: 1 },
  },
  {
    name: "q0-stall",
    title: "QoS 0, one never reads",
    kind: "stall",
    load: paced("stall", 0),
    peaceful: paced("pair", 0),
  },
  {
    name: "q1-stall",
    title: "QoS 1, one never reads",
    kind: "stall",
    load: paced("stall", 1),
    peaceful: paced("pair", 1),
  },
  // Memory is a slope between two heights: what the first connections cost once (compiled code, buffers) is not theirs.
  { name: "memory", title: "idle connections", kind: "memory", firstConnections: 1000, moreConnections: 4000 },
  { name: "crowd", title: "connections at once", kind: "crowd", connections: 5000 },
  {
    name: "q1-away-1000",
    title: "QoS 1, 50 -> 50 away, 1000 in flight",
    kind: "away",
    load: toAbsent(1000),
    acknowledgedPerSecondMin: 50_000,
  },
  {
    name: "q1-away-50",
    title: "QoS 1, 50 -> 50 away, 50 in flight",
    kind: "away",
    load: toAbsent(50),
    acknowledgedPerSecondMin: 20_000,
  },
  {
    name: "q1-session-pairs",
    title: "QoS 1, 50 -> 50 pairs",
    kind: "session",
    load: { ...closed("pair", 1, 50, 50), persistent: true },
    clean: closed("pair", 1, 50, 50),
  },
  { name: "away-memory", title: "100,000 waiting", kind: "away-memory", load: fullMailbox },
  { name: "away-stall", title: "100,000 come and go", kind: "away-stall", load: fullMailbox, probeRate: 500 },
  ...queueLanes,
  ...bridgeLanes,
];
