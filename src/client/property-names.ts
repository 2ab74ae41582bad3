/** How the value of a property is written on the command line. */
export type PropertyKind =
  | { kind: "number"; min: number; max: number }
  | { kind: "flag" }
  | { kind: "text" }
  | { kind: "topic" }
  | { kind: "bytes" }
  | { kind: "pair" };

/** The packets that -D can name, a will taken for one. */
export type PropertyPlace = "connect" | "publish" | "subscribe" | "will" | "disconnect";

const uint16 = (min: number): PropertyKind => ({ kind: "number", min, max: 0xffff });
const uint32 = (min: number): PropertyKind => ({ kind: "number", min, max: 0xffff_ffff });
const flag: PropertyKind = { kind: "flag" };
const text: PropertyKind = { kind: "text" };
const topic: PropertyKind = { kind: "topic" };
const bytes: PropertyKind = { kind: "bytes" };

export const userProperty = "user-property";

const ofMessage: [string, PropertyKind][] = [
  ["payload-format-indicator", flag],
  ["message-expiry-interval", uint32(0)],
  ["content-type", text],
  ["response-topic", topic],
  ["correlation-data", bytes],
  [userProperty, { kind: "pair" }],
];

/** What each packet can carry (MQTT 5, 2.2.2.2), by the names that mosquitto_pub and mosquitto_sub use. */
export const propertiesOf: Readonly<Record<PropertyPlace, ReadonlyMap<string, PropertyKind>>> = {
  connect: new Map([
    ["session-expiry-interval", uint32(0)],
    ["receive-maximum", uint16(1)],
    ["maximum-packet-size", uint32(1)],
    ["topic-alias-maximum", uint16(0)],
    ["request-response-information", flag],
    ["request-problem-information", flag],
    ["authentication-method", text],
    ["authentication-data", bytes],
    [userProperty, { kind: "pair" }],
  ]),
  publish: new Map([...ofMessage, ["topic-alias", uint16(1)]]),
  subscribe: new Map([
    ["subscription-identifier", { kind: "number", min: 1, max: 268_435_455 }],
    [userProperty, { kind: "pair" }],
  ]),
  will: new Map([...ofMessage, ["will-delay-interval", uint32(0)]]),
  disconnect: new Map([
    ["session-expiry-interval", uint32(0)],
    [userProperty, { kind: "pair" }],
  ]),
};
