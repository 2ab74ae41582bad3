import type { Duplex } from "node:stream";
import type { IPublishPacket } from "mqtt";
import { reasonOf } from "../reason-of.ts";
import { FrameCutter } from "./frame-cutter.ts";
import type { Habits } from "./habits.ts";
import { readPublish, type WireProperties, type WirePublish } from "./read-publish.ts";

/**
 * Reads along on one connection what MQTT.js does not tell: user properties in their order, topics behind aliases, and
 * whether the gateway keeps to the device's limits. What it must not do is told by `fault`.
 */
export class PublishTap {
  readonly #limits: Pick<Habits, "aliasMaximum" | "receiveMaximum">;
  readonly #fault: (what: string) => void;
  readonly #cutter = new FrameCutter();
  readonly #read: WirePublish[] = [];
  readonly #topics = new Map<number, string>();
  readonly #unacknowledged = new Set<number>();

  /** To be called before the stream has given anything. */
  constructor(
    stream: Pick<Duplex, "prependListener">,
    limits: Pick<Habits, "aliasMaximum" | "receiveMaximum">,
    fault: (what: string) => void,
  ) {
    this.#limits = limits;
    this.#fault = fault;
    // Before MQTT.js, which handles the first packet of a chunk as soon as it has it.
    stream.prependListener("data", (chunk: Buffer) => this.#hear(chunk));
  }

  /** To be called for each PUBLISH that MQTT.js has read, in their order. Puts the topic where an alias stood. */
  take(packet: IPublishPacket): WireProperties | undefined {
    const wire = this.#read.shift();
    // MQTT.js forgets the alias of a QoS 2 message by the time it hands the message on.
    if (wire !== undefined && packet.topic === "") packet.topic = wire.topic;
    return wire?.properties;
  }

  /** The device has sent PUBACK or PUBCOMP. */
  acknowledged(packetId: number): void {
    this.#unacknowledged.delete(packetId);
  }

  #hear(chunk: Buffer): void {
    try {
      for (const { flags, body } of this.#cutter.read(chunk)) {
        const wire = readPublish(flags, body);
        this.#resolve(wire);
        this.#count(wire);
        this.#read.push(wire);
      }
    } catch (error) {
      this.#fault(`the gateway sent what is no MQTT (${reasonOf(error)})`);
    }
  }

  #resolve(wire: WirePublish): void {
    const alias = wire.topicAlias;
    if (alias === undefined) return;
    if (alias === 0 || alias > this.#limits.aliasMaximum) {
      this.#fault("the gateway used a topic alias beyond the device's maximum"); // [MQTT-3.3.2-8] [MQTT-3.1.2-26]
    }
    if (wire.topic !== "") this.#topics.set(alias, wire.topic);
    else if (this.#topics.has(alias)) wire.topic = this.#topics.get(alias)!;
    else this.#fault("the gateway used a topic alias that it had not set on this connection"); // [MQTT-3.3.2-7]
  }

  #count({ qos, packetId }: WirePublish): void {
    if (qos === 0) return;
    this.#unacknowledged.add(packetId);
    const { receiveMaximum } = this.#limits;
    if (receiveMaximum !== undefined && this.#unacknowledged.size > receiveMaximum) {
      this.#fault("the gateway sent more than the device's receive maximum"); // [MQTT-3.3.4-9]
    }
  }
}
