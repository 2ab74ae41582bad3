import { PublishProperties } from "./publish-properties.ts";
import { check, endOf, malformed, propertyId, violation } from "./publish-property-wire.ts";
import { reasonCode } from "./reason-code.ts";

/** What stands in the property section of one PUBLISH or will. Reused: read it before the next call. */
export interface ReadPublishProperties {
  properties: PublishProperties | undefined;
  /** 0 for none. */
  topicAlias: number;
  /** Of a will. */
  willDelaySeconds: number;
}

const result: ReadPublishProperties = { properties: undefined, topicAlias: 0, willDelaySeconds: 0 };

/**
 * Reads the properties of a PUBLISH that a client sent, or of its will, which lie from `start` to `end`.
 * @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION with its reason code
 */
export function readPublishProperties(
  chunk: Buffer,
  start: number,
  end: number,
  place: "PUBLISH" | "will" = "PUBLISH",
): ReadPublishProperties {
  let expiry: number | undefined;
  let alias = 0;
  let willDelay = 0;
  let seen = 0;
  let at = start;
  /** Runs of bytes that are forwarded; null while there is one only, from `start` on. */
  let runs: Buffer[] | null = null;
  let runStart = start;
  while (at < end) {
    const begin = at;
    const property = chunk[at] as number;
    at = endOf(chunk, property, at + 1, end);
    if (at > end) throw malformed("it ends in the middle of its properties");
    if (property !== propertyId.user) {
      const bit = property === propertyId.topicAlias ? 1 : 1 << property;
      if (seen & bit) throw violation(`property 0x${property.toString(16)} is there twice`);
      seen |= bit;
    }
    if (property === (place === "will" ? propertyId.topicAlias : propertyId.willDelay)) {
      throw malformed(`a property 0x${property.toString(16)} has no place in a ${place}`);
    }
    if (
      property === propertyId.topicAlias ||
      property === propertyId.messageExpiry ||
      property === propertyId.willDelay
    ) {
      if (property === propertyId.topicAlias) {
        alias = chunk.readUInt16BE(begin + 1);
        if (alias === 0) throw violation("the topic alias is 0", reasonCode.topicAliasInvalid); // [MQTT-3.3.2-8]
      } else if (property === propertyId.messageExpiry) expiry = chunk.readUInt32BE(begin + 1);
      else willDelay = chunk.readUInt32BE(begin + 1);
      runs ??= [];
      if (begin > runStart) runs.push(chunk.subarray(runStart, begin));
      runStart = at;
    } else check(chunk, property, begin + 1, at);
  }
  if (runs !== null && end > runStart) runs.push(chunk.subarray(runStart, end));
  const bytes =
    runs === null ? chunk.subarray(start, end) : runs.length === 1 ? (runs[0] as Buffer) : Buffer.concat(runs);
  result.topicAlias = alias;
  result.willDelaySeconds = willDelay;
  const isEmpty = bytes.length === 0 && expiry === undefined;
  result.properties = isEmpty ? undefined : new PublishProperties(bytes, expiry);
  return result;
}
