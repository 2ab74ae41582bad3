import { isDeepStrictEqual } from "node:util";
import { PublishProperties } from "../../src/protocol/publish-properties.ts";

/** No world lives that long. */
const EXPIRY_SECONDS = 4_000_000_000;

/** What a message of a world says of itself: nothing, or all of it follows from its payload, so that a mix-up is noticed. */
export function worldProperties(text: string): { properties?: PublishProperties } {
  const number = Number(/\d+$/.exec(text)?.[0] ?? 0);
  if (number % 3 !== 0) return {};
  const properties = PublishProperties.of({
    contentType: text,
    messageExpiryInterval: EXPIRY_SECONDS + number,
    userProperties: { text: [text, "again"] },
  });
  properties?.startAt(number);
  return properties === undefined ? {} : { properties };
}

/** Whether a message with this payload says what it said when it was published. */
export function saysTheSame(text: string, properties: object | undefined): boolean {
  const json = (each: object | undefined) => (each as PublishProperties | undefined)?.toJSON();
  return isDeepStrictEqual(json(properties), json(worldProperties(text).properties));
}
