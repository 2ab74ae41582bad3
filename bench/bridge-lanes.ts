import type { Lane, Load } from "./lane.ts";

const saturating: Load = {
  mode: "fanin",
  qos: 1,
  publishers: 10,
  subscribers: 1,
  windowMessages: 1000,
  payloadBytes: 200,
};
const backlog: Load = { ...saturating, mode: "queue-fill", messagesMax: 100_000 };

// Mosquitto's default is 20, also as an upstream: what a bridge makes of a narrow window, and what of a wide one.
const wide = { inFlightMax: 1000 };

const drain = { kind: "bridge-drain", load: backlog, filters: ["bench/#", "live/#"], liveRate: 20 } as const;
const live = { kind: "bridge-live", load: saturating, filters: ["bench/#"] } as const;

export const bridgeLanes: readonly Lane[] = [
  { name: "bridge-drain", title: "100,000 waited, 20 in flight", ...drain },
  { name: "bridge-drain-1000", title: "1000 in flight", ...drain, ...wide },
  { name: "bridge-drain-one-rule", title: "1000, one rule for all", ...drain, ...wide, filters: ["#"] },
  { name: "bridge-live", title: "QoS 1, 10 -> 1, 20 in flight", ...live },
  { name: "bridge-live-1000", title: "1000 in flight", ...live, ...wide },
];
