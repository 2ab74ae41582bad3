import type { MqttClient } from "mqtt";
import { within } from "./within.ts";

export const farewellMsMax = 3_000;

/** Ends a client for good, with DISCONNECT if `politely`. Never throws, never hangs. */
export async function endClient(client: MqttClient, politely: boolean): Promise<void> {
  if (politely) {
    try {
      await within(farewellMsMax, "the end of the connection", client.endAsync());
    } catch {
      // A gateway that does not close its side is left with a closed one.
    }
  }
  client.stream.destroy();
}
