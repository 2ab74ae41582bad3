import { setTimeout as delay } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { clientIdOf } from "./client-id.ts";
import { FleetError } from "./fleet-error.ts";
import type { Gateway } from "./gateway.ts";
import { decodePayload } from "./payload.ts";

const answerMsMax = 5_000;
/** A queue gives what it has at once; nothing says that it has nothing. */
const settleMs = 300;

/** A last worker: the jobs that queues still hold. It takes them out. @throws FleetError */
export async function findLeftovers(
  queues: readonly string[],
  { url, wsUrl: _, ...credentials }: Gateway,
): Promise<string[]> {
  if (queues.length === 0) return [];
  const leftovers: string[] = [];
  const client = await connectAsync(url, {
    ...credentials,
    clientId: clientIdOf(queues[0]!, "last"),
    protocolVersion: 4,
    reconnectPeriod: 0,
    connectTimeout: answerMsMax,
  });
  client.on("error", () => {});
  client.on("message", (topic, payload, { dup }) => leftovers.push(nameOf(topic, payload, dup)));
  try {
    for (const { topic, qos } of await client.subscribeAsync(
      queues.map((queue) => `$queue/${queue}`),
      { qos: 1 },
    )) {
      if (qos > 2) throw new FleetError("ERR_SUBSCRIPTION_REFUSED", `the gateway has no queue for ${topic}`);
    }
    await delay(settleMs);
  } finally {
    await client.endAsync(true);
  }
  return leftovers;
}

function nameOf(topic: string, payload: Buffer, dup: boolean): string {
  const decoded = decodePayload(payload);
  const number = "torn" in decoded ? "one" : `number ${decoded.stamp.sequence}`;
  return `${number} of ${topic}${dup ? ", with DUP" : ""}`;
}
