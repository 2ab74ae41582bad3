import { WaypostError } from "../waypost-error.ts";
import type { FrameReader } from "./frame-reader.ts";
import { packetType, type QoS } from "./packet-type.ts";
import type { TopicReader } from "./topic-reader.ts";
import type { WireSlab } from "./wire-slab.ts";

/** What a PUBLISH frame is written from (MQTT 3.1.1, 3.3). `packetId` is written for QoS 1 and 2 only. */
export interface PublishFields {
  topic: string;
  payload: Buffer;
  qos: QoS;
  retain: boolean;
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
}

/**
 * Reads the frame that the reader stands on.
 * @throws ERR_MALFORMED_PACKET, ERR_TOPIC_INVALID
 */
export function readPublish(frame: FrameReader, topics: TopicReader): PublishPacket {
  const { chunk, body, end } = frame;
  const first = chunk[frame.start] as number;
  const qos = (first >> 1) & 3;
  const dup = (first & 8) !== 0;
  if (qos === 3) throw malformed("its QoS is 3"); // [MQTT-3.3.1-4]
  if (qos === 0 && dup) throw malformed("DUP is set at QoS 0"); // [MQTT-3.3.1-2]
  if (body + 2 > end) throw malformed("it has no topic");
  const topicEnd = body + 2 + (((chunk[body] as number) << 8) | (chunk[body + 1] as number));
  const payloadAt = topicEnd + (qos > 0 ? 2 : 0);
  if (payloadAt > end) throw malformed("it ends in the middle of a field");
  const topic = topics.read(chunk, body + 2, topicEnd);
  let messageId = 0;
  if (qos > 0) {
    messageId = ((chunk[topicEnd] as number) << 8) | (chunk[topicEnd + 1] as number);
    if (messageId === 0) throw malformed("its packet id is 0"); // [MQTT-2.3.1-1]
  }
  const payload = chunk.subarray(payloadAt, end);
  return { cmd: "publish", topic, payload, qos: qos as QoS, retain: (first & 1) === 1, dup, messageId };
}

function malformed(why: string): WaypostError {
  return new WaypostError("ERR_MALFORMED_PACKET", `malformed PUBLISH: ${why}`);
}

/** Writes one PUBLISH frame into the slab. */
export function writePublish(slab: WireSlab, fields: PublishFields, packetId: number, dup: boolean): FramePlace {
  const { topic, payload, qos } = fields;
  const topicBytes = Buffer.byteLength(topic);
  const remaining = 2 + topicBytes + (qos > 0 ? 2 : 0) + payload.length;
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
  place.payloadAt = at;
  // Measured: below about a hundred bytes the loop is quicker than the call into native code.
  if (payload.length < 96) for (let i = 0; i < payload.length; i++) buffer[at + i] = payload[i] as number;
  else buffer.set(payload, at);
  place.buffer = buffer;
  place.start = start;
  place.end = at + payload.length;
  return place;
}

/** Writes an acknowledgement (PUBACK, PUBREC, PUBREL, PUBCOMP: four bytes) and returns where it begins. */
export function writeAcknowledgement(slab: WireSlab, firstByte: number, packetId: number): number {
  const start = slab.reserve(4);
  const buffer = slab.buffer;
  buffer[start] = firstByte;
  buffer[start + 1] = 2;
  buffer[start + 2] = packetId >> 8;
  buffer[start + 3] = packetId & 255;
  return start;
}

function lengthBytes(remaining: number): number {
  if (remaining < 128) return 1;
  if (remaining < 16384) return 2;
  return remaining < 2097152 ? 3 : 4;
}

function writeLength(buffer: Buffer, at: number, remaining: number): number {
  let rest = remaining;
  let next = at;
  while (rest > 127) {
    buffer[next++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  buffer[next++] = rest;
  return next;
}
