import {
  readAcknowledgement,
  readAuth,
  readDisconnect,
  readSubscribe,
  readUnsubscribe,
} from "../../src/protocol/control-packets.ts";
import type { FrameReader } from "../../src/protocol/frame-reader.ts";
import { packetType } from "../../src/protocol/packet-type.ts";
import type { Properties } from "../../src/protocol/properties.ts";
import { readPublish } from "../../src/protocol/publish-frame.ts";
import { readConnect } from "../../src/protocol/read-connect.ts";
import { InboundAliases } from "../../src/protocol/topic-aliases.ts";
import { TopicReader } from "../../src/protocol/topic-reader.ts";
import type { Version } from "./client-packet.ts";
import { inOrder } from "./said-by.ts";

const names = new Map<number, string>(Object.entries(packetType).map(([name, type]) => [type, name]));

/** Reads packets of one connection, as the gateway does for each by its type; says nothing where a type has no body. */
export class ClientPacketReader {
  readonly #version: Version;
  readonly #topics = new TopicReader({ topicBytesMax: 65_535, topicLevelsMax: 100 });
  readonly #aliases: InboundAliases | null;

  constructor(version: Version) {
    this.#version = version;
    this.#aliases = version === 5 ? new InboundAliases(65_535) : null;
  }

  /** What the frame says, which `frames` stands on; it stays what it is when the bytes change. */
  read(frames: FrameReader): { kind: string; said: unknown } {
    const kind = names.get((frames.chunk[frames.start] as number) >> 4) ?? "none";
    return { kind, said: this.#read(kind, frames) };
  }

  #read(kind: string, frames: FrameReader): unknown {
    const version = this.#version;
    switch (kind) {
      case "connect": {
        const { will, ...packet } = listed(readConnect(frames));
        if (will === undefined) return packet;
        const { properties, ...rest } = will;
        return { ...packet, will: { ...rest, bytes: Buffer.from(properties?.bytes ?? []), ...expiry(properties) } };
      }
      case "publish": {
        const { properties, payload, isPlain, ...packet } = readPublish(frames, this.#topics, this.#aliases);
        const copies = { payload: Buffer.from(payload), bytes: Buffer.from(properties?.bytes ?? []) };
        return { ...packet, ...copies, ...expiry(properties) };
      }
      case "subscribe":
        return listed(readSubscribe(frames, version));
      case "unsubscribe":
        return listed(readUnsubscribe(frames, version));
      case "disconnect":
        return listed(readDisconnect(frames, version));
      case "auth":
        return listed(readAuth(frames));
      case "puback":
      case "pubrec":
      case "pubrel":
      case "pubcomp":
        return { ...readAcknowledgement(frames, version, kind.toUpperCase()) };
      default:
        return null;
    }
  }
}

/** The same with its user properties as a list. */
function listed<T extends { properties?: Properties }>(packet: T): T {
  const { userProperties } = packet.properties ?? {};
  if (userProperties === undefined) return packet;
  return { ...packet, properties: { ...packet.properties, userProperties: inOrder(Object.entries(userProperties)) } };
}

function expiry(properties: { messageExpiryInterval?: number } | undefined): { expirySeconds?: number } {
  const seconds = properties?.messageExpiryInterval;
  return seconds === undefined ? {} : { expirySeconds: seconds };
}
