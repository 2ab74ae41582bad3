import type { RawClient } from "./raw-client.ts";

/** Publishes and waits until the gateway has taken the message: the whole handshake of its QoS, a ping at QoS 0. */
export async function publishAcknowledged(
  client: RawClient,
  topic: string,
  payload: string,
  options: { qos?: 0 | 1 | 2; retain?: boolean; messageId?: number } = {},
): Promise<void> {
  const { qos = 1, retain = false, messageId = 1 } = options;
  if (qos === 0) {
    client.publish(topic, payload, { retain });
    return client.ping();
  }
  client.publish(topic, payload, { qos, retain, messageId });
  await client.next(qos === 1 ? "puback" : "pubrec");
  if (qos === 1) return;
  client.send({ cmd: "pubrel", messageId });
  await client.next("pubcomp");
}
