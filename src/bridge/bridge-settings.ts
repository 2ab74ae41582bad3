import type { GatewayConfig } from "../config/schema.ts";

/** What one bridge is told, as the configuration has it. */
export type BridgeSettings = GatewayConfig["bridges"][string];

/** What of it goes where. */
export type BridgeRule = BridgeSettings["topics"][number];
