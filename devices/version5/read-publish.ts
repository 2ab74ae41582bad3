import { FleetError } from "../fleet-error.ts";
import type { UserProperty } from "./message-properties.ts";

/** What a PUBLISH of MQTT 5 says besides its payload, as it stands on the wire. */
export type WirePublish = {
  /** Empty where a topic alias stands for it. */
  topic: string;
  qos: number;
  /** 0 at QoS 0. */
  packetId: number;
  topicAlias: number | undefined;
  properties: WireProperties;
};

export type WireProperties = {
  payloadFormat: number | undefined;
  expirySeconds: number | undefined;
  contentType: string | undefined;
  responseTopic: string | undefined;
  correlationData: Buffer | undefined;
  subscriptionIdentifiers: number[];
  userProperties: UserProperty[];
};

/**
 * Reads the part of a PUBLISH between its fixed header and its payload. MQTT.js gathers user properties by their names,
 * which hides their order, so a device that judges it has to read for itself.
 * @throws FleetError ERR_MALFORMED
 */
export function readPublish(flags: number, body: Buffer): WirePublish {
  const fields = new Fields(body);
  const qos = (flags >> 1) & 3;
  const topic = fields.text();
  const packetId = qos === 0 ? 0 : fields.uint(2);
  const end = fields.varint() + fields.at;
  const read: WirePublish = {
    topic,
    qos,
    packetId,
    topicAlias: undefined,
    properties: {
      payloadFormat: undefined,
      expirySeconds: undefined,
      contentType: undefined,
      responseTopic: undefined,
      correlationData: undefined,
      subscriptionIdentifiers: [],
      userProperties: [],
    },
  };
  while (fields.at < end) readProperty(fields, read);
  if (fields.at !== end) throw malformed("its properties are longer than they say");
  return read;
}

function readProperty(fields: Fields, read: WirePublish): void {
  const { properties } = read;
  const identifier = fields.varint();
  switch (identifier) {
    case 0x01:
      properties.payloadFormat = fields.uint(1);
      return;
    case 0x02:
      properties.expirySeconds = fields.uint(4);
      return;
    case 0x03:
      properties.contentType = fields.text();
      return;
    case 0x08:
      properties.responseTopic = fields.text();
      return;
    case 0x09:
      properties.correlationData = Buffer.from(fields.bytes());
      return;
    case 0x0b:
      properties.subscriptionIdentifiers.push(fields.varint());
      return;
    case 0x23:
      read.topicAlias = fields.uint(2);
      return;
    case 0x26:
      properties.userProperties.push([fields.text(), fields.text()]);
      return;
    default:
      throw malformed(`it has a property 0x${identifier.toString(16)}, which is none of PUBLISH`);
  }
}

class Fields {
  at = 0;
  readonly #body: Buffer;

  constructor(body: Buffer) {
    this.#body = body;
  }

  uint(bytes: number): number {
    this.at += bytes;
    if (this.at > this.#body.length) throw malformed("it is cut off");
    return this.#body.readUIntBE(this.at - bytes, bytes);
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.uint(1);
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw malformed("a variable byte integer has more than four bytes");
  }

  bytes(): Buffer {
    const length = this.uint(2);
    this.at += length;
    if (this.at > this.#body.length) throw malformed("it is cut off");
    return this.#body.subarray(this.at - length, this.at);
  }

  text(): string {
    return this.bytes().toString();
  }
}

function malformed(why: string): FleetError {
  return new FleetError("ERR_MALFORMED", `malformed PUBLISH: ${why}`);
}
