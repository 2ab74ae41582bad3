import { once } from "node:events";
import { connect, type Socket } from "node:net";
import mqttPacket, { type Packet } from "mqtt-packet";

type Cmd = Packet["cmd"];
export type Connack = Extract<Packet, { cmd: "connack" }>;

/**
 * A client that sends just the bytes it is told to, and collects what comes back. It speaks MQTT 3.1.1, or 5 where it is
 * told so by the `protocolVersion` of its CONNECT.
 */
export class RawClient {
  readonly socket: Socket;
  readonly packets: Packet[] = [];
  readonly version: number;
  /** Resolves when the gateway has closed the connection. */
  readonly closed: Promise<void>;
  isClosed = false;
  /** Of `connected`. */
  connack: Connack | undefined;
  #waiting: (() => void)[] = [];
  readonly #chunks: Buffer[] = [];

  private constructor(socket: Socket, version: number) {
    this.socket = socket;
    this.version = version;
    const parser = mqttPacket.parser({ protocolVersion: version });
    parser.on("packet", (packet) => {
      this.packets.push(packet);
      this.#wake();
    });
    socket.on("data", (chunk) => {
      if (version === 5) this.#chunks.push(chunk);
      parser.parse(chunk);
    });
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.isClosed = true;
        resolve();
        this.#wake();
      });
    });
  }

  static async open(port: number, version = 4): Promise<RawClient> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    return new RawClient(socket, version);
  }

  /** Opens a connection, sends CONNECT and takes the CONNACK. */
  static async connected(port: number, options: ConnectOptions = {}): Promise<RawClient> {
    const client = await RawClient.open(port, options.protocolVersion);
    client.connect(options);
    const connack = (await client.next("connack")) as Connack;
    if ((connack.reasonCode ?? connack.returnCode) !== 0) throw new Error(`refused: ${JSON.stringify(connack)}`);
    client.connack = connack;
    client.sessionPresent = connack.sessionPresent;
    return client;
  }

  sessionPresent: boolean | undefined;

  /** All bytes that came, in MQTT 5: there `packets` do not show the order of user properties. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Sends bytes, as numbers or as hexadecimal text with any white space. */
  bytes(bytes: string | number[] | Buffer): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes.replaceAll(/\s/g, ""), "hex") : Buffer.from(bytes));
  }

  send(packet: Packet): void {
    this.socket.write(mqttPacket.generate(packet, { protocolVersion: this.version }));
  }

  connect(options: ConnectOptions = {}): void {
    const protocolVersion = this.version as 4 | 5;
    const defaults = { protocolId: "MQTT", protocolVersion, clean: true, clientId: "raw", keepalive: 0 } as const;
    this.send({ cmd: "connect", ...defaults, ...options });
  }

  publish(topic: string, payload: string | Buffer, options: PublishOptions = {}): void {
    this.send({ cmd: "publish", qos: 0, dup: false, retain: false, topic, payload, ...options });
  }

  /** Subscribes and waits for the SUBACK; returns the granted codes. Options and properties are those of MQTT 5. */
  async subscribe(
    subscriptions: Record<string, QoS | SubscriptionOptions>,
    messageId = 1,
    properties: SubscribeProperties = {},
  ): Promise<number[]> {
    const list = Object.entries(subscriptions).map(([topic, options]) =>
      typeof options === "number" ? { topic, qos: options } : { topic, ...options },
    );
    this.send({ cmd: "subscribe", messageId, subscriptions: list, properties });
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
    /** In MQTT 5, where there are any. */
    properties?: PublishProperties;
  }> {
    const packet = await this.next("publish");
    if (packet.cmd !== "publish") throw new Error("not a PUBLISH");
    const { topic, payload, qos, retain, dup, messageId, properties } = packet;
    const message = { topic, payload: payload.toString(), qos, retain, dup, messageId };
    return properties === undefined ? message : { ...message, properties };
  }

  /** Sends PINGREQ and waits for its answer: everything sent before has been handled then. */
  async ping(): Promise<void> {
    this.send({ cmd: "pingreq" });
    await this.next("pingresp");
  }

  /** Leaves with DISCONNECT, which has a reason code and properties in MQTT 5. */
  async disconnect(reasonCode = 0, properties: DisconnectProperties = {}): Promise<void> {
    this.send({ cmd: "disconnect", reasonCode, properties });
    await this.closed;
  }

  /** Waits until the gateway closes the connection; returns what came before that was not taken. */
  async ending(): Promise<Packet[]> {
    await this.closed;
    return this.packets;
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
type QoS = 0 | 1 | 2;
type PropertiesOf<Name extends Cmd> = NonNullable<Extract<Packet, { cmd: Name; properties?: object }>["properties"]>;
export type PublishProperties = PropertiesOf<"publish">;
type SubscribeProperties = PropertiesOf<"subscribe">;
type DisconnectProperties = PropertiesOf<"disconnect">;
export type SubscriptionOptions = { qos: QoS; nl?: boolean; rap?: boolean; rh?: 0 | 1 | 2 };
export type PublishOptions = {
  qos?: QoS;
  retain?: boolean;
  dup?: boolean;
  messageId?: number;
  properties?: PublishProperties;
};
