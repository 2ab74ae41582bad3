import type { Fields } from "./fields.ts";
import { propertyId } from "./publish-property-wire.ts";

/** User properties: a value, or several in their order, for each name. */
export type UserProperties = Record<string, string | string[]>;

/** Properties of control packets (MQTT 5, 2.2.2.2), by the names that mqtt-packet and the hooks of aedes know. */
export interface Properties {
  sessionExpiryInterval?: number;
  receiveMaximum?: number;
  maximumPacketSize?: number;
  topicAliasMaximum?: number;
  requestResponseInformation?: boolean;
  requestProblemInformation?: boolean;
  authenticationMethod?: string;
  authenticationData?: Buffer;
  subscriptionIdentifier?: number;
  reasonString?: string;
  userProperties?: UserProperties;
}

/** Where properties stand; those of PUBLISH and of wills have a reader of their own, which keeps them in their order. */
export type PropertyPlace = "connect" | "acknowledgement" | "subscribe" | "unsubscribe" | "disconnect" | "auth";

type Name = Exclude<keyof Properties, "userProperties">;
type Read = (fields: Fields, name: string) => number | string | boolean | Buffer;

const byte: Read = (fields) => fields.byte();
const uint16: Read = (fields) => fields.uint16();
const uint32: Read = (fields) => fields.uint32();
const text: Read = (fields, name) => fields.text(name);
// Copied: what these say outlives the chunk that they came in.
const bytes: Read = (fields) => Buffer.from(fields.bytes());
const varint: Read = (fields) => fields.varint();
const flag: Read = (fields, name) => {
  const value = byte(fields, name) as number;
  if (value > 1) fields.violation(`${name} is neither 0 nor 1`);
  return value === 1;
};
const notZero =
  (read: Read): Read =>
  (fields, name) => {
    const value = read(fields, name);
    if (value === 0) fields.violation(`${name} is 0`);
    return value;
  };

const table = new Map<number, { name: Name; read: Read; places: readonly PropertyPlace[] }>([
  [propertyId.subscriptionIdentifier, { name: "subscriptionIdentifier", read: notZero(varint), places: ["subscribe"] }],
  [0x11, { name: "sessionExpiryInterval", read: uint32, places: ["connect", "disconnect"] }],
  [0x15, { name: "authenticationMethod", read: text, places: ["connect", "auth"] }],
  [0x16, { name: "authenticationData", read: bytes, places: ["connect", "auth"] }],
  [0x17, { name: "requestProblemInformation", read: flag, places: ["connect"] }],
  [0x19, { name: "requestResponseInformation", read: flag, places: ["connect"] }],
  [0x1f, { name: "reasonString", read: text, places: ["acknowledgement", "disconnect", "auth"] }],
  [0x21, { name: "receiveMaximum", read: notZero(uint16), places: ["connect"] }],
  [0x22, { name: "topicAliasMaximum", read: uint16, places: ["connect"] }],
  [0x27, { name: "maximumPacketSize", read: notZero(uint32), places: ["connect"] }],
]);

/**
 * Reads the properties at which `fields` stands; undefined where there are none.
 * @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION with its reason code
 */
export function readProperties(fields: Fields, place: PropertyPlace): Properties | undefined {
  const length = fields.varint();
  if (length === 0) return undefined;
  const properties: Properties = {};
  fields.within(length, () => {
    while (!fields.done) readProperty(fields, place, properties);
  });
  return properties;
}

function readProperty(fields: Fields, place: PropertyPlace, properties: Properties): void {
  const id = fields.varint();
  if (id === propertyId.user) {
    const name = fields.text("the name of a user property");
    properties.userProperties ??= Object.create(null) as UserProperties;
    addUserProperty(properties.userProperties, name, fields.text("the value of a user property"));
    return;
  }
  const row = table.get(id);
  if (!row?.places.includes(place)) {
    return fields.malformed(`it has a property 0x${id.toString(16)}, which is none of this packet`); // MQTT 5, 2.2.2.2
  }
  const { name, read } = row;
  if (properties[name] !== undefined) fields.violation(`${name} is there twice`);
  (properties as Record<string, unknown>)[name] = read(fields, name);
}

export function addUserProperty(all: UserProperties, name: string, value: string): void {
  const known = all[name];
  if (known === undefined) all[name] = value;
  else if (Array.isArray(known)) known.push(value);
  else all[name] = [known, value];
}
