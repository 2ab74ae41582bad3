import { isUtf8 } from "node:buffer";
import { WaypostError } from "../waypost-error.ts";
import { reasonCode } from "./reason-code.ts";

/** Property identifiers of PUBLISH (MQTT 5, 3.3.2.3). */
export const propertyId = {
  payloadFormat: 0x01,
  messageExpiry: 0x02,
  contentType: 0x03,
  responseTopic: 0x08,
  correlationData: 0x09,
  subscriptionIdentifier: 0x0b,
  /** In a will only. */
  willDelay: 0x18,
  topicAlias: 0x23,
  user: 0x26,
} as const;

/** Where the property whose value begins at `at` ends; beyond `end` where it is cut off. */
export function endOf(chunk: Buffer, property: number, at: number, end: number): number {
  switch (property) {
    case propertyId.payloadFormat:
      return at + 1;
    case propertyId.topicAlias:
      return at + 2;
    case propertyId.messageExpiry:
    case propertyId.willDelay:
      return at + 4;
    case propertyId.contentType:
    case propertyId.responseTopic:
    case propertyId.correlationData:
      return at + 2 > end ? end + 1 : at + 2 + chunk.readUInt16BE(at);
    case propertyId.user: {
      const value = at + 2 > end ? end + 1 : at + 2 + chunk.readUInt16BE(at);
      return value + 2 > end ? end + 1 : value + 2 + chunk.readUInt16BE(value);
    }
    case propertyId.subscriptionIdentifier:
      throw violation("a subscription identifier, which only a server sends"); // [MQTT-3.3.4-6]
    default:
      throw malformed(`it has a property 0x${property.toString(16)}, which is none of this packet`);
  }
}

export function check(chunk: Buffer, property: number, at: number, end: number): void {
  switch (property) {
    case propertyId.payloadFormat:
      if ((chunk[at] as number) > 1) throw violation("the payload format indicator is neither 0 nor 1");
      return;
    case propertyId.contentType:
      return checkText(chunk, at + 2, end, "the content type"); // [MQTT-3.3.2-19]
    case propertyId.responseTopic:
      checkText(chunk, at + 2, end, "the response topic"); // [MQTT-3.3.2-13]
      if (end === at + 2) throw violation("the response topic is empty");
      for (let i = at + 2; i < end; i++) {
        if (chunk[i] === 43 || chunk[i] === 35) throw violation("the response topic contains a wildcard"); // [MQTT-3.3.2-14]
      }
      return;
    case propertyId.user: {
      const nameEnd = at + 2 + chunk.readUInt16BE(at);
      checkText(chunk, at + 2, nameEnd, "the name of a user property");
      return checkText(chunk, nameEnd + 2, end, "the value of a user property");
    }
  }
}

function checkText(chunk: Buffer, start: number, end: number, what: string): void {
  let isAscii = true;
  for (let i = start; i < end; i++) {
    const byte = chunk[i] as number;
    if (byte === 0) throw malformed(`${what} contains U+0000`); // [MQTT-1.5.4-2]
    if (byte > 127) isAscii = false;
  }
  if (!isAscii && !isUtf8(chunk.subarray(start, end))) throw malformed(`${what} is not valid UTF-8`); // [MQTT-1.5.4-1]
}

/** Calls back for each property in valid wire form, with the bytes of its value, their length left out where one value has one. */
export function walk(bytes: Buffer, visit: (property: number, value: Buffer) => void): void {
  for (let at = 0; at < bytes.length; ) {
    const property = bytes[at] as number;
    const end = endOf(bytes, property, at + 1, bytes.length);
    const hasLength = property !== propertyId.payloadFormat && property !== propertyId.user;
    visit(property, bytes.subarray(at + (hasLength ? 3 : 1), end));
    at = end;
  }
}

export function find(bytes: Buffer, wanted: number): Buffer | undefined {
  let found: Buffer | undefined;
  walk(bytes, (property, value) => {
    if (property === wanted) found ??= value;
  });
  return found;
}

export function malformed(why: string): WaypostError {
  return new WaypostError("ERR_MALFORMED_PACKET", `malformed PUBLISH: ${why}`);
}

export function violation(why: string, code: number = reasonCode.protocolError): WaypostError {
  return new WaypostError("ERR_PROTOCOL_VIOLATION", `protocol error in PUBLISH: ${why}`, { reasonCode: code });
}
