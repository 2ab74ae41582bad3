import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type IPublishPacket, type Packet, parser, writeToStream } from "mqtt-packet";

interface Consumer {
  readonly socket: Socket;
  readonly unsettled: Map<number, IPublishPacket>;
}

/** As many messages may wait for one consumer's PUBACK. */
const consumerWindow = 20;

/** A broker of MQTT 3.1.1 whose one queue takes every message, and gives what a consumer leaves unsettled to another. */
export class QueueBroker {
  readonly topics: string[] = [];
  /** What it acknowledges and does not keep: the publish of each of these numbers, from 1. */
  readonly #forgets: ReadonlySet<number>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #consumers: Consumer[] = [];
  #waiting: IPublishPacket[] = [];
  #packetId = 0;

  private constructor(forgets: readonly number[]) {
    this.#forgets = new Set(forgets);
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(forgets: readonly number[] = []): Promise<QueueBroker> {
    const broker = new QueueBroker(forgets);
    await new Promise<void>((resolve) => broker.#server.listen(0, "127.0.0.1", resolve));
    return broker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get depth(): number {
    return this.#waiting.length;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    const packets = parser();
    const consumer: Consumer = { socket, unsettled: new Map() };
    this.#sockets.add(socket);
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => this.#leave(consumer));
    socket.on("data", (chunk) => packets.parse(chunk));
    packets.on("packet", (packet: Packet) => this.#on(consumer, packet));
  }

  #on(consumer: Consumer, packet: Packet): void {
    const { socket } = consumer;
    switch (packet.cmd) {
      case "connect":
        writeToStream({ cmd: "connack", sessionPresent: false, returnCode: 0 }, socket);
        break;
      case "subscribe":
        writeToStream({ cmd: "suback", messageId: packet.messageId!, granted: [1] }, socket);
        if (packet.subscriptions[0]!.topic === "$queue/bench") this.#consumers.push(consumer);
        break;
      case "publish":
        this.topics.push(packet.topic);
        if (!this.#forgets.has(this.topics.length)) this.#waiting.push(packet);
        writeToStream({ cmd: "puback", messageId: packet.messageId! }, socket);
        break;
      case "puback":
        consumer.unsettled.delete(packet.messageId!);
        break;
      case "disconnect":
        socket.end();
    }
    this.#dispatch();
  }

  #leave(consumer: Consumer): void {
    this.#sockets.delete(consumer.socket);
    this.#consumers = this.#consumers.filter((other) => other !== consumer);
    this.#waiting.unshift(...[...consumer.unsettled.values()].map((message) => ({ ...message, dup: true })));
    consumer.unsettled.clear();
    this.#dispatch();
  }

  #dispatch(): void {
    for (;;) {
      const consumer = this.#consumers.find(({ unsettled }) => unsettled.size < consumerWindow);
      const message = consumer && this.#waiting.shift();
      if (consumer === undefined || message === undefined) return;
      this.#packetId = (this.#packetId % 65_535) + 1;
      consumer.unsettled.set(this.#packetId, message);
      writeToStream({ ...message, messageId: this.#packetId, qos: 1 }, consumer.socket);
    }
  }
}
