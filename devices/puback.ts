import type { ProtocolVersion } from "./protocol-version.ts";

/** A PUBACK as bytes; the reason code is MQTT 5's, 0 for success. */
export function puback(packetId: number, version: ProtocolVersion, reasonCode: number): Buffer {
  const id = [packetId >> 8, packetId & 255];
  return Buffer.from(version === 5 ? [0x40, 3, ...id, reasonCode] : [0x40, 2, ...id]);
}
