import { RawClient } from "./raw-client.ts";

/** Makes a persistent session with these subscriptions, and leaves. */
export async function awayDevice(
  port: number,
  clientId: string,
  subscriptions: Record<string, 0 | 1 | 2>,
): Promise<void> {
  const client = await RawClient.connected(port, { clientId, clean: false });
  await client.subscribe(subscriptions);
  await client.disconnect();
}
