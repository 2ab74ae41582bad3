import mqttPacket from "mqtt-packet";
import { WaypostError } from "../waypost-error.ts";
import type { QoS } from "./packet-type.ts";
import { readText } from "./text.ts";

// Its table of all 65,536 packet ids as Buffers costs 6 MB and serves the few control packets that are written here.
mqttPacket.writeToStream.cacheNumbers = false;

export interface ConnectPacket extends mqttPacket.IConnectPacket {
  cmd: "connect";
}
export interface SubscribePacket {
  messageId: number;
  subscriptions: { topic: string; qos: QoS }[];
}
export interface UnsubscribePacket {
  messageId: number;
  unsubscriptions: string[];
}

/** CONNACK return codes (MQTT 3.1.1, table 3.1). */
export const connackCode = {
  accepted: 0,
  unacceptableProtocolVersion: 1,
  identifierRejected: 2,
  serverUnavailable: 3,
  badUserNameOrPassword: 4,
  notAuthorized: 5,
} as const;

/** A CONNECT that is well formed but is answered with a CONNACK other than 0, and the close of the connection. */
export class ConnectRefused extends WaypostError {
  readonly returnCode: number;

  constructor(returnCode: number, why: string, options?: ErrorOptions) {
    super("ERR_CONNECT_REFUSED", why, options);
    this.returnCode = returnCode;
  }
}

/**
 * Reads a CONNECT frame of MQTT 3.1 or 3.1.1.
 * @throws ConnectRefused for a protocol version that is not served [MQTT-3.1.2-2]
 * @throws ERR_MALFORMED_PACKET
 */
export function readConnect(chunk: Buffer, start: number, body: number, end: number): ConnectPacket {
  const { flagsAt, missing } = checkConnect(new Fields(chunk, body, end, "CONNECT"));
  if (missing === 0) return connects.parse<ConnectPacket>(chunk.subarray(start, end));
  const frame = Buffer.from(chunk.subarray(start, end));
  frame[flagsAt - start] = (frame[flagsAt - start] as number) & ~missing;
  return connects.parse<ConnectPacket>(frame);
}

/** @throws ERR_MALFORMED_PACKET */
export function readSubscribe(chunk: Buffer, start: number, body: number, end: number): SubscribePacket {
  const fields = new Fields(chunk, body, end, "SUBSCRIBE");
  fields.packetId();
  if (fields.done) fields.malformed("it names no topic filter"); // [MQTT-3.8.3-3]
  while (!fields.done) {
    fields.text("a topic filter"); // [MQTT-3.8.3-1]
    if (fields.byte() > 2) fields.malformed("a requested QoS is not 0, 1 or 2"); // [MQTT-3-8.3-4]
  }
  return others.parse<mqttPacket.ISubscribePacket>(chunk.subarray(start, end)) as unknown as SubscribePacket;
}

/** @throws ERR_MALFORMED_PACKET */
export function readUnsubscribe(chunk: Buffer, start: number, body: number, end: number): UnsubscribePacket {
  const fields = new Fields(chunk, body, end, "UNSUBSCRIBE");
  fields.packetId();
  if (fields.done) fields.malformed("it names no topic filter"); // [MQTT-3.10.3-2]
  while (!fields.done) fields.text("a topic filter"); // [MQTT-3.10.3-1]
  return others.parse<mqttPacket.IUnsubscribePacket>(chunk.subarray(start, end)) as unknown as UnsubscribePacket;
}

/** Writes a control packet other than PUBLISH and its acknowledgements. */
export function writeControlPacket(packet: mqttPacket.Packet): Buffer {
  return mqttPacket.generate(packet);
}

/**
 * The rules of MQTT 3.1.1 and 3.1 that mqtt-packet leaves to its caller. Returns where the connect flags lie, and which
 * of them announce fields that are not there.
 */
