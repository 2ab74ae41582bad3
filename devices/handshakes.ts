import type { Stamp } from "./payload.ts";

/**
 * The QoS 2 messages that one device has got by PUBLISH and that no PUBREL has released. MQTT.js hands a message on at
 * PUBREL, so it hides one that comes again under another packet id; a device that hands it on at PUBLISH, as MQTT
 * permits too (figure 4.3), would have it twice.
 */
export class Handshakes {
  readonly #packetIds = new Map<string, number>();

  /** Says whether this message had come under another packet id before [MQTT-4.4.0-1]. */
  published({ topic, sequence }: Stamp, packetId: number): boolean {
    const key = `${sequence} ${topic}`;
    const before = this.#packetIds.get(key);
    this.#packetIds.set(key, packetId);
    return before !== undefined && before !== packetId;
  }

  released({ topic, sequence }: Stamp): void {
    this.#packetIds.delete(`${sequence} ${topic}`);
  }
}
