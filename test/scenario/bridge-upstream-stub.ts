import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import mqttPacket, { type Packet } from "mqtt-packet";
import { onTestFinished } from "vitest";
import { until } from "./bridge-house.ts";

type Publish = Extract<Packet, { cmd: "publish" }>;

/** What came, in its order. */
export interface Came {
  topic: string;
  payload: string;
  qos: number;
  retain: boolean;
  dup: boolean;
  packetId: number;
  bytes: number;
  properties: NonNullable<Publish["properties"]>;
}

/** An upstream that writes down what comes, and answers, or holds its answers until it is told to. */
export class UpstreamStub {
  readonly came: Came[] = [];
  readonly connects: Extract<Packet, { cmd: "connect" }>[] = [];
  /** The filters of each SUBSCRIBE. */
  readonly subscribed: string[][] = [];
  /** Of its CONNACK, in MQTT 5. */
  properties: object = {};
  sessionPresent = false;
  /** Whether it acknowledges at once. */
  isPrompt = true;
  port = 0;
  readonly #version: 4 | 5;
  #held: Came[] = [];
  #server: Server | null = null;
  #socket: Socket | null = null;
  readonly #sockets = new Set<Socket>();

  constructor(version: 4 | 5 = 5) {
    this.#version = version;
    onTestFinished(() => this.stop());
  }

  /** Listens, on the port of the last time. */
  async start(port = this.port): Promise<this> {
    const server = createServer((socket) => this.#accept(socket)).listen(port, "127.0.0.1");
    await once(server, "listening");
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    return this;
  }

  /** Cuts all connections off, and listens no more. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = once(server, "close");
    server.close();
    this.cut();
    await closed;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#held = [];
  }

  /** Acknowledges what it held, the oldest first. */
  acknowledge(count = this.#held.length): void {
    for (const each of this.#held.splice(0, count)) this.#answer(each);
  }

  send(packet: object): void {
    this.#socket?.write(mqttPacket.generate(packet as Packet, { protocolVersion: this.#version } as never));
  }

  /** Resolves when so many messages have come in all. */
  async has(count: number): Promise<Came[]> {
    await until(() => this.came.length >= count);
    return this.came;
  }

  get payloads(): string[] {
    return this.came.map(({ payload }) => payload);
  }

  #accept(socket: Socket): void {
    this.#socket = socket;
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    const parser = mqttPacket.parser({ protocolVersion: this.#version });
    parser.on("packet", (packet) => this.#handle(packet)).on("error", () => socket.destroy());
    socket.on("data", (chunk) => parser.parse(chunk));
  }

  #handle(packet: Packet): void {
    switch (packet.cmd) {
      case "connect": {
        this.connects.push(packet);
        const { sessionPresent, properties } = this;
        return this.send({ cmd: "connack", sessionPresent, returnCode: 0, reasonCode: 0, properties });
      }
      case "subscribe": {
        this.subscribed.push(packet.subscriptions.map(({ topic }) => topic));
        const granted = packet.subscriptions.map(({ qos }) => qos);
        return this.send({ cmd: "suback", messageId: packet.messageId, granted });
      }
      case "pingreq":
        return this.send({ cmd: "pingresp" });
      case "pubrec":
        return this.send({ cmd: "pubrel", messageId: packet.messageId });
      case "pubrel":
        return this.send({ cmd: "pubcomp", messageId: packet.messageId });
      case "publish":
        return this.#took(packet);
    }
  }

  #took({ topic, payload, qos, retain, dup, messageId = 0, properties = {}, length = 0 }: Publish): void {
    const packetId = messageId;
    const came = { topic, payload: payload.toString(), qos, retain, dup, packetId, bytes: length, properties };
    this.came.push(came);
    if (qos === 0) return;
    if (this.isPrompt) this.#answer(came);
    else this.#held.push(came);
  }

  #answer({ qos, packetId }: Came): void {
    this.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId: packetId });
  }
}
