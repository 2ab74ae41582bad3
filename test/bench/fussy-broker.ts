import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type IConnackPacket, type IPublishPacket, type Packet, parser, writeToStream } from "mqtt-packet";

export interface Fussiness {
  /** In its CONNACK. */
  connack?: NonNullable<IConnackPacket["properties"]>;
  /** What follows the packet id of each PUBACK, one form after the other. */
  pubackTails?: readonly (readonly number[])[];
  /** What a subscriber gets for a message. */
  deliver?: (packet: IPublishPacket) => IPublishPacket;
}

/** A broker of MQTT 5 for one topic that uses all the freedom that a broker has, and notes what it is sent. */
export class FussyBroker {
  readonly topics: string[] = [];
  unacknowledgedMax = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #subscribers: Socket[] = [];
  readonly #fussiness: Fussiness;
  #acknowledged = 0;

  private constructor(fussiness: Fussiness) {
    this.#fussiness = fussiness;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(fussiness: Fussiness): Promise<FussyBroker> {
    const broker = new FussyBroker(fussiness);
    await new Promise<void>((resolve) => broker.#server.listen(0, "127.0.0.1", resolve));
    return broker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    const packets = parser();
    const unacknowledged: number[] = [];
    this.#sockets.add(socket);
    socket.on("error", () => {}); // the generator may end at any time
    // In one chunk is all that the generator dares to send before it has heard anything.
    socket.on("data", (chunk) => {
      packets.parse(chunk);
      for (const id of unacknowledged.splice(0)) this.#acknowledge(socket, id);
    });
    packets.on("packet", (packet: Packet) => {
      this.#on(socket, packet);
      if (packet.cmd !== "publish" || packet.qos === 0) return;
      unacknowledged.push(packet.messageId!);
      this.unacknowledgedMax = Math.max(this.unacknowledgedMax, unacknowledged.length);
    });
  }

  #on(socket: Socket, packet: Packet): void {
    switch (packet.cmd) {
      case "connect":
        send(socket, {
          cmd: "connack",
          sessionPresent: false,
          reasonCode: 0,
          properties: this.#fussiness.connack ?? {},
        });
        break;
      case "subscribe":
        this.#subscribers.push(socket);
        send(socket, { cmd: "suback", messageId: packet.messageId!, granted: [packet.subscriptions[0]!.qos] });
        break;
      case "publish":
        this.topics.push(packet.topic);
        for (const to of this.#subscribers) send(to, this.#fussiness.deliver?.(packet) ?? packet);
    }
  }

  #acknowledge(socket: Socket, id: number): void {
    const tails = this.#fussiness.pubackTails ?? [[]];
    const tail = tails[this.#acknowledged++ % tails.length]!;
    socket.write(Buffer.from([0x40, 2 + tail.length, id >> 8, id & 255, ...tail]));
  }
}

function send(socket: Socket, packet: Packet): void {
  writeToStream(packet, socket, { protocolVersion: 5 });
}
