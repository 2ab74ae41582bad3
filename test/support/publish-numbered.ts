import type { RawClient } from "./raw-client.ts";

/** Publishes messages numbered from `from` to `to` on `t/n` at one QoS, and waits until the gateway has taken all. */
export async function publishNumbered(publisher: RawClient, qos: 0 | 1 | 2, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) publisher.publish("t/n", `${n}`, { qos, messageId: n });
  await publisher.ping();
  if (qos === 2) for (let n = from; n <= to; n++) publisher.send({ cmd: "pubrel", messageId: n });
  await publisher.ping();
}
