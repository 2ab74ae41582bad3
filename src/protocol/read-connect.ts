import { ConnectRefused, connackCode } from "./connect-refused.ts";
import { Fields } from "./fields.ts";
import type { FrameReader } from "./frame-reader.ts";
import type { QoS } from "./packet-type.ts";
import { type Properties, readProperties } from "./properties.ts";
import type { PublishProperties } from "./publish-properties.ts";
import { readPublishProperties } from "./read-publish-properties.ts";

/** 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5. */
export type ProtocolVersion = 3 | 4 | 5;

export interface Will {
  topic: string;
  payload: Buffer;
  qos: QoS;
  retain: boolean;
  properties?: PublishProperties;
  /** How long after the connection it is published, unless the client is back by then. */
  delaySeconds?: number;
}

/** What comes after this in a CONNECT outlives the chunk: nothing here is a slice of it. */
export interface ConnectPacket {
  cmd: "connect";
  protocolId: "MQTT" | "MQIsdp";
  protocolVersion: ProtocolVersion;
  /** Clean Session, or in MQTT 5 Clean Start. */
  clean: boolean;
  clientId: string;
  keepalive: number;
  /** The client says that it is the bridge of another broker, by the highest bit of the protocol level, as Mosquitto's do. */
  bridgeMode?: boolean;
  username?: string;
  password?: Buffer;
  will?: Will;
  properties?: Properties;
}

/** The version in whose form a CONNECT is answered, whatever else is wrong with it. */
export function answerVersion({ chunk, body, end }: FrameReader): ProtocolVersion {
  const level = body + 6 < end && chunk[body + 1] === 4 ? (chunk[body + 6] as number) & 0x7f : 0;
  return level >= 5 ? 5 : 4;
}

/**
 * Reads the CONNECT that the reader stands on.
 * @throws ConnectRefused for a protocol version that is not served [MQTT-3.1.2-2]
 * @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION with its reason code
 */
export function readConnect({ chunk, body, end }: FrameReader): ConnectPacket {
  const fields = new Fields(chunk, body, end, "CONNECT");
  const { protocolId, protocolVersion, isBridge } = readProtocol(fields);
  const flags = fields.byte();
  const has = (bit: number) => (flags & bit) !== 0;
  if (has(0x01)) fields.malformed("the reserved connect flag is set"); // [MQTT-3.1.2-3]
  const willQos = (flags >> 3) & 3;
  if (!has(0x04) && (willQos > 0 || has(0x20))) fields.malformed("will QoS or will retain without a will"); // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
  if (willQos > 2) fields.malformed("the will QoS is 3"); // [MQTT-3.1.2-12]
  if (protocolVersion < 5 && !has(0x80) && has(0x40)) fields.malformed("a password without a user name"); // [MQTT-3.1.2-22] of 3.1.1
  const keepalive = fields.uint16();
  const properties = protocolVersion === 5 ? readProperties(fields, "connect") : undefined;
  if (properties?.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    fields.violation("authentication data without an authentication method"); // MQTT 5, 3.1.2.11.10
  }
  const clientId = fields.text("the client id"); // [MQTT-3.1.3-4]
  const packet: ConnectPacket = { cmd: "connect", protocolId, protocolVersion, clean: has(0x02), clientId, keepalive };
  if (properties !== undefined) packet.properties = properties;
  if (isBridge) packet.bridgeMode = true;
  if (has(0x04)) packet.will = readWill(fields, protocolVersion, willQos as QoS, has(0x20));
  // MQTT 3.1, section 3.1: user name and password may be missing although their flags are set.
  const isMissing = () => protocolVersion === 3 && fields.done;
  if (has(0x80) && !isMissing()) packet.username = fields.text("the user name"); // [MQTT-3.1.3-12]
  if (has(0x40) && !isMissing()) packet.password = Buffer.from(fields.bytes());
  if (!fields.done) fields.malformed("bytes follow its last field");
  return packet;
}

function readProtocol(fields: Fields): Pick<ConnectPacket, "protocolId" | "protocolVersion"> & { isBridge: boolean } {
  const protocolId = fields.text("the protocol name");
  const byte = fields.byte();
  const level = byte & 0x7f;
  if (protocolId !== "MQTT" && protocolId !== "MQIsdp") {
    return fields.malformed(`the protocol name is ${JSON.stringify(protocolId.slice(0, 20))}`); // [MQTT-3.1.2-1]
  }
  const isServed = protocolId === "MQTT" ? level === 4 || level === 5 : level === 3;
  if (isServed) return { protocolId, protocolVersion: level as ProtocolVersion, isBridge: byte !== level };
  throw new ConnectRefused(
    connackCode.unacceptableProtocolVersion,
    `protocol ${protocolId} level ${level} is not served; use MQTT 5 (level 5), 3.1.1 (level 4) or 3.1 (level 3)`,
  ); // [MQTT-3.1.2-2]
}

function readWill(fields: Fields, version: ProtocolVersion, qos: QoS, retain: boolean): Will {
  const will: Will = { topic: "", payload: fields.chunk, qos, retain };
  if (version === 5) {
    const length = fields.varint();
    const at = fields.skip(length);
    const { properties, willDelaySeconds } = readPublishProperties(fields.chunk, at, at + length, "will");
    properties?.keep();
    if (properties !== undefined) will.properties = properties;
    if (willDelaySeconds > 0) will.delaySeconds = willDelaySeconds;
  }
  will.topic = fields.text("the will topic"); // [MQTT-3.1.3-11]
  will.payload = Buffer.from(fields.bytes());
  return will;
}
