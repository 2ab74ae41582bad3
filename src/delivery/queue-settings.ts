import type { GatewayConfig } from "../config/schema.ts";

/** What a queue may be told, as the configuration has it. */
export type QueueSettings = GatewayConfig["queues"][string];

/** A set of devices that a multicast reaches. */
export type GroupSettings = GatewayConfig["groups"][string];
