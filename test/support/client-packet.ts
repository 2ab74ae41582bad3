import { field, frame } from "./frame.ts";
import { type WireProperty, wireProperties } from "./wire-properties.ts";

export type Version = 3 | 4 | 5;
type QoS = 0 | 1 | 2;

/** A packet that a client may send, as a specification has it. Properties are written in MQTT 5 only. */
export type ClientPacket =
  | {
      kind: "connect";
      clean: boolean;
      clientId: string;
      keepAliveSeconds: number;
      username?: string;
      password?: Buffer;
      will?: { topic: string; payload: Buffer; qos: QoS; retain: boolean; properties: WireProperty[] };
      properties: WireProperty[];
    }
  | {
      kind: "publish";
      /** May be empty where there is a topic alias. */
      topic: string;
      payload: Buffer;
      qos: QoS;
      retain: boolean;
      dup: boolean;
      /** Written at QoS 1 and 2. */
      packetId: number;
      properties: WireProperty[];
    }
  | {
      kind: "puback" | "pubrec" | "pubrel" | "pubcomp";
      packetId: number;
      /** Without it, or without properties, the packet ends there. */
      reasonCode?: number;
      properties?: WireProperty[];
    }
  | {
      kind: "subscribe";
      packetId: number;
      subscriptions: { filter: string; options: number }[];
      properties: WireProperty[];
    }
  | { kind: "unsubscribe"; packetId: number; filters: string[]; properties: WireProperty[] }
  | { kind: "pingreq" }
  | { kind: "disconnect"; reasonCode?: number; properties?: WireProperty[] }
  | { kind: "auth"; reasonCode: number; properties: WireProperty[] };

export type PacketKind = ClientPacket["kind"];
type Of<Kind extends PacketKind> = Extract<ClientPacket, { kind: Kind }>;

const firstByte = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

/** The bytes of a packet, written from the specification and from nothing of the gateway's. */
export function wirePacket(packet: ClientPacket, version: Version): Buffer {
  const section = (properties: readonly WireProperty[]) => (version === 5 ? wireProperties(properties) : []);
  switch (packet.kind) {
    case "connect":
      return connect(packet, version);
    case "publish": {
      const first = 0x30 | (packet.dup ? 8 : 0) | (packet.qos << 1) | (packet.retain ? 1 : 0);
      const id = packet.qos > 0 ? uint16(packet.packetId) : [];
      return frame(first, field(packet.topic), id, section(packet.properties), packet.payload);
    }
    case "subscribe": {
      const filters = packet.subscriptions.flatMap(({ filter, options }) => [field(filter), [options]]);
      return frame(0x82, uint16(packet.packetId), section(packet.properties), ...filters);
    }
    case "unsubscribe":
      return frame(0xa2, uint16(packet.packetId), section(packet.properties), ...packet.filters.map(field));
    case "pingreq":
      return frame(0xc0);
    case "disconnect":
      return frame(0xe0, ...reason(packet, version));
    case "auth":
      return frame(0xf0, ...reason(packet, version));
    default:
      return frame(firstByte[packet.kind], uint16(packet.packetId), ...reason(packet, version));
  }
}

function connect(packet: Of<"connect">, version: Version): Buffer {
  const { clean, clientId, keepAliveSeconds, username, password, will, properties } = packet;
  const flags =
    (clean ? 2 : 0) |
    (will === undefined ? 0 : 4 | (will.qos << 3) | (will.retain ? 0x20 : 0)) |
    (password === undefined ? 0 : 0x40) |
    (username === undefined ? 0 : 0x80);
  return frame(
    0x10,
    field(version === 3 ? "MQIsdp" : "MQTT"),
    [version, flags, ...uint16(keepAliveSeconds)],
    version === 5 ? wireProperties(properties) : [],
    field(clientId),
    will === undefined || version < 5 ? [] : wireProperties(will.properties),
    will === undefined ? [] : Buffer.concat([field(will.topic), field(will.payload)]),
    username === undefined ? [] : field(username),
    password === undefined ? [] : field(password),
  );
}

/** What may be left out at the end of a packet: a reason code, and properties after it. */
function reason(packet: { reasonCode?: number; properties?: WireProperty[] }, version: Version): (Buffer | number[])[] {
  const { reasonCode, properties } = packet;
  if (version < 5 || reasonCode === undefined) return [];
  return [[reasonCode], properties === undefined ? [] : wireProperties(properties)];
}

function uint16(value: number): number[] {
  return [value >> 8, value & 255];
}
