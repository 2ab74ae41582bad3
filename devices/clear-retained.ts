import type { MqttClient } from "mqtt";
import { within } from "./within.ts";

const answerMsMax = 5_000;

/** Takes back what a device left retained, and waits for the acknowledgements. @throws FleetError ERR_TIMEOUT */
export async function clearRetained(client: MqttClient, topics: readonly string[]): Promise<void> {
  const cleared = topics.map((topic) => client.publishAsync(topic, "", { qos: 1, retain: true }));
  await within(answerMsMax, "PUBACK", Promise.all(cleared));
}
