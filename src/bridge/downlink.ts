import type { DeviceContext } from "../device/device-context.ts";
import { Inbound } from "../device/inbound.ts";
import { lineOf } from "../device/publishing.ts";
import type { FrameReader } from "../protocol/frame-reader.ts";
import { firstByte, type QoS } from "../protocol/packet-type.ts";
import { Provenance } from "../protocol/provenance.ts";
import { type PublishPacket, packetIdOfPublish, readPublish } from "../protocol/publish-frame.ts";
import { isFailure, reasonCode } from "../protocol/reason-code.ts";
import { levelCount } from "../topic/topic-rules.ts";
import { WaypostError } from "../waypost-error.ts";
import type { EchoMemory } from "./echo-memory.ts";
import type { TopicMapping } from "./topic-mapping.ts";
import type { UpstreamConnection } from "./upstream-connection.ts";

type NotTaken = "loop" | "no-rule" | "invalid-topic";

export interface DownlinkParts {
  readonly context: DeviceContext;
  readonly mapping: () => TopicMapping;
  readonly provenance: Provenance;
  readonly hopsMax: () => number;
  /** Null where the upstream does not send back what it was sent. */
  readonly echoes: () => EchoMemory | null;
  readonly received: () => void;
  readonly dropped: (reason: NotTaken) => void;
}

/** What an upstream publishes, on its way to this gateway: mapped, and acknowledged as what devices publish is. */
export class Downlink {
  readonly #parts: DownlinkParts;
  readonly #inbound: Inbound;
  /** Packet ids of QoS 2 messages that were not taken, until their PUBREL. */
  readonly #passedOver = new Set<number>();

  constructor(parts: DownlinkParts) {
    this.#parts = parts;
    this.#inbound = new Inbound(parts.context);
  }

  /** PUBLISH. @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION, ERR_TOPIC_INVALID */
  publish(connection: UpstreamConnection, frames: FrameReader): void {
    const { context, mapping, received } = this.#parts;
    context.counters.publishesReceived++;
    const packet = this.#read(connection, frames);
    if (packet === null) return;
    const mapped = mapping().down(packet.topic);
    const isRepeated = packet.qos === 2 && connection.device?.session.inbound?.has(packet.messageId) === true;
    if (!isRepeated) {
      if (mapped === undefined) return this.#passOver(connection, packet, "no-rule");
      if (this.#isLoop(packet)) return this.#passOver(connection, packet, "loop");
      if (!this.#isWithinLimits(mapped.topic)) return this.#passOver(connection, packet, "invalid-topic");
      this.#passedOver.delete(packet.messageId); // of a session that has ended, or of a rule that was not there then
      received();
    }
    if (mapped !== undefined) {
      packet.topic = mapped.topic;
      if (mapped.rule.retain === "clear" || !context.settings.retainAvailable) packet.retain = false;
    }
    packet.isPlain = false;
    this.#inbound.publish(connection, packet);
  }

  /** The session of the upstream has ended: its packet ids mean nothing any more. */
  forget(): void {
    this.#passedOver.clear();
  }

  /** PUBREL. */
  release(connection: UpstreamConnection, packetId: number): void {
    if (!this.#passedOver.delete(packetId)) return this.#inbound.release(connection, packetId);
    connection.answered();
    connection.sendAcknowledgement(firstByte.pubcomp, packetId);
  }

  /** One message that is well-formed, but not accepted here, must not end the connection: it would come again for ever. */
  #read(connection: UpstreamConnection, frames: FrameReader): PublishPacket | null {
    try {
      return readPublish(frames, this.#parts.context.topics, connection.terms.inboundAliases);
    } catch (error) {
      if (!(error instanceof WaypostError) || error.code !== "ERR_TOPIC_INVALID") throw error;
      const qos = (((frames.chunk[frames.start] as number) >> 1) & 3) as QoS;
      const messageId = qos === 0 ? 0 : packetIdOfPublish(frames);
      this.#passOver(connection, { qos, messageId }, "invalid-topic", reasonCode.topicNameInvalid);
      return null;
    }
  }

  /** A prefix may have made it too long. */
  #isWithinLimits(topic: string): boolean {
    const { topicBytesMax, topicLevelsMax } = this.#parts.context.settings;
    return Buffer.byteLength(topic) <= topicBytesMax && levelCount(topic) <= topicLevelsMax;
  }

  #isLoop({ topic, payload, properties }: PublishPacket): boolean {
    const { provenance, hopsMax, echoes, context } = this.#parts;
    if (properties !== undefined) {
      if (provenance.isReturned(properties) || Provenance.hopsOf(properties) > hopsMax()) return true;
    }
    return echoes()?.isEcho(topic, payload, context.clock.now()) ?? false;
  }

  /** Acknowledges it, or it would come again. */
  #passOver(
    connection: UpstreamConnection,
    { qos, messageId }: Pick<PublishPacket, "qos" | "messageId">,
    reason: NotTaken,
    code: number = reasonCode.success,
  ): void {
    this.#parts.dropped(reason);
    if (qos === 0) return;
    connection.unacknowledged++;
    if (qos === 2 && (!isFailure(code) || connection.version < 5)) this.#passedOver.add(messageId);
    lineOf(connection)
      .add(qos === 1 ? firstByte.puback : firstByte.pubrec, messageId, code)
      .settle();
  }
}