function checkConnect(fields: Fields): { flagsAt: number; missing: number } {
  const name = fields.text("the protocol name");
  const level = fields.byte() & 0x7f; // the highest bit marks a bridge by convention
  const version = name === "MQTT" ? 4 : name === "MQIsdp" ? 3 : undefined;
  if (version === undefined) return fields.malformed(`the protocol name is ${JSON.stringify(name.slice(0, 20))}`); // [MQTT-3.1.2-1]
  if (level !== version) {
    throw new ConnectRefused(
      connackCode.unacceptableProtocolVersion,
      `protocol ${name} level ${level} is not served; use MQTT 3.1.1 (level 4) or 3.1 (level 3)`,
    ); // [MQTT-3.1.2-2]
  }
  const flagsAt = fields.skip(1);
  const flags = fields.byteAt(flagsAt);
  const has = (bit: number) => (flags & bit) !== 0;
  if (has(0x01)) fields.malformed("the reserved connect flag is set"); // [MQTT-3.1.2-3]
  const willQos = (flags >> 3) & 3;
  if (!has(0x04) && (willQos > 0 || has(0x20))) fields.malformed("will QoS or will retain without a will"); // [MQTT-3.1.2-13] [MQTT-3.1.2-15]
  if (willQos > 2) fields.malformed("the will QoS is 3"); // [MQTT-3.1.2-14]
  if (!has(0x80) && has(0x40)) fields.malformed("a password without a user name"); // [MQTT-3.1.2-22]
  fields.skip(2);
  fields.text("the client id"); // [MQTT-3.1.3-4]
  if (has(0x04)) {
    fields.text("the will topic"); // [MQTT-3.1.3-10]
    fields.bytes();
  }
  let missing = 0;
  // MQTT 3.1, section 3.1: user name and password may be missing although their flags are set.
  const mayBeMissing = (flag: number): boolean => {
    if (version !== 3 || !fields.done) return false;
    missing |= flag;
    return true;
  };
  if (has(0x80) && !mayBeMissing(0x80)) fields.text("the user name"); // [MQTT-3.1.3-11]
  if (has(0x40) && !mayBeMissing(0x40)) fields.bytes();
  if (!fields.done) fields.malformed("bytes follow its last field");
  return { flagsAt, missing };
}

/** Reads whole frames with one parser of mqtt-packet: making one for each would be most of what a CONNECT costs. */
class WholeFrames {
  #parser: mqttPacket.Parser | null = null;
  #packet: unknown;
  #failure: Error | undefined;

  parse<T>(frame: Buffer): T {
    this.#parser ??= this.#open();
    this.#packet = undefined;
    this.#failure = undefined;
    this.#parser.parse(frame);
    const { packet, failure } = { packet: this.#packet, failure: this.#failure as Error | undefined };
    if (failure === undefined && packet !== undefined) return packet as T;
    this.#parser = null; // what is left in it belongs to a frame that failed
    throw new WaypostError("ERR_MALFORMED_PACKET", failure?.message ?? "the packet cannot be read", { cause: failure });
  }

  #open(): mqttPacket.Parser {
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    parser.on("packet", (packet) => {
      this.#packet = packet;
    });
    parser.on("error", (error) => {
      this.#failure = error;
    });
    return parser;
  }
}

// Apart, because the parser reads what follows a CONNECT in the light of that CONNECT, and the next may be another client's.
const connects = new WholeFrames();
const others = new WholeFrames();

/** Walks the fields of a frame's body; every read past its end is a malformed packet. */
class Fields {
  readonly #chunk: Buffer;
  readonly #end: number;
  readonly #packet: string;
  #at: number;

  constructor(chunk: Buffer, body: number, end: number, packet: string) {
    this.#chunk = chunk;
    this.#at = body;
    this.#end = end;
    this.#packet = packet;
  }

  get done(): boolean {
    return this.#at === this.#end;
  }

  malformed(why: string): never {
    throw new WaypostError("ERR_MALFORMED_PACKET", `malformed ${this.#packet}: ${why}`);
  }

  skip(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#end) this.malformed("it ends in the middle of a field");
    this.#at += bytes;
    return at;
  }

  byte(): number {
    return this.byteAt(this.skip(1));
  }

  byteAt(at: number): number {
    return this.#chunk[at] as number;
  }

  packetId(): void {
    if (this.#chunk.readUInt16BE(this.skip(2)) === 0) this.malformed("the packet id is 0"); // [MQTT-2.3.1-1]
  }

  bytes(): number {
    return this.skip(this.#chunk.readUInt16BE(this.skip(2)));
  }

  text(what: string): string {
    const length = this.#chunk.readUInt16BE(this.skip(2));
    return readText(this.#chunk, this.skip(length), length, what);
  }
}
