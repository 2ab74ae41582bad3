import { EventEmitter } from "node:events";
import { type Packet, Store } from "mqtt";

/**
 * What a device has sent and nobody has acknowledged yet, kept over reconnections.
 *
 * MQTT.js sends it again one by one, each after the acknowledgement of the one before, but from a list that it made at
 * the start. What a gateway releases of itself meanwhile, by repeating its PUBREC, it would publish once more under a
 * packet id that is free again: a second message, made by the client [MQTT-4.3.3-1]. Here it reads what is still open.
 */
export class OutgoingStore extends Store {
  // MQTT.js keeps its own list to itself.
  readonly #packets = new Map<number | undefined, Packet>();

  constructor() {
    super({ clean: false });
  }

  override put(packet: Packet, done: () => void): this {
    this.#packets.set(packet.messageId, packet);
    return super.put(packet, done);
  }

  override del(packet: Pick<Packet, "messageId">, done: Parameters<Store["del"]>[1]): this {
    this.#packets.delete(packet.messageId);
    return super.del(packet, done);
  }

  override createStream(): ReturnType<Store["createStream"]> {
    // MQTT.js uses no more of the stream than this.
    return new OpenPackets(this.#packets.values()) as unknown as ReturnType<Store["createStream"]>;
  }
}

/** Gives one packet at each `read`, as it is by then. A stream of Node's reads ahead what may be outdated when it is sent. */
class OpenPackets extends EventEmitter {
  // An iterator of a map does not come to what has been deleted before.
  readonly #packets: Iterator<Packet>;

  constructor(packets: Iterator<Packet>) {
    super();
    this.#packets = packets;
  }

  read(): Packet | null {
    const { value = null } = this.#packets.next();
    if (value === null) process.nextTick(() => this.emit("end"));
    // A copy: MQTT.js puts a topic alias of this connection in the place of the topic of what it sends again.
    return value === null ? null : { ...value };
  }

  destroy(): void {
    this.removeAllListeners();
  }
}
