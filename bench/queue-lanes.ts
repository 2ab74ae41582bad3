import type { Lane, Load } from "./lane.ts";

const closed: Load = { mode: "queue", qos: 1, publishers: 10, subscribers: 10, windowMessages: 1000, payloadBytes: 64 };
const waiting: Load = { ...closed, mode: "queue-fill", messagesMax: 100_000 };

// Far below what a queue can carry, so that p99 shows what the stalled consumer costs the others. Nine of them, with and
// without it: it is the tenth, not one of those whose latencies are compared.
const stall: Load = { ...closed, mode: "queue-stall", subscribers: 9, windowMessages: 50_000, rate: 5000 };

function beside(durability: "memory" | "synced"): Lane {
  const shared: Load = { ...closed, mode: "share" };
  return {
    name: `q1-queue-${durability}`,
    title: `QoS 1, 10 -> 10, ${durability}`,
    kind: "queue",
    load: closed,
    shared,
    durability,
  };
}

export const queueLanes: readonly Lane[] = [
  beside("memory"),
  beside("synced"),
  { name: "queue-waiting", title: "100,000 jobs wait", kind: "queue-waiting", load: waiting, tries: 5 },
  {
    name: "queue-waiting-by-key",
    title: "the same, 10,000 keys",
    kind: "queue-waiting",
    load: { ...waiting, keys: 10_000 },
    tries: 5,
  },
  { name: "queue-stall", title: "QoS 1, one of 10 never reads", kind: "queue-stall", load: stall },
];
