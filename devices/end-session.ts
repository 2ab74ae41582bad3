import { connect, type MqttClient } from "mqtt";
import { awaitConnack } from "./await-connack.ts";
import { clientOptions, type LinkOptions } from "./client-options.ts";
import { endClient } from "./end-client.ts";

/**
 * Ends a persistent session for good, and its client. With 3.1.1 by a clean session; with MQTT 5 by a DISCONNECT that
 * takes its expiry back, and then looks whether it is gone. Gives what went wrong, if anything did.
 * @throws FleetError ERR_GATEWAY_UNREACHABLE
 */
export async function endSession(
  client: MqttClient,
  options: LinkOptions,
  failure: string,
): Promise<string | undefined> {
  const { properties, ...rest } = clientOptions(options);
  const isVersion5 = options.version === 5;
  const wasTakenBack = (await endClient(client, true, isVersion5 ? 0 : undefined)) && isVersion5;
  const last = connect(options.url, { ...rest, clean: !wasTakenBack }); // [MQTT-3.1.2-6] [MQTT-3.1.2-4]
  last.on("error", () => {});
  try {
    const { sessionPresent } = await awaitConnack(last, failure);
    return sessionPresent ? "a session was still there after its end" : undefined; // [MQTT-3.1.2-23]
  } finally {
    await endClient(last, last.connected);
  }
}
