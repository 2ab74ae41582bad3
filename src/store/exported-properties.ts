import { PublishProperties } from "../protocol/publish-properties.ts";
import { propertiesOfText, propertiesText } from "./properties-text.ts";

/** How an entry of an export has the properties of a message. */
export interface ExportedProperties {
  /** By the names of mqtt-packet; bytes are base64, user properties are pairs in their order. */
  properties?: object;
  /** ISO time. */
  expiresAt?: string;
}

/** `x` is how documents have them. */
export function exportedProperties(x: string | undefined): ExportedProperties {
  const all = x === undefined ? undefined : propertiesOfText(x);
  if (all === undefined) return {};
  const { expiresAt, ...properties } = all.toJSON();
  return expiresAt === undefined ? { properties } : { properties, expiresAt: new Date(expiresAt).toISOString() };
}

/** What documents have of an entry that was checked; undefined where it says nothing. */
export function documentProperties({ properties, expiresAt }: ExportedProperties): string | undefined {
  if (properties === undefined) return undefined;
  const all = PublishProperties.ofJson(properties);
  if (all === undefined) return undefined;
  if (expiresAt !== undefined) all.expiresAt = Date.parse(expiresAt);
  return propertiesText(all);
}
