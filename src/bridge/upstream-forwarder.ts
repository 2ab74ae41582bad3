import type { Connection } from "../device/connection.ts";
import type { DeviceContext } from "../device/device-context.ts";
import type { Forwarder } from "../device/forwarder.ts";
import type { Link } from "../device/link.ts";
import { type PublishExtras, publishBytes, writePublish } from "../protocol/publish-frame.ts";
import type { Message } from "../store/message.ts";
import type { TopicMapping } from "./topic-mapping.ts";

export interface UpstreamForwarderParts {
  readonly context: DeviceContext;
  readonly mapping: TopicMapping;
  /** What was sent, under the topic that it has there. `again`: with DUP. */
  readonly sent: (message: Message, topic: string, again: boolean) => void;
}

/** Writes messages as the upstream gets them: under its own topics, and saying where they came from. */
export class UpstreamForwarder implements Pick<Forwarder, "authorized" | "send" | "sendApart"> {
  readonly #parts: UpstreamForwarderParts;
  readonly #extras: { -readonly [Key in keyof PublishExtras]: PublishExtras[Key] } = {
    properties: null,
    expirySeconds: undefined,
    topicAlias: 0,
    subscriptionIdentifiers: null,
  };

  constructor(parts: UpstreamForwarderParts) {
    this.#parts = parts;
  }

  /** As the upstream takes it: it may not take the QoS. */
  authorized(message: Message, { terms: { qosMax = 2 } }: Link): Message {
    return message.qos > qosMax ? message.at(qosMax) : message;
  }

  send(message: Message, connection: Link): boolean {
    return this.sendApart(message, message.packetId, false, connection);
  }

  /** False where it is too large for the upstream. */
  sendApart(message: Message, packetId: number, again: boolean, connection: Link): boolean {
    const { context, mapping, sent } = this.#parts;
    const mapped = mapping.up(message.topic);
    const topic = mapped?.topic ?? message.topic;
    const { payload, qos, properties } = message;
    const retain =
      message.publishedRetained && mapped?.rule.retain === "keep" && connection.terms.retainAvailable !== false;
    const fields = { topic, payload, qos, retain };
    let extras: PublishExtras | null = null;
    if ((connection as Connection).version === 5) {
      this.#extras.properties = context.broker.provenance?.passedOn(properties) ?? null;
      this.#extras.expirySeconds = properties?.expiryAt(context.clock.now());
      extras = this.#extras;
    }
    const { packetBytesMax } = connection.terms;
    if (packetBytesMax !== Number.POSITIVE_INFINITY && publishBytes(fields, extras) > packetBytesMax) return false;
    const { buffer, start, end } = writePublish(context.frames, fields, packetId, again, extras);
    connection.send(buffer, start, end);
    context.counters.publishesSent++;
    sent(message, topic, again);
    return true;
  }
}
