import { userInfo } from "node:os";
import type { Bridging, Storing } from "./storing.ts";

/** Its file as a broker of the comparison; `storeFolder` exists, and is used where it must keep messages. */
export function mosquittoConfig(port: number, storeFolder: string, storing?: Storing): string {
  // All else is its default: max_queued_messages 1000, max_inflight_messages 20, no TCP_NODELAY, no persistence.
  return [
    ...openListener(port),
    ...(storing === undefined ? [] : keepEverything(storeFolder)),
    ...(storing?.bridge === undefined ? [] : bridgeUp(storing.bridge)),
    "",
  ].join("\n");
}

/**
 * Its file as the upstream of a bridge, which keeps whatever it is sent, in memory. TCP_NODELAY would have it send more
 * and smaller packets: it would be the slower for it, and what is live is hardly the sooner there.
 * @param inFlightMax - undefined: its default, which an MQTT 5 bridge is told as receive maximum 20
 */
export function upstreamConfig(port: number, inFlightMax: number | undefined): string {
  return [
    ...openListener(port),
    "persistence false",
    "max_queued_messages 0",
    "max_queued_bytes 0",
    ...inFlight(inFlightMax),
    "",
  ].join("\n");
}

function openListener(port: number): string[] {
  return [`listener ${port} 127.0.0.1`, "allow_anonymous true"];
}

function keepEverything(storeFolder: string): string[] {
  return [
    "persistence true",
    `persistence_location ${storeFolder}/`,
    "max_queued_messages 0",
    "max_queued_bytes 0",
    // Started by root it would become a user who cannot write there.
    `user ${userInfo().username}`,
  ];
}

// The settings of a connection follow those of the broker.
function bridgeUp({ upstreamPort, filters, inFlightMax }: Bridging): string[] {
  return [
    ...inFlight(inFlightMax),
    "connection bench",
    `address 127.0.0.1:${upstreamPort}`,
    ...filters.map((filter) => `topic ${filter} out 1`),
    "cleansession false",
    "notifications false",
    "restart_timeout 1",
  ];
}

function inFlight(max: number | undefined): string[] {
  return max === undefined ? [] : [`max_inflight_messages ${max}`];
}
