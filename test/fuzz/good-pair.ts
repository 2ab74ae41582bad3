import { once } from "node:events";
import { connect, type Socket } from "node:net";
import mqttPacket, { type Packet } from "mqtt-packet";
import type { Version } from "../support/client-packet.ts";

/** Two clients that mind their own business: each message is sent when the one before has arrived, at QoS 1. */
export class GoodPair {
  readonly name: string;
  /** Messages that arrived. */
  arrived = 0;
  slowestMs = 0;
  readonly #sender: GoodClient;
  readonly #receiver: GoodClient;
  readonly #topic: string;
  #isStopping = false;
  #exchanging: Promise<void> = Promise.resolve();

  private constructor(name: string, topic: string, sender: GoodClient, receiver: GoodClient) {
    this.name = name;
    this.#topic = topic;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** Connects both; `failed` is called once, as soon as anything is not as it should be. */
  static async start(
    port: number,
    versions: readonly [sender: Version, receiver: Version],
    limitMs: number,
    failed: (why: string) => void,
  ): Promise<GoodPair> {
    const name = `MQTT level ${versions[0]} to ${versions[1]}`;
    const topic = `good/${versions.join("-")}`;
    const sender = await GoodClient.connected(port, `${topic}-sender`, versions[0]);
    const receiver = await GoodClient.connected(port, `${topic}-receiver`, versions[1]);
    receiver.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos: 1 }] });
    await receiver.next("suback");
    const pair = new GoodPair(name, topic, sender, receiver);
    pair.#exchanging = pair.#exchange(limitMs).catch((error: unknown) => {
      if (!pair.#isStopping) failed(`the good pair (${name}): ${error instanceof Error ? error.message : error}`);
    });
    return pair;
  }

  /** Lets the message that is under way arrive, and leaves. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#exchanging;
    for (const client of [this.#sender, this.#receiver]) client.leave();
  }

  async #exchange(limitMs: number): Promise<void> {
    while (!this.#isStopping) {
      const number = this.arrived + 1;
      const startMs = performance.now();
      const messageId = (number % 65_535) + 1;
      const message = { qos: 1, dup: false, retain: false, topic: this.#topic, payload: `${number}` } as const;
      this.#sender.send({ cmd: "publish", messageId, ...message });
      const publish = await this.#receiver.next("publish", limitMs);
      if (publish.cmd !== "publish" || publish.payload.toString() !== `${number}`) {
        throw new Error(`expected message ${number}, got ${JSON.stringify(publish).slice(0, 200)}`);
      }
      this.#receiver.send({ cmd: "puback", messageId: publish.messageId as number });
      await this.#sender.next("puback", limitMs);
      this.arrived = number;
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startMs);
      await new Promise((resolve) => setTimeout(resolve, 2)); // the processor is for the fuzzed connections
    }
  }
}

/** A client that sends what it is told and hands out what comes, one packet after another. */
class GoodClient {
  readonly #socket: Socket;
  readonly #version: Version;
  readonly #packets: Packet[] = [];
  #waiting = () => {};

  private constructor(socket: Socket, version: Version) {
    this.#socket = socket;
    this.#version = version;
    const parser = mqttPacket.parser({ protocolVersion: version });
    parser.on("packet", (packet) => {
      this.#packets.push(packet);
      this.#waiting();
    });
    socket.on("data", (chunk) => parser.parse(chunk));
    socket.on("error", () => {}); // `close` follows
    socket.once("close", () => this.#waiting());
  }

  static async connected(port: number, clientId: string, version: Version): Promise<GoodClient> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    const client = new GoodClient(socket, version);
    const protocolId = version === 3 ? "MQIsdp" : "MQTT";
    client.send({ cmd: "connect", protocolId, protocolVersion: version, clean: true, clientId, keepalive: 60 });
    const connack = await client.next("connack");
    if (connack.cmd !== "connack" || (connack.reasonCode ?? connack.returnCode) !== 0) {
      throw new Error(
        `the gateway refuses MQTT level ${version}: ${JSON.stringify(connack)}; leave it out with --versions`,
      );
    }
    return client;
  }

  send(packet: Packet): void {
    this.#socket.write(mqttPacket.generate(packet, { protocolVersion: this.#version } as never));
  }

  leave(): void {
    this.#socket.end(Buffer.from([0xe0, 0]));
  }

  /** The next packet, which must be of this kind and come in time. */
  async next(cmd: Packet["cmd"], limitMs = 20_000): Promise<Packet> {
    const deadline = performance.now() + limitMs;
    while (this.#packets.length === 0) {
      if (this.#socket.destroyed) throw new Error(`closed while it waited for ${cmd}`);
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`no ${cmd} within ${limitMs} ms`);
      await this.#something(left);
    }
    const packet = this.#packets.shift() as Packet;
    if (packet.cmd !== cmd) throw new Error(`expected ${cmd}, got ${JSON.stringify(packet).slice(0, 200)}`);
    return packet;
  }

  #something(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timeout = setTimeout(resolve, limitMs);
      this.#waiting = () => {
        clearTimeout(timeout);
        resolve();
      };
    });
  }
}
