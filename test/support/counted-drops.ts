import { RawClient } from "./raw-client.ts";

const BELOW = "$SYS/broker/publish/messages/dropped";

/** How many messages the gateway says below $SYS that it dropped, by reason; none of the reasons that there were not. */
export async function countedDrops(port: number): Promise<Record<string, number>> {
  const client = await RawClient.connected(port, { clientId: "reads the figures" });
  await client.subscribe({ [`${BELOW}/+`]: 0 });
  await client.ping();
  const counts: Record<string, number> = {};
  for (const packet of client.packets) {
    if (packet.cmd !== "publish" || Number(packet.payload) === 0) continue;
    counts[packet.topic.slice(BELOW.length + 1)] = Number(packet.payload);
  }
  await client.disconnect();
  return counts;
}
