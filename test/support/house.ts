import type { ManualClock } from "./manual-clock.ts";
import { RawClient } from "./raw-client.ts";
import { startGateway } from "./start-gateway.ts";

/** A gateway, a publisher, and a way to connect the device `device`, with a persistent session unless told otherwise. */
export async function house(changes: object = {}, clock?: ManualClock) {
  const running = await startGateway(changes, clock);
  const publisher = await RawClient.connected(running.port, { clientId: "publisher" });
  const device = (options: { clientId?: string; clean?: boolean } = {}) =>
    RawClient.connected(running.port, { clientId: "device", clean: false, ...options });
  return { ...running, publisher, device };
}
