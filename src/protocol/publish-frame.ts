import { WaypostError } from "../waypost-error.ts";
import type { FrameReader } from "./frame-reader.ts";
import { packetType, type QoS } from "./packet-type.ts";
import type { PublishProperties } from "./publish-properties.ts";
import { propertyId } from "./publish-property-wire.ts";
import { readPublishProperties } from "./read-publish-properties.ts";
import type { InboundAliases } from "./topic-aliases.ts";
import type { TopicReader } from "./topic-reader.ts";
import { lengthBytes, readLength, writeLength } from "./variable-length.ts";
import type { WireSlab } from "./wire-slab.ts";

/** What a PUBLISH frame is written from (MQTT 3.1.1, 3.3). `packetId` is written for QoS 1 and 2 only. */
export interface PublishFields {
  topic: string;
  payload: Buffer;
  qos: QoS;
  retain: boolean;
}

/** What a PUBLISH of MQTT 5 says beyond the fields of 3.1.1. */
export interface PublishExtras {
  /** Those that are forwarded as they are, in wire form; null for none. */
  properties: Buffer | null;
  /** Message Expiry Interval; undefined for none. */
  expirySeconds: number | undefined;
  /** 0 for none; negative where the topic goes along. */
  topicAlias: number;
  /** Of the subscriptions that match; null for none. */
  subscriptionIdentifiers: readonly number[] | null;
}

/** Writers of Node's Buffer that its types leave out; `write` chooses among them by name at each call. */
type NativeBuffer = Buffer & {
  latin1Write(text: string, at: number, bytes: number): number;
  utf8Write(text: string, at: number, bytes: number): number;
};

/** Where a written frame lies in the slab's buffer at the time of writing. */
export interface FramePlace {
  buffer: Buffer;
  start: number;
  /** Where the packet id lies; -1 at QoS 0. */
  packetIdAt: number;
  payloadAt: number;
  end: number;
}

/** Reused for every frame: read it before the next call. */
const place: FramePlace = { buffer: Buffer.alloc(0), start: 0, packetIdAt: -1, payloadAt: 0, end: 0 };

/** A PUBLISH as it came in. `payload` is a slice of the chunk; `messageId` is 0 at QoS 0. */
export interface PublishPacket extends PublishFields {
  cmd: "publish";
  dup: boolean;
  messageId: number;
  properties?: PublishProperties | undefined;
  /** These very bytes can be sent on to a peer of the same protocol version. */
  isPlain: boolean;
}

/**
 * Reads the frame that the reader stands on. `aliases` are those of an MQTT 5 connection; null for 3.1.1 and 3.1.
 * @throws ERR_MALFORMED_PACKET, ERR_TOPIC_INVALID, ERR_PROTOCOL_VIOLATION with its reason code
 */
export function readPublish(frame: FrameReader, topics: TopicReader, aliases: InboundAliases | null): PublishPacket {
  const { chunk, body, end } = frame;
  const first = chunk[frame.start] as number;
  const qos = (first >> 1) & 3;
  const dup = (first & 8) !== 0;
  if (qos === 3) throw malformed("its QoS is 3"); // [MQTT-3.3.1-4]
  if (qos === 0 && dup) throw malformed("DUP is set at QoS 0"); // [MQTT-3.3.1-2]
  if (body + 2 > end) throw malformed("it has no topic");
  const topicEnd = body + 2 + (((chunk[body] as number) << 8) | (chunk[body + 1] as number));
  let payloadAt = topicEnd + (qos > 0 ? 2 : 0);
  if (payloadAt > end) throw malformed("it ends in the middle of a field");
  let messageId = 0;
  if (qos > 0) {
    messageId = ((chunk[topicEnd] as number) << 8) | (chunk[topicEnd + 1] as number);
    if (messageId === 0) throw malformed("its packet id is 0"); // [MQTT-2.3.1-1]
  }
  let topic: string;
  let properties: PublishProperties | undefined;
  // Not where its length is longer than it need be, which peers may take for malformed [MQTT-1.5.5-1].
  let isPlain = first === 0x30 && body - frame.start === 1 + lengthBytes(end - body);
  if (aliases === null) topic = topics.read(chunk, body + 2, topicEnd);
  else if (chunk[payloadAt] === 0 && payloadAt < end && topicEnd > body + 2) {
    topic = topics.read(chunk, body + 2, topicEnd);
    payloadAt++;
  } else {
    // Apart, so that V8 can put this function into its caller.
    ({ topic, properties, payloadAt } = readWithProperties(frame, topics, aliases, topicEnd, payloadAt));
    isPlain = false;
  }
  const payload = chunk.subarray(payloadAt, end);
  const retain = (first & 1) === 1;
  const packet: PublishPacket = { cmd: "publish", topic, payload, qos: qos as QoS, retain, dup, messageId, isPlain };
  // Not there at all where there are none: aedes copies what is there, and a QoS 0 message feels that.
  if (properties !== undefined) packet.properties = properties;
  return packet;
}

function readWithProperties(
  { chunk, body, end }: FrameReader,
  topics: TopicReader,
  aliases: InboundAliases,
  topicEnd: number,
  lengthAt: number,
): { topic: string; properties: PublishProperties | undefined; payloadAt: number } {
  const propertyBytes = readLength(chunk, lengthAt, end);
  const propertiesAt = lengthAt + lengthBytes(propertyBytes);
  const payloadAt = propertiesAt + propertyBytes;
  if (payloadAt > end) throw malformed("it ends in the middle of its properties");
  const { properties, topicAlias } = readPublishProperties(chunk, propertiesAt, payloadAt);
  const hasTopic = topicEnd > body + 2;
  if (!hasTopic && topicAlias === 0) throw violation("it has neither a topic nor a topic alias");
  if (hasTopic && topicAlias > 0) aliases.unset(topicAlias);
  const topic = hasTopic ? topics.read(chunk, body + 2, topicEnd) : "";
  return { topic: topicAlias > 0 ? aliases.resolve(topicAlias, topic) : topic, properties, payloadAt };
}

