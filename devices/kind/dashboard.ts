import type { Behaviour } from "../device.ts";

/** Watches over WebSocket by wildcards. It only looks; the ledger counts what it sees. */
export function dashboard(subscriptions: Readonly<Record<string, 0 | 1 | 2>>): Behaviour {
  return { transport: "websocket", subscriptions, channels: [] };
}
