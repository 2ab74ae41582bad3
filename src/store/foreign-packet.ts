import { PublishProperties } from "../protocol/publish-properties.ts";
import type { StoredPublish, StoredWill } from "./stored-packets.ts";

/** A PUBLISH as aedes has it in a persistence. */
export interface ForeignPublish extends StoredPublish {
  /** When it expires, in milliseconds since the Unix epoch: aedes's own field, which the copies that it makes keep. */
  messageExpiry?: number;
}

/** The packet with its properties as mqtt-packet has them: a persistence may encode it for a database. */
export function toForeign(packet: StoredPublish): ForeignPublish {
  if (packet.properties === undefined) return packet;
  const properties = PublishProperties.of(packet.properties);
  const foreign: ForeignPublish = { ...packet, properties: properties?.toObject() };
  if (properties !== undefined && properties.expiresAt > 0) foreign.messageExpiry = properties.expiresAt;
  return foreign;
}

/** The packet with properties of our own class; what the persistence has stays as it is. */
export function fromForeign(packet: ForeignPublish): StoredPublish {
  const properties = PublishProperties.of(packet.properties);
  if (properties === undefined) return packet;
  const { messageExpiry, ...rest } = packet;
  if (messageExpiry !== undefined) properties.expiresAt = messageExpiry;
  return { ...rest, properties };
}

export function isExpired({ messageExpiry = 0 }: ForeignPublish, now: number): boolean {
  return messageExpiry > 0 && now >= messageExpiry;
}

/** As `toForeign`, of a will. */
export function willToForeign(will: StoredWill): StoredWill {
  const { properties, ...rest } = will;
  if (properties === undefined) return will;
  return { ...rest, properties: (PublishProperties.of(properties)?.toObject() ?? {}) as PublishProperties };
}

/** As `fromForeign`, of a will. */
export function willFromForeign(will: StoredWill): StoredWill {
  const { properties: foreign, ...rest } = will;
  const properties = PublishProperties.of(foreign);
  return properties === undefined ? rest : { ...rest, properties };
}
