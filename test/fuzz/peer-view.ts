import mqttPacket, { type IConnackPacket, type Packet } from "mqtt-packet";
import { Frames } from "./frames.ts";
import type { Script } from "./script.ts";

/** What one client sees of the gateway, and what it must never see. Knows the specification, and nothing of the gateway. */
export class PeerView {
  /** What the gateway did that the specification forbids. */
  readonly faults: string[] = [];
  /** The reason with which the gateway took leave, or refused; undefined while it did not. */
  reasonCode: number | undefined;
  pongs = 0;
  readonly #script: Script;
  readonly #onPacket: (packet: Packet) => void;
  readonly #frames = new Frames();
  readonly #parser: ReturnType<typeof mqttPacket.parser>;
  readonly #aliases = new Map<number, string>();
  readonly #inFlight = new Set<number>();
  #isGreeted = false;
  #hasLeft = false;

  constructor(script: Script, onPacket: (packet: Packet) => void) {
    this.#script = script;
    this.#onPacket = onPacket;
    this.#parser = mqttPacket.parser({ protocolVersion: script.version });
    this.#parser.on("packet", (packet) => this.#saw(packet));
    this.#parser.on("error", (error) => this.faults.push(`sent what cannot be read: ${error.message}`));
  }

  /** Bytes came. Where the CONNECT was damaged nobody knows in which version the answers are. */
  arrived(chunk: Buffer): void {
    if (!this.#script.isConnected || this.faults.length > 0) return;
    const packets = this.#frames.push(chunk);
    if (packets === null) this.faults.push("sent a packet without an end");
    for (const packet of packets ?? []) {
      const { maximumPacketSize } = this.#script;
      if (packet.length > maximumPacketSize) {
        const kind = (packet[0] as number) >> 4;
        this.faults.push(
          `sent a packet (type ${kind}) of ${packet.length} bytes to a client that takes ${maximumPacketSize} [MQTT-3.1.2-24]`,
        );
      }
      this.#parser.parse(packet);
    }
  }

  /** A message was acknowledged for good. */
  settled(packetId: number): void {
    this.#inFlight.delete(packetId);
  }

  #saw(packet: Packet): void {
    if (this.#hasLeft) this.faults.push(`sent ${packet.cmd} after its DISCONNECT [MQTT-3.14.4-1]`);
    if (!this.#isGreeted && packet.cmd !== "connack" && !(packet.cmd === "auth" && this.#script.version === 5)) {
      this.faults.push(`sent ${packet.cmd} before CONNACK [MQTT-3.2.0-1]`);
    }
    switch (packet.cmd) {
      case "connack":
        this.#greeted(packet);
        break;
      case "pingresp":
        this.pongs++;
        break;
      case "disconnect":
        if (this.#script.version < 5) this.faults.push("sent DISCONNECT to a client that does not know it");
        this.#hasLeft = true;
        this.reasonCode = packet.reasonCode ?? 0;
        break;
      case "publish":
        this.#published(packet);
        break;
    }
    this.#onPacket(packet);
  }

  #greeted({ reasonCode, returnCode, sessionPresent }: IConnackPacket): void {
    if (this.#isGreeted) this.faults.push("sent a second CONNACK [MQTT-3.2.0-2]");
    this.#isGreeted = true;
    const code = (this.#script.version === 5 ? reasonCode : returnCode) ?? 0;
    if (code === 0) return;
    this.reasonCode = code;
    this.#hasLeft = true;
    if (sessionPresent) this.faults.push("refused a client and said that it has a session [MQTT-3.2.2-6]");
  }

  #published(packet: Extract<Packet, { cmd: "publish" }>): void {
    const { receiveMaximum, topicAliasMaximum, manners } = this.#script;
    // Who acknowledges twice may settle the next message under the same packet id by it.
    const isOrderly = this.#script.isOrderly && manners !== "hasty";
    const { topicAlias } = packet.properties ?? {};
    if (topicAlias !== undefined) {
      if (topicAlias > topicAliasMaximum)
        this.faults.push(`used alias ${topicAlias} of ${topicAliasMaximum} [MQTT-3.3.2-11]`);
      if (packet.topic !== "") this.#aliases.set(topicAlias, packet.topic);
      else if (!this.#aliases.has(topicAlias)) this.faults.push(`used alias ${topicAlias} before it was set`);
    } else if (packet.topic === "") this.faults.push("sent a PUBLISH with neither topic nor alias");
    if (packet.qos === 0 || packet.messageId === undefined) return;
    if (this.#inFlight.has(packet.messageId) && isOrderly) {
      this.faults.push(`used packet id ${packet.messageId} while it was in use [MQTT-2.2.1-4]`);
    }
    this.#inFlight.add(packet.messageId);
    if (this.#inFlight.size > receiveMaximum && isOrderly) {
      this.faults.push(
        `has ${this.#inFlight.size} messages in flight to a client that takes ${receiveMaximum} [MQTT-3.3.4-9]`,
      );
    }
  }
}
