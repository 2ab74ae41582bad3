import { once } from "node:events";
import { connect, type Socket } from "node:net";
import mqttPacket, { type Packet } from "mqtt-packet";

type Cmd = Packet["cmd"];

/** A client that sends just the bytes it is told to, and collects what comes back. */
export class RawClient {
  readonly socket: Socket;
  readonly packets: Packet[] = [];
  /** Resolves when the gateway has closed the connection. */
  readonly closed: Promise<void>;
  isClosed = false;
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    parser.on("packet", (packet) => {
      this.packets.push(packet);
      this.#wake();
    });
    socket.on("data", (chunk) => parser.parse(chunk));
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.isClosed = true;
        resolve();
        this.#wake();
      });
    });
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  /** Opens a connection, sends CONNECT and takes the CONNACK. */
  static async connected(port: number, options: ConnectOptions = {}): Promise<RawClient> {
    const client = await RawClient.open(port);
    client.connect(options);
    const connack = await client.next("connack");
    if (connack.cmd !== "connack" || connack.returnCode !== 0) throw new Error(`refused: ${JSON.stringify(connack)}`);
    client.sessionPresent = connack.sessionPresent;
    return client;
  }

  sessionPresent: boolean | undefined;

  /** Sends bytes, as numbers or as hexadecimal text with any white space. */
  bytes(bytes: string | number[] | Buffer): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes.replaceAll(/\s/g, ""), "hex") : Buffer.from(bytes));
  }

  send(packet: Packet): void {
    this.socket.write(mqttPacket.generate(packet));
  }

  connect(options: ConnectOptions = {}): void {
    const defaults = { protocolId: "MQTT", protocolVersion: 4, clean: true, clientId: "raw", keepalive: 0 } as const;
    this.send({ cmd: "connect", ...defaults, ...options });
  }

  publish(topic: string, payload: string | Buffer, options: PublishOptions = {}): void {
    this.send({ cmd: "publish", qos: 0, dup: false, retain: false, topic, payload, ...options });
  }

  /** Subscribes and waits for the SUBACK; returns the granted codes. */
  async subscribe(subscriptions: Record<string, 0 | 1 | 2>, messageId = 1): Promise<number[]> {
    const list = Object.entries(subscriptions).map(([topic, qos]) => ({ topic, qos }));
    this.send({ cmd: "subscribe", messageId, subscriptions: list });
    const suback = await this.next("suback");
    return suback.cmd === "suback" ? (suback.granted as number[]) : [];
  }

  /** Takes the next packet that came, of the given kind if one is given; fails when the connection closes first. */
  async next(cmd?: Cmd): Promise<Packet> {
    for (;;) {
      const index = this.packets.findIndex((packet) => cmd === undefined || packet.cmd === cmd);
      if (index >= 0) return this.packets.splice(index, 1)[0] as Packet;
      if (this.isClosed) throw new Error(`closed while waiting for ${cmd ?? "a packet"}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Takes the next PUBLISH. */
  async message(): Promise<{
    topic: string;
    payload: string;
    qos: number;
    retain: boolean;
    dup: boolean;
    messageId: number | undefined;
  }> {
    const packet = await this.next("publish");
    if (packet.cmd !== "publish") throw new Error("not a PUBLISH");
    const { topic, payload, qos, retain, dup, messageId } = packet;
    return { topic, payload: payload.toString(), qos, retain, dup, messageId };
  }

  /** Sends PINGREQ and waits for its answer: everything sent before has been handled then. */
  async ping(): Promise<void> {
    this.send({ cmd: "pingreq" });
    await this.next("pingresp");
  }

  /** Leaves with DISCONNECT. */
  async disconnect(): Promise<void> {
    this.send({ cmd: "disconnect" });
    await this.closed;
  }

  /** Cuts the line. */
  async cut(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

export type ConnectOptions = Partial<Omit<Extract<Packet, { cmd: "connect" }>, "cmd">>;
export type PublishOptions = { qos?: 0 | 1 | 2; retain?: boolean; dup?: boolean; messageId?: number };
