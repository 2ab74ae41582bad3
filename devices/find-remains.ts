import { setTimeout as delay } from "node:timers/promises";
import { connectAsync } from "mqtt";
import type { Gateway } from "./gateway.ts";

const answerMsMax = 5_000;
/** Retained messages may come after SUBACK, and nothing says which is the last. */
const settleMs = 300;

/** Topics below `root` on which the gateway still keeps a retained message. */
export async function findRemains(root: string, { url, wsUrl: _, ...credentials }: Gateway): Promise<string[]> {
  const remains: string[] = [];
  const client = await connectAsync(url, {
    ...credentials,
    protocolVersion: 4,
    reconnectPeriod: 0,
    connectTimeout: answerMsMax,
  });
  client.on("error", () => {});
  client.on("message", (topic) => remains.push(topic));
  await client.subscribeAsync(`${root}/#`, { qos: 1 });
  await delay(settleMs);
  await client.endAsync(true);
  return remains;
}
