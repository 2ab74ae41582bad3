import mqttPacket from "mqtt-packet";
import { Fields } from "./fields.ts";
import type { FrameReader } from "./frame-reader.ts";
import type { QoS } from "./packet-type.ts";
import { type Properties, readProperties } from "./properties.ts";
import type { ProtocolVersion } from "./read-connect.ts";
import { reasonCode } from "./reason-code.ts";

// Its table of all 65,536 packet ids as Buffers costs 6 MB and serves the few control packets that are written here.
mqttPacket.writeToStream.cacheNumbers = false;

/** One topic filter of a SUBSCRIBE; the options of MQTT 5 are there in MQTT 5 only. */
export interface RequestedSubscription {
  topic: string;
  qos: QoS;
  /** No Local. */
  nl?: boolean;
  /** Retain As Published. */
  rap?: boolean;
  /** Retain Handling. */
  rh?: 0 | 1 | 2;
}
export interface SubscribePacket {
  cmd: "subscribe";
  messageId: number;
  subscriptions: RequestedSubscription[];
  properties?: Properties;
}
export interface UnsubscribePacket {
  cmd: "unsubscribe";
  messageId: number;
  unsubscriptions: string[];
  properties?: Properties;
}
export interface DisconnectPacket {
  reasonCode: number;
  properties?: Properties;
}
export interface AuthPacket {
  reasonCode: number;
  properties: Properties;
}

/** @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION with its reason code */
export function readSubscribe({ chunk, body, end }: FrameReader, version: ProtocolVersion): SubscribePacket {
  const fields = new Fields(chunk, body, end, "SUBSCRIBE");
  const packet: SubscribePacket = { cmd: "subscribe", messageId: fields.packetId(), subscriptions: [] };
  const properties = version === 5 ? readProperties(fields, "subscribe") : undefined;
  if (properties !== undefined) packet.properties = properties;
  if (fields.done) wrong(fields, version, "it names no topic filter"); // [MQTT-3.8.3-2]
  while (!fields.done) {
    const topic = fields.text("a topic filter"); // [MQTT-3.8.3-1]
    const options = fields.byte();
    const qos = options & 3;
    if (qos === 3) wrong(fields, version, "a requested QoS is not 0, 1 or 2"); // [MQTT-3-8.3-4]
    if (version < 5) {
      if (options > 2) fields.malformed("reserved bits beside a requested QoS are set"); // [MQTT-3-8.3-4]
      packet.subscriptions.push({ topic, qos: qos as QoS });
      continue;
    }
    const rh = (options >> 4) & 3;
    if (options > 0x3f) fields.malformed("reserved subscription options are set"); // [MQTT-3.8.3-5]
    if (rh === 3) fields.violation("a retain handling is not 0, 1 or 2");
    const nl = (options & 4) !== 0;
    if (nl && topic.startsWith("$share/")) fields.violation("no local on a shared subscription"); // [MQTT-3.8.3-4]
    packet.subscriptions.push({ topic, qos: qos as QoS, nl, rap: (options & 8) !== 0, rh: rh as 0 | 1 | 2 });
  }
  return packet;
}

/** What is malformed before MQTT 5 and a protocol error there. */
function wrong(fields: Fields, version: ProtocolVersion, why: string): never {
  return version < 5 ? fields.malformed(why) : fields.violation(why);
}

/** @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION with its reason code */
export function readUnsubscribe({ chunk, body, end }: FrameReader, version: ProtocolVersion): UnsubscribePacket {
  const fields = new Fields(chunk, body, end, "UNSUBSCRIBE");
  const packet: UnsubscribePacket = { cmd: "unsubscribe", messageId: fields.packetId(), unsubscriptions: [] };
  const properties = version === 5 ? readProperties(fields, "unsubscribe") : undefined;
  if (properties !== undefined) packet.properties = properties;
  if (fields.done) wrong(fields, version, "it names no topic filter"); // [MQTT-3.10.3-2]
  while (!fields.done) packet.unsubscriptions.push(fields.text("a topic filter")); // [MQTT-3.10.3-1]
  return packet;
}

/** @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION with its reason code */
export function readDisconnect({ chunk, body, end }: FrameReader, version: ProtocolVersion): DisconnectPacket {
  const fields = new Fields(chunk, body, end, "DISCONNECT");
  if (version < 5 && !fields.done) fields.malformed("it has a body");
  const packet: DisconnectPacket = { reasonCode: fields.done ? reasonCode.success : fields.byte() };
  const properties = fields.done ? undefined : readProperties(fields, "disconnect");
  if (properties !== undefined) packet.properties = properties;
  if (!fields.done) fields.malformed("bytes follow its last field");
  return packet;
}

/** @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION with its reason code */
export function readAuth({ chunk, body, end }: FrameReader): AuthPacket {
  const fields = new Fields(chunk, body, end, "AUTH");
  const code = fields.done ? reasonCode.success : fields.byte();
  const properties = fields.done ? {} : (readProperties(fields, "auth") ?? {});
  if (!fields.done) fields.malformed("bytes follow its last field");
  if (code !== reasonCode.continueAuthentication && code !== reasonCode.reAuthenticate) {
    fields.violation(`a client does not send the reason code 0x${code.toString(16)}`); // [MQTT-3.15.2-1]
  }
  if (properties.authenticationMethod === undefined) fields.violation("it has no authentication method"); // MQTT 5, 3.15.2.2.2
  return { reasonCode: code, properties };
}

/** What a PUBACK, PUBREC, PUBREL or PUBCOMP says. Reused: read it before the next call. */
export interface Acknowledged {
  packetId: number;
  reasonCode: number;
}

const acknowledged: Acknowledged = { packetId: 0, reasonCode: 0 };

/** @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION with its reason code */
export function readAcknowledgement(
  { chunk, body, end }: FrameReader,
  version: ProtocolVersion,
  name: string,
): Acknowledged {
  acknowledged.reasonCode = reasonCode.success;
  if (end - body === 2) acknowledged.packetId = ((chunk[body] as number) << 8) | (chunk[body + 1] as number);
  else {
    const fields = new Fields(chunk, body, end, name);
    if (version < 5 && end - body > 2) fields.malformed("bytes follow its packet id");
    acknowledged.packetId = fields.uint16();
    acknowledged.reasonCode = fields.byte();
    if (!fields.done) readProperties(fields, "acknowledgement");
    if (!fields.done) fields.malformed("bytes follow its last field");
  }
  if (acknowledged.packetId === 0) new Fields(chunk, body, end, name).malformed("it has no packet id"); // [MQTT-2.3.1-1]
  return acknowledged;
}

/** Characters of a reason string: enough to understand it. A hook's error may have more than a text can hold. */
const REASON_CHARS_MAX = 1000;

/** Writes a control packet other than PUBLISH and its plain acknowledgements. */
export function writeControlPacket(packet: mqttPacket.Packet, version: ProtocolVersion): Buffer {
  return mqttPacket.generate(withFitReason(packet), { protocolVersion: version } as never);
}

/** The same with a reason string that is a text of MQTT [MQTT-1.5.4-2]. */
function withFitReason(packet: mqttPacket.Packet): mqttPacket.Packet {
  const { properties } = packet as { properties?: Properties };
  const why = properties?.reasonString;
  if (why === undefined || (why.length <= REASON_CHARS_MAX && !why.includes("\0"))) return packet;
  const reasonString = why.slice(0, REASON_CHARS_MAX).replaceAll("\0", " ");
  return { ...packet, properties: { ...properties, reasonString } } as mqttPacket.Packet;
}
