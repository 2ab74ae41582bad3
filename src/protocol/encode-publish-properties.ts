import { topicMistake } from "../topic/topic-rules.ts";
import { WaypostError } from "../waypost-error.ts";
import type { UserProperties } from "./properties.ts";
import { propertyId } from "./publish-property-wire.ts";

/** The properties of a PUBLISH as mqtt-packet and the hooks of aedes know them. */
export interface PublishPropertiesObject {
  payloadFormatIndicator?: boolean;
  messageExpiryInterval?: number;
  contentType?: string;
  responseTopic?: string;
  correlationData?: Buffer;
  userProperties?: UserProperties;
  subscriptionIdentifier?: number;
}

/** As files have them: user properties in their order, bytes in base64. */
export interface PublishPropertiesJson extends Omit<PublishPropertiesObject, "correlationData" | "userProperties"> {
  correlationData?: string;
  userProperties?: [string, string][];
  /** In milliseconds since the Unix epoch. */
  expiresAt?: number;
}

const EMPTY = Buffer.alloc(0);

/**
 * Those that are forwarded as they are, in wire form. What comes over the wire is checked when it is read; this comes from
 * someone who embeds the broker, and is checked here.
 * @throws ERR_PROTOCOL_VIOLATION
 */
export function encodePublishProperties(
  object: Omit<PublishPropertiesObject, "messageExpiryInterval" | "subscriptionIdentifier">,
): Buffer {
  const parts: Buffer[] = [];
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = object;
  if (payloadFormatIndicator !== undefined && payloadFormatIndicator !== null) {
    parts.push(Buffer.from([propertyId.payloadFormat, payloadFormatIndicator ? 1 : 0]));
  }
  if (contentType !== undefined) parts.push(Buffer.from([propertyId.contentType]), textOf(contentType, "contentType"));
  const mistake = typeof responseTopic === "string" ? topicMistake(responseTopic) : undefined;
  if (mistake !== undefined) throw unfit("responseTopic", `a topic name: ${mistake}`); // [MQTT-3.3.2-14]
  if (responseTopic !== undefined)
    parts.push(Buffer.from([propertyId.responseTopic]), textOf(responseTopic, "responseTopic"));
  if (correlationData !== undefined) {
    if (typeof correlationData !== "string" && !(correlationData instanceof Uint8Array))
      throw unfit("correlationData", "bytes");
    parts.push(Buffer.from([propertyId.correlationData]), withLength(Buffer.from(correlationData), "correlationData"));
  }
  for (const [name, value] of pairsOf(userProperties)) {
    const what = "a name or value of userProperties";
    parts.push(Buffer.from([propertyId.user]), textOf(name, what), textOf(value, what));
  }
  if (parts.length === 0) return EMPTY;
  return Buffer.concat(parts);
}

/** User properties as an object of values and lists of values, or, in their order, as a list of pairs. */
function pairsOf(userProperties: unknown): [string, string][] {
  if (userProperties === undefined || userProperties === null) return [];
  if (typeof userProperties !== "object") throw unfit("userProperties", "an object");
  if (Array.isArray(userProperties)) {
    if (userProperties.every((each) => Array.isArray(each) && each.length === 2)) return userProperties;
    throw unfit("userProperties", "an object, or a list of pairs");
  }
  return Object.entries(userProperties).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each): [string, string] => [name, each]),
  );
}

function textOf(value: unknown, what: string): Buffer {
  if (typeof value !== "string" || /[\0\p{Surrogate}]/u.test(value)) throw unfit(what, "text");
  return withLength(Buffer.from(value), what);
}

function withLength(value: Buffer, what: string): Buffer {
  if (value.length > 65_535) throw unfit(what, "of at most 65,535 bytes");
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value.length);
  return Buffer.concat([length, value]);
}

/** @throws ERR_PROTOCOL_VIOLATION unless it is undefined, or a whole number from `min` to `max` */
export function checkWholeNumber(what: string, value: unknown, min: number, max: number): void {
  if (value === undefined || (Number.isInteger(value) && (value as number) >= min && (value as number) <= max)) return;
  throw unfit(what, `a whole number from ${min} to ${max}`);
}

function unfit(what: string, mustBe: string): WaypostError {
  return new WaypostError("ERR_PROTOCOL_VIOLATION", `the property ${what} of a message must be ${mustBe}`);
}
