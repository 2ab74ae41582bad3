import { once } from "node:events";
import mqttPacket, { type Packet } from "mqtt-packet";
import { WebSocket } from "ws";

/** A WebSocket client that sends just the frames it is told to, and collects the MQTT packets that come back. */
export class WebClient {
  readonly socket: WebSocket;
  readonly packets: Packet[] = [];
  /** Resolves with the code of the close frame, or 1006 where none came. */
  readonly closed: Promise<number>;
  isClosed = false;
  #waiting: (() => void)[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    parser.on("packet", (packet) => {
      this.packets.push(packet);
      this.#wake();
    });
    socket.on("message", (data) => parser.parse(data as Buffer));
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.once("close", (code) => {
        this.isClosed = true;
        resolve(code);
        this.#wake();
      });
    });
  }

  static async open(port: number): Promise<WebClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, ["mqtt"], { perMessageDeflate: false });
    const client = new WebClient(socket);
    await once(socket, "open");
    return client;
  }

  static async connected(port: number, clientId: string): Promise<WebClient> {
    const client = await WebClient.open(port);
    client.send(connectPacket(clientId));
    await client.next("connack");
    return client;
  }

  /** One packet in one binary message. */
  send(packet: Packet): void {
    this.socket.send(mqttPacket.generate(packet));
  }

  async subscribe(topic: string, qos: 0 | 1 | 2): Promise<void> {
    this.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos }] });
    await this.next("suback");
  }

  async ping(): Promise<void> {
    this.send({ cmd: "pingreq" });
    await this.next("pingresp");
  }

  async next(cmd: Packet["cmd"]): Promise<Packet> {
    for (;;) {
      const index = this.packets.findIndex((packet) => packet.cmd === cmd);
      if (index >= 0) return this.packets.splice(index, 1)[0] as Packet;
      if (this.isClosed) throw new Error(`closed while waiting for ${cmd}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

export function connectPacket(clientId: string): Packet {
  return { cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, clientId, keepalive: 0 };
}
