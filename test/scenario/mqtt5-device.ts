import { once } from "node:events";
import { connect, type Socket } from "node:net";
import mqttPacket, { type Packet } from "mqtt-packet";

type Cmd = Packet["cmd"];
type QoS = 0 | 1 | 2;
type Properties = Record<string, unknown>;

export interface ConnectChoices {
  version?: 4 | 5;
  clean?: boolean;
  /** How long the session outlives the connection; 0 or none for not at all. */
  livesSeconds?: number;
  properties?: Properties;
  will?: object;
}

export interface PublishChoices {
  qos?: QoS;
  retain?: boolean;
  dup?: boolean;
  packetId?: number;
  properties?: Properties;
}

export interface Told {
  topic: string;
  payload: string;
  qos: QoS;
  retain: boolean;
  dup: boolean;
  packetId: number;
  properties: Properties;
}

/** One filter with its options; a number is its QoS alone. */
export type Wanted = Record<string, QoS | { qos?: QoS; nl?: boolean; rap?: boolean; rh?: 0 | 1 | 2 }>;

/** A client of MQTT 5, or of 3.1.1 where that is said, which sends just what it is told to and acknowledges nothing by itself. */
export class Device5 {
  readonly id: string;
  readonly version: 4 | 5;
  readonly packets: Packet[] = [];
  /** Resolves when the gateway has closed the connection. */
  readonly closed: Promise<void>;
  isClosed = false;
  connack: Extract<Packet, { cmd: "connack" }> | null = null;
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #waiting: (() => void)[] = [];
  #packetId = 0;

