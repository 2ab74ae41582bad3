import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { generate, type IPublishPacket, type Packet, parser } from "mqtt-packet";
import { WaypostError } from "../src/waypost-error.ts";

/** A broker that accepts and then says nothing for so long is not up. */
const connackTimeoutMs = 5000;

/** As much MQTT as it takes to ask a broker how it is: not for load, that is bench/load.c. */
export class MqttClient {
  readonly #socket: Socket;
  #onPublish: (packet: IPublishPacket) => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Resolves when the broker has accepted a clean session.
   * @throws WaypostError ERR_UPSTREAM where nobody listens, or CONNECT is refused
   */
  static async connect(port: number): Promise<MqttClient> {
    const socket = connect(port, "127.0.0.1");
    const client = new MqttClient(socket);
    const packets = parser();
    socket.on("data", (chunk: Buffer) => packets.parse(chunk));
    await new Promise<void>((resolve, reject) => {
      const refuse = (reason: string) => {
        socket.destroy();
        reject(new WaypostError("ERR_UPSTREAM", `CONNECT to port ${port} failed: ${reason}; is the broker up?`));
      };
      socket.setTimeout(connackTimeoutMs, () => refuse("no CONNACK"));
      socket.on("error", (error) => refuse(error.message));
      socket.on("close", () => refuse("closed"));
      packets.on("error", (error: Error) => refuse(error.message));
      packets.on("packet", (packet: Packet) => {
        if (packet.cmd === "publish") client.#onPublish(packet);
        if (packet.cmd !== "connack") return;
        socket.setTimeout(0);
        if (packet.returnCode === 0) resolve();
        else refuse(`return code ${packet.returnCode}`);
      });
      socket.on("connect", () => socket.write(generate({ cmd: "connect", clientId: "bench-asks", clean: true })));
    });
    return client;
  }

  /** One subscription at a time is enough here; nothing is acknowledged. */
  subscribe(filter: string, onPublish: (packet: IPublishPacket) => void, qos: 0 | 1 = 0): void {
    this.#onPublish = onPublish;
    this.#socket.write(generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: filter, qos }] }));
  }

  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = once(this.#socket, "close");
    this.#socket.end(generate({ cmd: "disconnect" }));
    await closed;
  }
}
