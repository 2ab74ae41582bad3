import { RawClient } from "./raw-client.ts";
import { startGateway } from "./start-gateway.ts";

/**
 * A gateway, a publisher, and a subscriber to `t/#` at the given QoS; both have persistent sessions. `back` connects
 * the subscriber again.
 */
export async function devicePair(qos: 0 | 1 | 2, changes: object = {}) {
  const running = await startGateway(changes);
  const publisher = await RawClient.connected(running.port, { clientId: "publisher", clean: false });
  const subscriber = await RawClient.connected(running.port, { clientId: "subscriber", clean: false });
  await subscriber.subscribe({ "t/#": qos });
  const back = () => RawClient.connected(running.port, { clientId: "subscriber", clean: false });
  return { ...running, publisher, subscriber, back };
}
