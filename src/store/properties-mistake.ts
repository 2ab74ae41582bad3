import { PublishProperties } from "../protocol/publish-properties.ts";
import { WaypostError } from "../waypost-error.ts";

/** The last moment that a `Date` can be, in milliseconds since the Unix epoch. */
export const TIME_MAX = 8.64e15;

const SUBSCRIPTION_IDENTIFIER_MAX = 268_435_455;

/** What is wrong with properties of a message as files have them, parsed; undefined where `PublishProperties.ofJson` can read them. */
export function propertiesMistake(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "they are no map";
  const { expiresAt, subscriptionIdentifier, userProperties } = value as Record<string, unknown>;
  if (expiresAt !== undefined && !isWithin(expiresAt, 0, TIME_MAX)) return "expiresAt is no time";
  if (subscriptionIdentifier !== undefined) {
    const isIdentifier = Number.isInteger(subscriptionIdentifier);
    if (!isIdentifier || !isWithin(subscriptionIdentifier, 0, SUBSCRIPTION_IDENTIFIER_MAX)) {
      return `subscriptionIdentifier must be a whole number from 0 to ${SUBSCRIPTION_IDENTIFIER_MAX}`;
    }
  }
  if (Array.isArray(userProperties) && !userProperties.every(isPair)) {
    return "userProperties must be a list of pairs: the name and the value of each";
  }
  try {
    PublishProperties.ofJson(value);
    return undefined;
  } catch (error) {
    return error instanceof WaypostError ? error.message : "they cannot be read";
  }
}

function isPair(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2;
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return typeof value === "number" && value >= min && value <= max;
}
