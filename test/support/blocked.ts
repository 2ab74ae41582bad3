import type { Connection } from "../../src/device/connection.ts";
import type { Gateway } from "../../src/gateway.ts";
import type { RawClient } from "./raw-client.ts";

/** Resolves when the gateway has stopped reading this client for want of room. `other` is a client that it reads. */
export async function blocked(gateway: Gateway, clientId: string, other: RawClient): Promise<void> {
  const isBlocked = () => (gateway.broker.clients[clientId] as unknown as Connection | undefined)?.blocked === true;
  while (!isBlocked()) await other.ping();
  await other.ping();
}
