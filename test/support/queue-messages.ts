import { configSchema } from "../../src/config/schema.ts";
import type { QueueSettings } from "../../src/delivery/queue-settings.ts";
import { Message } from "../../src/store/message.ts";

/** The settings of a queue, complete. */
export function queueSettings(changes: object = {}): QueueSettings {
  return configSchema.parse({ queues: { jobs: changes } }).queues.jobs as QueueSettings;
}

/** A message that came as the so-many-th. `userProperties` as MQTT 5 has them. */
export function queueMessage(
  sequence: number,
  { topic = "jobs/a", payload = `${sequence}`, userProperties = {}, publishedAt = 1000, qos = 1 as 0 | 1 | 2 } = {},
): Message {
  const properties = Object.keys(userProperties).length === 0 ? {} : { properties: { userProperties } };
  const packet = {
    cmd: "publish" as const,
    brokerId: "gateway",
    brokerCounter: sequence,
    topic,
    qos,
    retain: false,
    dup: false,
  };
  const message = new Message({ ...packet, payload: Buffer.from(payload), ...properties } as never, qos, false);
  message.publishedAt = publishedAt;
  return message;
}
