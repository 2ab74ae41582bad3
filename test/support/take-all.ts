import type { RawClient } from "./raw-client.ts";

/** Takes so many messages, each with its whole handshake, and returns their payloads. */
export async function takeAll(client: RawClient, count: number): Promise<string[]> {
  const payloads: string[] = [];
  while (payloads.length < count) {
    const { payload, qos, messageId } = await client.message();
    payloads.push(payload);
    if (qos === 1) client.send({ cmd: "puback", messageId: messageId as number });
    if (qos < 2) continue;
    client.send({ cmd: "pubrec", messageId: messageId as number });
    await client.next("pubrel");
    client.send({ cmd: "pubcomp", messageId: messageId as number });
  }
  await client.ping();
  return payloads;
}