/** The id of a PUBLISH that could not be read because its topic is not accepted, so that it can be acknowledged. */
export function packetIdOfPublish({ chunk, body }: FrameReader): number {
  return chunk.readUInt16BE(body + 2 + chunk.readUInt16BE(body));
}

function malformed(why: string): WaypostError {
  return new WaypostError("ERR_MALFORMED_PACKET", `malformed PUBLISH: ${why}`);
}

function violation(why: string): WaypostError {
  return new WaypostError("ERR_PROTOCOL_VIOLATION", `protocol error in PUBLISH: ${why}`);
}

/** Writes one PUBLISH frame into the slab. `extras` is null for MQTT 3.1.1 and 3.1. */
export function writePublish(
  slab: WireSlab,
  fields: PublishFields,
  packetId: number,
  dup: boolean,
  extras: PublishExtras | null,
): FramePlace {
  const { payload, qos } = fields;
  const topic = extras !== null && extras.topicAlias > 0 ? "" : fields.topic;
  const topicBytes = Buffer.byteLength(topic);
  const propertyBytes = extras === null ? 0 : bytesOf(extras);
  const ofExtras = extras === null ? 0 : lengthBytes(propertyBytes) + propertyBytes;
  const remaining = 2 + topicBytes + (qos > 0 ? 2 : 0) + ofExtras + payload.length;
  const start = slab.reserve(1 + lengthBytes(remaining) + remaining);
  const buffer = slab.buffer;
  let at = start;
  buffer[at++] = (packetType.publish << 4) | (dup ? 8 : 0) | (qos << 1) | (fields.retain ? 1 : 0);
  at = writeLength(buffer, at, remaining);
  buffer[at++] = topicBytes >> 8;
  buffer[at++] = topicBytes & 255;
  if (topicBytes === topic.length) (buffer as NativeBuffer).latin1Write(topic, at, topicBytes);
  else (buffer as NativeBuffer).utf8Write(topic, at, topicBytes);
  at += topicBytes;
  place.packetIdAt = -1;
  if (qos > 0) {
    place.packetIdAt = at;
    buffer[at++] = packetId >> 8;
    buffer[at++] = packetId & 255;
  }
  if (extras !== null) {
    if (propertyBytes === 0) buffer[at++] = 0;
    else at = writeExtras(buffer, writeLength(buffer, at, propertyBytes), extras);
  }
  place.payloadAt = at;
  // Measured: below about a hundred bytes the loop is quicker than the call into native code.
  if (payload.length < 96) for (let i = 0; i < payload.length; i++) buffer[at + i] = payload[i] as number;
  else buffer.set(payload, at);
  place.buffer = buffer;
  place.start = start;
  place.end = at + payload.length;
  return place;
}

/** Writes an acknowledgement (PUBACK, PUBREC, PUBREL, PUBCOMP) and returns where it begins: four bytes, or five with a reason code. */
export function writeAcknowledgement(slab: WireSlab, firstByte: number, packetId: number, code = 0): number {
  const start = slab.reserve(code === 0 ? 4 : 5);
  const buffer = slab.buffer;
  buffer[start] = firstByte;
  buffer[start + 1] = code === 0 ? 2 : 3;
  buffer[start + 2] = packetId >> 8;
  buffer[start + 3] = packetId & 255;
  if (code !== 0) buffer[start + 4] = code;
  return start;
}

/** Bytes of the whole frame that `writePublish` would write. */
export function publishBytes({ topic, payload, qos }: PublishFields, extras: PublishExtras | null): number {
  const propertyBytes = extras === null ? 0 : bytesOf(extras);
  const ofExtras = extras === null ? 0 : lengthBytes(propertyBytes) + propertyBytes;
  const ofTopic = extras !== null && extras.topicAlias > 0 ? 0 : Buffer.byteLength(topic);
  const remaining = 2 + ofTopic + (qos > 0 ? 2 : 0) + ofExtras + payload.length;
  return 1 + lengthBytes(remaining) + remaining;
}

function bytesOf({ properties, expirySeconds, topicAlias, subscriptionIdentifiers }: PublishExtras): number {
  let bytes = properties === null ? 0 : properties.length;
  if (expirySeconds !== undefined) bytes += 5;
  if (topicAlias !== 0) bytes += 3;
  if (subscriptionIdentifiers !== null) for (const each of subscriptionIdentifiers) bytes += 1 + lengthBytes(each);
  return bytes;
}

function writeExtras(buffer: Buffer, start: number, extras: PublishExtras): number {
  const { properties, expirySeconds, topicAlias, subscriptionIdentifiers } = extras;
  let at = start;
  if (topicAlias !== 0) {
    buffer[at] = propertyId.topicAlias;
    at = buffer.writeUInt16BE(Math.abs(topicAlias), at + 1);
  }
  if (expirySeconds !== undefined) {
    buffer[at] = propertyId.messageExpiry;
    at = buffer.writeUInt32BE(expirySeconds, at + 1);
  }
  for (const each of subscriptionIdentifiers ?? []) {
    buffer[at] = propertyId.subscriptionIdentifier;
    at = writeLength(buffer, at + 1, each);
  }
  if (properties !== null) {
    buffer.set(properties, at);
    at += properties.length;
  }
  return at;
}
