import type { LaneResult } from "./bench-result.ts";
import type { Lane } from "./lane.ts";
import { ratio } from "./ratio.ts";

/** One number that Waypost is to reach, and whether it did. NaN: could not be compared. */
export interface Target {
  lane: string;
  what: string;
  value: number;
  limit: number;
  /** A value must be `at least` or `at most` its limit. */
  bound: "at least" | "at most";
  met: boolean | undefined;
}

/** The targets of one lane, from the medians over the rounds. */
export function targetsOf({ lane, brokers }: LaneResult): Target[] {
  const ours = brokers.waypost?.median;
  if (ours === undefined || brokers.waypost?.rounds.length === 0) return [];
  const compared = (broker: string, name: string) => ratio(ours[name], brokers[broker]?.median[name]);
  const value = (name: string) => ours[name] ?? Number.NaN;
  // A loss or a stall that only one round saw has happened.
  const worst = (name: string) => Math.max(...brokers.waypost!.rounds.map((round) => round[name] ?? Number.NaN));
  switch (lane.kind) {
    case "throughput":
      // For shared subscriptions there is no number to reach.
      if (lane.load.mode === "share") return [];
      return [
        target(lane.name, "deliveries/s, times Mosquitto", compared("mosquitto", "deliveriesPerSecond"), "at least", 4),
        target(lane.name, "deliveries/s, times aedes", compared("aedes", "deliveriesPerSecond"), "at least", 8),
      ];
    case "mqtt5":
      if (lane.costMax === undefined) return [];
      return [target(lane.name, "deliveries/s, 3.1.1 times 5", value("costRatio"), "at most", lane.costMax)];
    case "single":
      return [target(lane.name, "p50, times Mosquitto", compared("mosquitto", "p50Us"), "at most", 1.5)];
    case "stall":
      return [target(lane.name, "p99 of the others, times without", value("p99Ratio"), "at most", 1.1)];
    case "memory":
      return [
        target(lane.name, "idle gateway, MB", value("idleRssKb") / 1024, "at most", 70),
        target(lane.name, "idle connection, kB", value("kbPerConnection"), "at most", 8),
      ];
    case "crowd":
      return [
        target(lane.name, "connections at once", value("connections"), "at least", lane.connections),
        target(lane.name, "of their messages lost", value("lost"), "at most", 0),
      ];
    case "away":
      return [
        target(lane.name, "acknowledged/s", value("acknowledgedPerSecond"), "at least", lane.acknowledgedPerSecondMin),
        target(lane.name, "of them lost", worst("lost"), "at most", 0),
      ];
    case "session":
      return [target(lane.name, "deliveries/s, clean times persistent", value("cleanRatio"), "at most", 1.5)];
    case "away-memory":
      return [
        target(lane.name, "above the idle gateway, MB", value("fullAboveIdleKb") / 1024, "at most", 100),
        target(lane.name, "above it after a restart, MB", value("restartedAboveIdleKb") / 1024, "at most", 100),
        target(lane.name, "restart to CONNACK, s", value("readyMs") / 1000, "at most", 2),
        target(lane.name, "acknowledged and lost", worst("lost"), "at most", 0),
      ];
    case "away-stall":
      return [
        ...["Fill", "Drain", "CleanUp"].map((phase) =>
          target(lane.name, `${phase}: longest stall, ms (goal 20)`, worst(`max${phase}Us`) / 1000, "at most", 50),
        ),
        target(lane.name, "acknowledged and lost", worst("lost"), "at most", 0),
      ];
    case "queue":
      return [...besideShare(lane, brokers), target(lane.name, "of the queue lost", worst("lost"), "at most", 0)];
    case "queue-waiting":
      return [
        target(lane.name, "first of the waiting, p50, ms", value("firstP50Ms"), "at most", 50),
        target(lane.name, "acknowledged and lost", worst("lost"), "at most", 0),
      ];
    case "queue-stall":
      return [
        target(lane.name, "p99 of the others, times without", value("p99Ratio"), "at most", 1.1),
        target(lane.name, "of their messages lost", worst("lost"), "at most", 0),
      ];
    case "bridge-drain":
      return [
        target(lane.name, "drained/s (goal 20,000)", value("drainedPerSecond"), "at least", 10_000),
        target(lane.name, "live messages meanwhile, p99, ms", value("p99Us") / 1000, "at most", 100),
        target(lane.name, "acknowledged and lost", worst("lost") + worst("liveLost"), "at most", 0),
      ];
    case "bridge-live":
      return [target(lane.name, "of the forwarded lost", worst("lost"), "at most", 0)];
  }
}

/** With a sync there is no number to reach beside a broker that keeps nothing. */
function besideShare(lane: Lane & { kind: "queue" }, { waypost, mosquitto }: LaneResult["brokers"]): Target[] {
  if (lane.durability === "synced") return [];
  const times = ratio(waypost?.median.deliveriesPerSecond, mosquitto?.median.deliveriesPerSecondShare);
  return [target(lane.name, "deliveries/s, times Mosquitto's $share", times, "at least", 2)];
}

function target(lane: string, what: string, value: number, bound: Target["bound"], limit: number): Target {
  const met = bound === "at least" ? value >= limit : value <= limit;
  return { lane, what, value, limit, bound, met: Number.isNaN(value) ? undefined : met };
}
