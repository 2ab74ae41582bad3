/** MQTT control packet types: the upper four bits of a fixed header (MQTT 3.1.1, table 2.1). */
export const packetType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  /** MQTT 5 only. */
  auth: 15,
} as const;

/** First bytes of the acknowledgements that a server sends, flags included. */
export const firstByte = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

export type QoS = 0 | 1 | 2;

/** The flags that a fixed header must carry; PUBLISH carries its own (MQTT 3.1.1, table 2.2). */
export function flagsAreValid(firstByte: number): boolean {
  const type = firstByte >> 4;
  const flags = firstByte & 0x0f;
  switch (type) {
    case packetType.publish:
      return true;
    case packetType.pubrel:
    case packetType.subscribe:
    case packetType.unsubscribe:
      return flags === 2;
    default:
      return flags === 0;
  }
}
