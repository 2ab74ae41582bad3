import type { MqttClient } from "mqtt";
import { FleetError } from "./fleet-error.ts";
import { reasonText } from "./version5/reason-code.ts";
import { within } from "./within.ts";

export type Granted = { filter: string; qos: 0 | 1 | 2; identifier: number | undefined };
type Wanted = Readonly<Record<string, 0 | 1 | 2>>;

const answerMsMax = 5_000;

/**
 * Subscribes, in MQTT 5 with subscription identifiers if the gateway knows them (MQTT 5, 3.2.2.3.12).
 * @throws FleetError ERR_SUBSCRIPTION_REFUSED, ERR_TIMEOUT
 */
export async function subscribe(client: MqttClient, wanted: Wanted): Promise<Granted[]> {
  const { options, serverProperties } = client;
  if (options.protocolVersion !== 5 || serverProperties?.subscriptionIdentifiersAvailable === false) {
    return request(client, wanted);
  }
  const granted: Granted[] = [];
  // Each by itself: a subscription identifier is one of its whole SUBSCRIBE.
  for (const [filter, qos] of Object.entries(wanted)) {
    granted.push(...(await request(client, { [filter]: qos }, granted.length + 1)));
  }
  return granted;
}

async function request(client: MqttClient, wanted: Wanted, identifier?: number): Promise<Granted[]> {
  const filters = Object.fromEntries(Object.entries(wanted).map(([filter, qos]) => [filter, { qos }]));
  // MQTT.js takes the QoS from the filters and the properties from here, where its type wants a QoS too.
  const options = {
    qos: 0,
    ...(identifier === undefined ? {} : { properties: { subscriptionIdentifier: identifier } }),
  };
  const grants = await within(answerMsMax, "SUBACK", client.subscribeAsync(filters, options as { qos: 0 }));
  return grants.map(({ topic, qos }) => {
    if (qos > 2) throw new FleetError("ERR_SUBSCRIPTION_REFUSED", `SUBACK ${reasonText(qos)} for ${topic}`);
    return { filter: topic, qos: qos as 0 | 1 | 2, identifier };
  });
}
