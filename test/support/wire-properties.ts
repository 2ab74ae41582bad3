import { field } from "./frame.ts";
import { variableByteInteger } from "./variable-byte-integer.ts";

/** Every property of MQTT 5, with its identifier and the form of its value (table 2-4). */
export const propertyForms = {
  payloadFormatIndicator: [0x01, "byte"],
  messageExpiryInterval: [0x02, "uint32"],
  contentType: [0x03, "text"],
  responseTopic: [0x08, "text"],
  correlationData: [0x09, "bytes"],
  subscriptionIdentifier: [0x0b, "varint"],
  sessionExpiryInterval: [0x11, "uint32"],
  assignedClientIdentifier: [0x12, "text"],
  serverKeepAlive: [0x13, "uint16"],
  authenticationMethod: [0x15, "text"],
  authenticationData: [0x16, "bytes"],
  requestProblemInformation: [0x17, "byte"],
  willDelayInterval: [0x18, "uint32"],
  requestResponseInformation: [0x19, "byte"],
  responseInformation: [0x1a, "text"],
  serverReference: [0x1c, "text"],
  reasonString: [0x1f, "text"],
  receiveMaximum: [0x21, "uint16"],
  topicAliasMaximum: [0x22, "uint16"],
  topicAlias: [0x23, "uint16"],
  maximumQoS: [0x24, "byte"],
  retainAvailable: [0x25, "byte"],
  userProperty: [0x26, "pair"],
  maximumPacketSize: [0x27, "uint32"],
  wildcardSubscriptionAvailable: [0x28, "byte"],
  subscriptionIdentifiersAvailable: [0x29, "byte"],
  sharedSubscriptionAvailable: [0x2a, "byte"],
} as const;

export type PropertyName = keyof typeof propertyForms;
export type PropertyValue = number | string | Buffer | readonly [name: string, value: string];

/** One property as it stands on the wire; a packet has a list of them, in their order. */
export interface WireProperty {
  name: PropertyName;
  value: PropertyValue;
}

/** One property, in wire form. */
export function wireProperty({ name, value }: WireProperty): Buffer {
  const [id, form] = propertyForms[name];
  switch (form) {
    case "byte":
      return Buffer.from([id, value as number]);
    case "uint16":
      return Buffer.from([id, (value as number) >> 8, (value as number) & 255]);
    case "uint32": {
      const bytes = Buffer.from([id, 0, 0, 0, 0]);
      bytes.writeUInt32BE(value as number, 1);
      return bytes;
    }
    case "varint":
      return Buffer.from([id, ...variableByteInteger(value as number)]);
    case "pair": {
      const [key, text] = value as [string, string];
      return Buffer.concat([Buffer.from([id]), field(key), field(text)]);
    }
    default:
      return Buffer.concat([Buffer.from([id]), field(value as string | Buffer)]);
  }
}

/** A whole property section: its length and the properties. */
export function wireProperties(properties: readonly WireProperty[]): Buffer {
  const bytes = Buffer.concat(properties.map(wireProperty));
  return Buffer.concat([Buffer.from(variableByteInteger(bytes.length)), bytes]);
}
