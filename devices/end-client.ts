import type { MqttClient } from "mqtt";
import { within } from "./within.ts";

export const farewellMsMax = 3_000;

/**
 * Ends a client for good, with DISCONNECT if `politely`; `sessionExpirySeconds` goes along with MQTT 5. Says whether the
 * gateway had the time to hear it. Never throws, never hangs.
 */
export async function endClient(
  client: MqttClient,
  politely: boolean,
  sessionExpirySeconds?: number,
): Promise<boolean> {
  let isHeard = false;
  if (politely) {
    const expiry = sessionExpirySeconds === undefined ? undefined : { sessionExpiryInterval: sessionExpirySeconds };
    const packet = expiry === undefined ? {} : { properties: expiry };
    try {
      await within(farewellMsMax, "the end of the connection", client.endAsync(false, packet));
      isHeard = true;
    } catch {
      // A gateway that does not close its side is left with a closed one.
    }
  }
  client.stream.destroy();
  return isHeard;
}
