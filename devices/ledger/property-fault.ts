import type { Stamp } from "../payload.ts";
import { messageProperties, type Wording } from "../version5/message-properties.ts";
import type { WireProperties } from "../version5/read-publish.ts";

export type ExpectedProperties = {
  stamp: Stamp;
  wording: Wording;
  /** Whether the publisher spoke MQTT 5; one that did not has said nothing. */
  sentBy5: boolean;
  /** Those of the receiver's subscriptions that the topic matches, ascending. */
  subscriptionIdentifiers: readonly number[];
  /** Bounds of the message expiry interval, for a message that was published with one. */
  expirySeconds: { min: number; max: number } | undefined;
};

/** What is wrong with the properties that an MQTT 5 receiver got, in words; undefined if they are as they were sent. */
export function propertyFault(expected: ExpectedProperties, got: WireProperties): string | undefined {
  const { stamp, wording, sentBy5, subscriptionIdentifiers, expirySeconds } = expected;
  const sent = sentBy5 ? messageProperties(stamp, wording) : undefined;
  const pairs: [string, unknown, unknown][] = [
    ["user properties", sent?.userProperties ?? [], got.userProperties], // [MQTT-3.3.2-17] [MQTT-3.3.2-18]
    ["content type", sent?.contentType, got.contentType], // [MQTT-3.3.2-20]
    ["response topic", sent?.responseTopic, got.responseTopic], // [MQTT-3.3.2-15]
    ["correlation data", sent?.correlationData.toString("hex"), got.correlationData?.toString("hex")], // [MQTT-3.3.2-16]
    ["payload format", undefined, got.payloadFormat], // [MQTT-3.3.2-4]
    // [MQTT-3.3.4-3] [MQTT-3.3.4-4]
    ["subscription identifiers", subscriptionIdentifiers, got.subscriptionIdentifiers.toSorted((a, b) => a - b)],
  ];
  for (const [what, wanted, came] of pairs) {
    const [wantedText, cameText] = [wanted, came].map((value) => JSON.stringify(value) ?? "none");
    if (wantedText !== cameText) return `${what} ${cameText} instead of ${wantedText}`;
  }
  if (!sentBy5 || expirySeconds === undefined) return undefined;
  const { min, max } = expirySeconds;
  const left = got.expirySeconds;
  if (left !== undefined && left >= min && left <= max) return undefined;
  return `message expiry ${left ?? "none"} instead of ${min} to ${max} s`; // [MQTT-3.3.2-6]
}
