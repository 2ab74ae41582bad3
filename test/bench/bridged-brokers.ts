import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type IPublishPacket, type Packet, parser, writeToStream } from "mqtt-packet";

/** What the bridge does to the messages of these numbers, from 1, in the order in which it takes them. */
export interface Mishaps {
  loses?: readonly number[];
  doubles?: readonly number[];
}

/** Two brokers of MQTT 3.1.1: what is published to the edge waits there until it is bridged to those of the upstream. */
export class BridgedBrokers {
  readonly #mishaps: Mishaps;
  readonly #edge: Server;
  readonly #upstream: Server;
  readonly #sockets = new Set<Socket>();
  readonly #subscribers = new Map<string, Socket>();
  readonly #waiting: IPublishPacket[] = [];
  #connected = false;
  #bridged = 0;

  private constructor(mishaps: Mishaps) {
    this.#mishaps = mishaps;
    this.#edge = createServer((socket) => this.#serve(socket));
    this.#upstream = createServer((socket) => this.#serve(socket));
  }

  static async start(mishaps: Mishaps = {}): Promise<BridgedBrokers> {
    const both = new BridgedBrokers(mishaps);
    for (const server of [both.#edge, both.#upstream]) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
    return both;
  }

  get edgePort(): number {
    return (this.#edge.address() as AddressInfo).port;
  }

  get upstreamPort(): number {
    return (this.#upstream.address() as AddressInfo).port;
  }

  /** What waits goes up, and from here on all that comes. */
  connect(): void {
    this.#connected = true;
    for (const message of this.#waiting.splice(0)) this.#forward(message);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of [this.#edge, this.#upstream]) await new Promise((resolve) => server.close(resolve));
  }

  #serve(socket: Socket): void {
    const packets = parser();
    this.#sockets.add(socket);
    socket.on("error", () => {}); // the generator may end at any time
    socket.on("data", (chunk) => packets.parse(chunk));
    packets.on("packet", (packet: Packet) => this.#on(socket, packet));
  }

  #on(socket: Socket, packet: Packet): void {
    switch (packet.cmd) {
      case "connect":
        writeToStream({ cmd: "connack", sessionPresent: false, returnCode: 0 }, socket);
        break;
      case "subscribe": {
        const { topic, qos } = packet.subscriptions[0]!;
        this.#subscribers.set(topic, socket);
        writeToStream({ cmd: "suback", messageId: packet.messageId!, granted: [qos] }, socket);
        break;
      }
      case "publish":
        writeToStream({ cmd: "puback", messageId: packet.messageId! }, socket);
        if (this.#connected) this.#forward(packet);
        else this.#waiting.push(packet);
    }
  }

  #forward(message: IPublishPacket): void {
    const { loses = [], doubles = [] } = this.#mishaps;
    this.#bridged++;
    const subscriber = this.#subscribers.get(message.topic.startsWith("bench/") ? "bench/+/data" : message.topic);
    if (subscriber === undefined || loses.includes(this.#bridged)) return;
    for (let times = doubles.includes(this.#bridged) ? 2 : 1; times > 0; times--) {
      writeToStream({ ...message, qos: 0 }, subscriber);
    }
  }
}
