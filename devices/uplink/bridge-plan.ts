/** A rule of the bridge, in the gateway's own words. */
export type BridgeRule = {
  filter: string;
  direction: "up" | "down" | "both";
  localPrefix?: string;
  remotePrefix?: string;
  qos: 0 | 1 | 2;
  outage?: "live-first" | "oldest-first";
  keepTopicOrder?: boolean;
  lastValue?: boolean;
  messagesMax?: number;
  bytesMax?: number;
};

/** Where something is published to find out whether the bridge carries it, and where it must come. */
export type Probe = { from: string; to: string };

/** What a scenario wants of the gateway's bridge to the cloud. */
export type BridgePlan = {
  rules: readonly BridgeRule[];
  /** One for each rule and direction; no device subscribes to these topics. */
  probes: { up: readonly Probe[]; down: readonly Probe[] };
};

const name = "cloud";
/** Unacknowledged messages in each direction. */
export const inFlightMax = 100;
/** Small, so that a run sees many recoveries. */
const keepAliveSeconds = 3;
const connectSeconds = 3;
const retryMaxSeconds = 2;

/** The bridge as the gateway's `--set` takes it. */
export function bridgeSettings({ rules }: BridgePlan, port: number): string[] {
  const settings = {
    url: `mqtt://127.0.0.1:${port}`,
    keepAliveSeconds,
    connectSeconds,
    retryMaxSeconds,
    inFlightMax,
    topics: JSON.stringify(rules),
  };
  return Object.entries(settings).map(([key, value]) => `bridges.${name}.${key}=${value}`);
}
