import type { RawClient } from "./raw-client.ts";

export type ReceivedMessage = Awaited<ReturnType<RawClient["message"]>>;

/** Takes all messages that the gateway has sent to this client; other packets stay where they are. */
export async function messagesSoFar(client: RawClient): Promise<ReceivedMessage[]> {
  await client.ping();
  const messages: ReceivedMessage[] = [];
  while (client.packets.some(({ cmd }) => cmd === "publish")) messages.push(await client.message());
  return messages;
}

/** The payloads of all messages that the gateway has sent to this client. */
export async function payloadsSoFar(client: RawClient): Promise<string[]> {
  return (await messagesSoFar(client)).map(({ payload }) => payload);
}
