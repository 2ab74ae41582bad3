/**
 * One run of the load generator. `rate` is messages per second; without it the loop is closed. `messagesMax` ends it
 * before its time. `persistent`: the sessions of its subscribers stay. `share`: the subscribers are one group, of which
 * one gets each message; `queue`: they are the consumers of the queue `bench`.
 */
export interface Load {
  mode: "pair" | "broadcast" | "fanin" | "share" | "stall" | "away" | "queue" | "queue-stall" | "queue-fill";
  qos: 0 | 1;
  publishers: number;
  subscribers: number;
  windowMessages: number;
  payloadBytes: number;
  rate?: number;
  messagesMax?: number;
  persistent?: boolean;
  /** The last level of each topic is one of so many keys, in turn; in modes of queues. */
  keys?: number;
  /** 3.1.1 where nothing is said; mixed: the publisher and every second receiver speak 5. */
  protocol?: "5" | "mixed";
  /** On each message, and a content type with them. */
  userProperties?: number;
  /** Publishers say their topic once; the broker may do the same. */
  topicAliases?: boolean;
}

export type ThroughputLane = { name: string; title: string; kind: "throughput"; load: Load };

/**
 * What is compared: a load, a load in MQTT 5 beside the lane of the same load in 3.1.1 that `twin` names (`costMax`: how
 * many times the deliveries of 5 those of 3.1.1 may be), a load beside the same load in peace, memory at rest, a crowd that
 * arrives at once; and of brokers that keep messages: a load to receivers that are away, a load on sessions that stay
 * beside the same on clean ones, memory and a restart with a full mailbox, and live traffic while a mailbox fills and
 * drains. And of brokers that have queues: a queue beside a shared subscription (also of brokers that have only that), how
 * long a consumer waits for the first of many jobs, and a queue with and without a consumer that never reads. And of
 * brokers that have bridges, to an upstream that is a broker of its own: what waited for it beside what is live once it is
 * back (`liveRate`: messages per second), and a load that it is there for. `filters` are the rules of the bridge.
 */
export type Lane = { name: string; title: string } & (
  | { kind: "throughput" | "single"; load: Load }
  | { kind: "mqtt5"; load: Load; twin: string; costMax?: number }
  | { kind: "stall"; load: Load; peaceful: Load }
  | { kind: "memory"; firstConnections: number; moreConnections: number }
  | { kind: "crowd"; connections: number }
  | { kind: "away"; load: Load; acknowledgedPerSecondMin: number }
  | { kind: "session"; load: Load; clean: Load }
  | { kind: "away-memory"; load: Load }
  | { kind: "away-stall"; load: Load; probeRate: number }
  | { kind: "queue"; load: Load; shared: Load; durability: "memory" | "synced" }
  | { kind: "queue-waiting"; load: Load; tries: number }
  | { kind: "queue-stall"; load: Load }
  | { kind: "bridge-drain"; load: Load; filters: readonly string[]; liveRate: number; inFlightMax?: number }
  | { kind: "bridge-live"; load: Load; filters: readonly string[]; inFlightMax?: number }
);

/** Whether only brokers that keep messages on disk have a turn. */
export function needsStore({ kind }: Lane): boolean {
  return kind === "away" || kind === "session" || kind === "away-memory" || kind === "away-stall";
}

/** Whether it takes the broker at the other end of a bridge. */
export function needsUpstream({ kind }: Lane): boolean {
  return kind === "bridge-drain" || kind === "bridge-live";
}
