import { testConfig } from "../support/start-gateway.ts";
import type { House } from "./multicast-house.ts";

export const back = { livesSeconds: 3600 };
export const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => `${from + n}`);

export async function publishAll(
  running: House,
  topic: string,
  payloads: readonly string[],
  more: object = {},
): Promise<void> {
  const publisher = await running.device("publisher");
  for (const payload of payloads) await publisher.publishWhole(topic, payload, { qos: 1, ...more });
  await publisher.disconnect();
}

/** Everything that the device gets now, settled. */
export async function readOf(running: House, id: string, filter?: string): Promise<string[]> {
  const device = await running.device(id, back);
  if (filter !== undefined) await device.subscribe({ [filter]: 1 });
  const read = (await device.takeAll()).map(({ payload }) => payload);
  await device.disconnect();
  return read;
}

/** Publishes without waiting for anything, from within the gateway. */
export function publishInside({ gateway }: House, topic: string, payload: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const packet = {
      cmd: "publish" as const,
      topic,
      payload: Buffer.from(payload),
      qos: 1 as const,
      retain: false,
      dup: false,
    };
    gateway.broker.publish(packet, (error?: unknown) => (error ? reject(error) : resolve()));
  });
}

export function reload({ gateway, directory }: House, queues: object) {
  return gateway.reconfigure(testConfig({ store: { engine: "nedb", directory }, queues }));
}

export const queue = (name: string) => ({ kind: "queue", name }) as const;
export const mailbox = (name: string) => ({ kind: "device", name }) as const;
