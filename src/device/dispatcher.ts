import {
  readAcknowledgement,
  readAuth,
  readDisconnect,
  readSubscribe,
  readUnsubscribe,
} from "../protocol/control-packets.ts";
import type { FrameReader } from "../protocol/frame-reader.ts";
import { flagsAreValid, packetType } from "../protocol/packet-type.ts";
import { packetIdOfPublish, readPublish } from "../protocol/publish-frame.ts";
import { answerVersion, readConnect } from "../protocol/read-connect.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import { WaypostError } from "../waypost-error.ts";
import type { Authentication } from "./authentication.ts";
import type { Connection } from "./connection.ts";
import type { DeviceContext } from "./device-context.ts";
import type { Handshake } from "./handshake.ts";
import type { Inbound } from "./inbound.ts";
import type { Subscribing } from "./subscribing.ts";

/** Where packets are handled. */
export interface PacketHandlers {
  readonly handshake: Handshake;
  readonly authentication: Authentication;
  readonly inbound: Inbound;
  readonly subscribing: Subscribing;
}

/** Reads frames as packets and brings each to where it is handled. One for all connections. */
export class Dispatcher {
  readonly #context: DeviceContext;
  readonly #handlers: PacketHandlers;
  readonly #inbound: Inbound;

  constructor(context: DeviceContext, handlers: PacketHandlers) {
    this.#context = context;
    this.#handlers = handlers;
    this.#inbound = handlers.inbound;
  }

  /**
   * The frame that `frames` stands on.
   * @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION, ERR_TOPIC_INVALID, ConnectRefused
   */
  dispatch(connection: Connection, frames: FrameReader): void {
    const first = frames.chunk[frames.start] as number;
    const type = first >> 4;
    if (type !== packetType.publish && !flagsAreValid(first)) {
      throw new WaypostError("ERR_MALFORMED_PACKET", `reserved flags in the fixed header 0x${first.toString(16)}`); // [MQTT-2.1.3-1]
    }
    const device = connection.device;
    if (device === null) return this.#first(connection, type, frames);
    switch (type) {
      case packetType.publish:
        return this.#publish(connection, frames);
      case packetType.puback: {
        const { packetId, reasonCode: code } = readAcknowledgement(frames, connection.version, "PUBACK");
        return device.acknowledged(packetId, code);
      }
      case packetType.pubrec: {
        const { packetId, reasonCode: code } = readAcknowledgement(frames, connection.version, "PUBREC");
        return device.received(packetId, code);
      }
      case packetType.pubrel:
        return this.#inbound.release(connection, readAcknowledgement(frames, connection.version, "PUBREL").packetId);
      case packetType.pubcomp:
        return device.completed(readAcknowledgement(frames, connection.version, "PUBCOMP").packetId);
      default:
        return this.#control(connection, type, frames);
    }
  }

  #publish(connection: Connection, frames: FrameReader): void {
    const { broker, topics, counters } = this.#context;
    counters.publishesReceived++;
    const { inboundAliases } = connection.terms;
    if (inboundAliases === null) {
      const packet = readPublish(frames, topics, null);
      // QoS 0 without flags, and no hook that may change it: these very bytes can be sent on.
      if (packet.isPlain && broker.authorizePublishHook === null) broker.router.passing(packet, frames, 4);
      return this.#inbound.publish(connection, packet);
    }
    try {
      const packet = readPublish(frames, topics, inboundAliases);
      if (packet.isPlain && broker.authorizePublishHook === null) broker.router.passing(packet, frames, 5);
      this.#inbound.publish(connection, packet);
    } catch (error) {
      const qos = ((frames.chunk[frames.start] as number) >> 1) & 3;
      if (!(error instanceof WaypostError) || error.code !== "ERR_TOPIC_INVALID" || qos === 0) throw error;
      // Well formed, but not accepted by this gateway: it is said of this message only.
      this.#inbound.refuse(
        connection,
        { qos: qos as 1 | 2, messageId: packetIdOfPublish(frames) },
        reasonCode.topicNameInvalid,
        error.message,
      );
    }
  }

  #control(connection: Connection, type: number, frames: FrameReader): void {
    const { version } = connection;
    switch (type) {
      case packetType.subscribe:
        return this.#handlers.subscribing.subscribe(connection, readSubscribe(frames, version), undefined);
      case packetType.unsubscribe:
        return this.#handlers.subscribing.unsubscribe(connection, readUnsubscribe(frames, version), undefined);
      case packetType.pingreq:
        withoutBody(frames, "PINGREQ");
        connection.sendPingresp(); // [MQTT-3.12.4-1]
        this.#context.broker.emit("ping", { cmd: "pingreq" }, connection);
        return;
      case packetType.disconnect:
        return connection.disconnected(readDisconnect(frames, version));
      case packetType.auth:
        if (version === 5) return this.#handlers.authentication.again(connection, readAuth(frames));
        break;
      case packetType.connect:
        throw new WaypostError("ERR_PROTOCOL_VIOLATION", "a second CONNECT"); // [MQTT-3.1.0-2]
    }
    throw new WaypostError("ERR_PROTOCOL_VIOLATION", `packet type ${type} is not for a server`);
  }

  #first(connection: Connection, type: number, frames: FrameReader): void {
    if (connection.connecting) return this.#whileConnecting(connection, type, frames);
    if (type !== packetType.connect) {
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", "the first packet is not CONNECT"); // [MQTT-3.1.0-1]
    }
    connection.version = answerVersion(frames);
    const packet = readConnect(frames);
    connection.connecting = true;
    connection.suspend();
    this.#handlers.handshake.connect(connection, packet);
  }

  /** Between CONNECT and CONNACK only what belongs to the authentication may come [MQTT-3.1.2-30]. */
  #whileConnecting(connection: Connection, type: number, frames: FrameReader): void {
    if (type === packetType.auth && connection.version === 5) {
      return this.#handlers.authentication.continued(connection, readAuth(frames));
    }
    if (type === packetType.disconnect && connection.version === 5) {
      return connection.disconnected(readDisconnect(frames, 5));
    }
    throw new WaypostError("ERR_PROTOCOL_VIOLATION", `packet type ${type} before CONNACK`);
  }
}

function withoutBody({ body, end }: FrameReader, packet: string): void {
  if (body !== end) throw new WaypostError("ERR_MALFORMED_PACKET", `malformed ${packet}: it has a body`);
}
