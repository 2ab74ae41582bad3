import { readConnect, readSubscribe, readUnsubscribe } from "../protocol/control-packets.ts";
import type { FrameReader } from "../protocol/frame-reader.ts";
import { flagsAreValid, packetType } from "../protocol/packet-type.ts";
import { readPublish } from "../protocol/publish-frame.ts";
import { WaypostError } from "../waypost-error.ts";
import type { Connection } from "./connection.ts";
import type { DeviceContext } from "./device-context.ts";
import type { Handshake } from "./handshake.ts";
import type { Inbound } from "./inbound.ts";
import type { Subscribing } from "./subscribing.ts";

/** Reads frames as packets and brings each to where it is handled. One for all connections. */
export class Dispatcher {
  readonly #context: DeviceContext;
  readonly #handshake: Handshake;
  readonly #inbound: Inbound;
  readonly #subscribing: Subscribing;

  constructor(context: DeviceContext, handshake: Handshake, inbound: Inbound, subscribing: Subscribing) {
    this.#context = context;
    this.#handshake = handshake;
    this.#inbound = inbound;
    this.#subscribing = subscribing;
  }

  /**
   * The frame that `frames` stands on.
   * @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION, ERR_TOPIC_INVALID, ConnectRefused
   */
  dispatch(connection: Connection, frames: FrameReader): void {
    const first = frames.chunk[frames.start] as number;
    const type = first >> 4;
    if (type !== packetType.publish && !flagsAreValid(first)) {
      throw new WaypostError("ERR_MALFORMED_PACKET", `reserved flags in the fixed header 0x${first.toString(16)}`); // [MQTT-2.2.2-2]
    }
    const device = connection.device;
    if (device === null) return this.#first(connection, type, frames);
    switch (type) {
      case packetType.publish:
        return this.#publish(connection, first, frames);
      case packetType.puback:
        return device.acknowledged(packetIdOf(frames, "PUBACK"));
      case packetType.pubrec:
        return device.received(packetIdOf(frames, "PUBREC"));
      case packetType.pubrel:
        return this.#inbound.release(connection, packetIdOf(frames, "PUBREL"));
      case packetType.pubcomp:
        return device.completed(packetIdOf(frames, "PUBCOMP"));
      default:
        return this.#control(connection, type, frames);
    }
  }

  #publish(connection: Connection, first: number, frames: FrameReader): void {
    const { broker, topics, counters } = this.#context;
    const packet = readPublish(frames, topics);
    // QoS 0 without flags, and no hook that may change it: these very bytes can be sent on.
    if (first === 0x30 && broker.authorizePublishHook === null) {
      broker.router.passing(packet, frames.chunk, frames.start, frames.end);
    }
    counters.publishesReceived++;
    this.#inbound.publish(connection, packet);
  }

  #control(connection: Connection, type: number, frames: FrameReader): void {
    const { chunk, start, body, end } = frames;
    switch (type) {
      case packetType.subscribe: {
        const packet = { cmd: "subscribe" as const, ...readSubscribe(chunk, start, body, end) };
        return this.#subscribing.subscribe(connection, packet, undefined);
      }
      case packetType.unsubscribe: {
        const packet = { cmd: "unsubscribe" as const, ...readUnsubscribe(chunk, start, body, end) };
        return this.#subscribing.unsubscribe(connection, packet, undefined);
      }
      case packetType.pingreq:
        withoutBody(frames, "PINGREQ");
        connection.sendPingresp(); // [MQTT-3.12.4-1]
        this.#context.broker.emit("ping", { cmd: "pingreq" }, connection);
        return;
      case packetType.disconnect:
        withoutBody(frames, "DISCONNECT");
        return connection.disconnected();
      case packetType.connect:
        throw new WaypostError("ERR_PROTOCOL_VIOLATION", "a second CONNECT"); // [MQTT-3.1.0-2]
      default:
        throw new WaypostError("ERR_PROTOCOL_VIOLATION", `packet type ${type} is not for a server`);
    }
  }

  #first(connection: Connection, type: number, frames: FrameReader): void {
    if (type !== packetType.connect || connection.connecting) {
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", "the first packet is not CONNECT"); // [MQTT-3.1.0-1]
    }
    const { chunk, start, body, end } = frames;
    connection.connecting = true;
    connection.suspend();
    this.#handshake.connect(connection, readConnect(chunk, start, body, end));
  }
}

function packetIdOf({ chunk, body, end }: FrameReader, packet: string): number {
  const packetId = end - body === 2 ? chunk.readUInt16BE(body) : 0;
  if (packetId === 0) throw new WaypostError("ERR_MALFORMED_PACKET", `malformed ${packet}: it has no packet id`); // [MQTT-2.3.1-1]
  return packetId;
}

function withoutBody({ body, end }: FrameReader, packet: string): void {
  if (body !== end) throw new WaypostError("ERR_MALFORMED_PACKET", `malformed ${packet}: it has a body`);
}
