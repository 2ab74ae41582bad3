import { PublishProperties } from "../protocol/publish-properties.ts";
import { malformed } from "../protocol/publish-property-wire.ts";
import { readPublishProperties } from "../protocol/read-publish-properties.ts";
import { propertiesMistake } from "./properties-mistake.ts";

/** Separates the bytes, in base64, from what is counted down or belongs to one receiver: interval, expiry and identifier. */
const SEPARATOR = ";";

/** Properties of a message as files have them: in wire form, so that they stay as they came, and are read as quickly. */
export function propertiesText(properties: PublishProperties): string {
  const { bytes, messageExpiryInterval, expiresAt, subscriptionIdentifier } = properties;
  const text = bytes.toString("base64");
  if (messageExpiryInterval === undefined && subscriptionIdentifier === undefined) return text;
  return [text, messageExpiryInterval ?? "", expiresAt || "", subscriptionIdentifier ?? ""].join(SEPARATOR);
}

/**
 * What `propertiesText` wrote, or the JSON of format 1.
 * @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION where it is damaged
 */
export function propertiesOfText(text: string): PublishProperties | undefined {
  if (text.startsWith("{")) return propertiesOfJson(text);
  const [base64 = "", ...rest] = text.split(SEPARATOR);
  const bytes = Buffer.from(base64, "base64");
  const [interval, expiresAt, identifier] = rest.map((each) => (each === "" ? undefined : Number(each)));
  if (rest.some((each) => !/^\d{0,16}$/.test(each))) throw malformed("its expiry or identifier is damaged");
  const { properties: read, topicAlias } = readPublishProperties(bytes, 0, bytes.length);
  if (topicAlias > 0 || read?.messageExpiryInterval !== undefined) throw malformed("its properties are damaged");
  const properties = new PublishProperties(bytes, interval, identifier);
  if (expiresAt !== undefined) properties.expiresAt = expiresAt;
  return properties;
}

function propertiesOfJson(text: string): PublishProperties | undefined {
  let value: object;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(`its properties are damaged: ${(error as Error).message}`);
  }
  const mistake = propertiesMistake(value);
  if (mistake !== undefined) throw malformed(mistake);
  return PublishProperties.ofJson(value as never);
}