  private constructor(id: string, version: 4 | 5, socket: Socket) {
    this.id = id;
    this.version = version;
    this.#socket = socket;
    const parser = mqttPacket.parser({ protocolVersion: version });
    parser.on("packet", (packet) => {
      this.packets.push(packet);
      this.#wake();
    });
    parser.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      this.#chunks.push(chunk);
      parser.parse(chunk);
    });
    socket.on("error", () => {});
    this.closed = once(socket, "close").then(() => {
      this.isClosed = true;
      this.#wake();
    });
  }

  /** Opens a connection, sends CONNECT and takes the CONNACK. */
  static async connect(port: number, id: string, choices: ConnectChoices = {}): Promise<Device5> {
    const { version = 5, livesSeconds = 0, properties = {}, will } = choices;
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    const device = new Device5(id, version, socket);
    const clean = choices.clean ?? livesSeconds === 0;
    const all = livesSeconds === 0 ? properties : { sessionExpiryInterval: livesSeconds, ...properties };
    const common = { cmd: "connect", protocolId: "MQTT", protocolVersion: version, clientId: id, keepalive: 0, clean };
    device.send({ ...common, ...(version === 5 ? { properties: all } : {}), ...(will === undefined ? {} : { will }) });
    device.connack = (await device.next("connack")) as typeof device.connack;
    return device;
  }

  get sessionPresent(): boolean {
    return this.connack?.sessionPresent === true;
  }

  /** Everything that came, as bytes. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  send(packet: object): void {
    this.#socket.write(mqttPacket.generate(packet as Packet, { protocolVersion: this.version } as never));
  }

  write(...bytes: Buffer[]): void {
    this.#socket.write(Buffer.concat(bytes));
  }

  /** Returns the packet id; 0 at QoS 0. */
  publish(topic: string, payload: string | Buffer = "", choices: PublishChoices = {}): number {
    const { qos = 0, retain = false, dup = false, properties } = choices;
    const messageId = qos === 0 ? 0 : (choices.packetId ?? this.nextId());
    const said = this.version === 5 && properties !== undefined ? { properties } : {};
    this.send({ cmd: "publish", topic, payload, qos, retain, dup, messageId, ...said });
    return messageId;
  }

  /** Publishes with the whole handshake; returns what PUBACK or PUBREC says. */
  async publishWhole(topic: string, payload: string | Buffer = "", choices: PublishChoices = {}): Promise<number> {
    const { qos = 1 } = choices;
    const messageId = this.publish(topic, payload, { ...choices, qos });
    if (qos === 0) {
      await this.ping();
      return 0;
    }
    const code = await this.answer(qos === 1 ? "puback" : "pubrec", messageId);
    if (qos === 1 || code >= 0x80) return code;
    this.send({ cmd: "pubrel", messageId });
    await this.answer("pubcomp", messageId);
    return code;
  }

  /** The reason code of the next answer of this kind. */
  async answer(cmd: "puback" | "pubrec" | "pubrel" | "pubcomp", messageId: number): Promise<number> {
    const packet = await this.next(cmd);
    if (packet.messageId !== messageId) throw new Error(`${cmd} ${packet.messageId} where ${messageId} was due`);
    return (packet as { reasonCode?: number }).reasonCode ?? 0;
  }

  nextId(): number {
    this.#packetId = (this.#packetId % 65_535) + 1;
    return this.#packetId;
  }

  /** Returns the codes of the SUBACK. */
  async subscribe(wanted: Wanted, properties: Properties = {}): Promise<number[]> {
    const messageId = this.nextId();
    const subscriptions = Object.entries(wanted).map(([topic, options]) =>
      typeof options === "number" ? { topic, qos: options } : { topic, qos: 0, ...options },
    );
    this.send({ cmd: "subscribe", messageId, subscriptions, properties });
    return ((await this.next("suback")) as { granted: number[] }).granted;
  }

  /** Returns the codes of the UNSUBACK; none before MQTT 5. */
  async unsubscribe(...unsubscriptions: string[]): Promise<number[]> {
    this.send({ cmd: "unsubscribe", messageId: this.nextId(), unsubscriptions });
    return ((await this.next("unsuback")) as { granted?: number[] }).granted ?? [];
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
  async message(): Promise<Told> {
    return told(await this.next("publish"));
  }

  /** Takes the next PUBLISH, and acknowledges it to the end. */
  async take(): Promise<Told> {
    const message = await this.message();
    await this.acknowledge(message);
    return message;
  }

  async acknowledge({ qos, packetId: messageId }: Told): Promise<void> {
    if (qos === 1) this.send({ cmd: "puback", messageId });
    if (qos < 2) return;
    this.send({ cmd: "pubrec", messageId });
    await this.answer("pubrel", messageId);
    this.send({ cmd: "pubcomp", messageId });
  }

  /** All messages that the gateway has sent to this device by now, not acknowledged. */
  async messages(): Promise<Told[]> {
    await this.ping();
    const found = this.packets.filter(({ cmd }) => cmd === "publish").map(told);
    this.packets.splice(0, this.packets.length, ...this.packets.filter(({ cmd }) => cmd !== "publish"));
    return found;
  }

  /** Their payloads. */
  async payloads(): Promise<string[]> {
    return (await this.messages()).map(({ payload }) => payload);
  }

  /** Takes and acknowledges until the gateway has no more to send; returns all of them. */
  async takeAll(): Promise<Told[]> {
    const all: Told[] = [];
    for (let some = await this.messages(); some.length > 0; some = await this.messages()) {
      all.push(...some);
      for (const each of some) await this.acknowledge(each);
    }
    return all;
  }

  /** Everything sent before has been handled then. */
  async ping(): Promise<void> {
    this.send({ cmd: "pingreq" });
    await this.next("pingresp");
  }

  /** The reason of the DISCONNECT with which the gateway closes the connection. */
  async sentAway(): Promise<number> {
    const { reasonCode } = (await this.next("disconnect")) as { reasonCode?: number };
    await this.closed;
    return reasonCode ?? 0;
  }

  /** Leaves with DISCONNECT. */
  async disconnect(properties: Properties = {}): Promise<void> {
    this.send({ cmd: "disconnect", reasonCode: 0, properties });
    await this.closed;
  }

  /** Cuts the line. */
  async cut(): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function told(packet: Packet): Told {
  const { topic, payload, qos, retain, dup, messageId, properties } = packet as Extract<Packet, { cmd: "publish" }>;
  const said = { ...(properties as Properties | undefined) };
  return { topic, payload: payload.toString(), qos, retain, dup, packetId: messageId ?? 0, properties: said };
}
