import { type EventEmitter, once } from "node:events";
import {
  connect,
  type IClientOptions,
  type IConnackPacket,
  type IPublishPacket,
  type MqttClient,
  type Packet,
} from "mqtt";
import { onTestFinished } from "vitest";
import type { RunningGateway } from "../support/start-gateway.ts";

export type Carrier = "TCP" | "WebSocket";
export const carriers = ["TCP", "WebSocket"] as const;

export const urlOf = (carrier: Carrier, { port, webPort }: Pick<RunningGateway, "port" | "webPort">) =>
  carrier === "TCP" ? `mqtt://127.0.0.1:${port}` : `ws://127.0.0.1:${webPort}/mqtt`;

/** A message as a user of MQTT.js sees it. */
export interface MqttJsMessage {
  topic: string;
  payload: string;
  qos: number;
  retain: boolean;
  dup: boolean;
  properties: NonNullable<IPublishPacket["properties"]>;
}

/** An MQTT.js client that hears everything from its first packet on, and ends with the test. */
export class MqttJsClient {
  readonly client: MqttClient;
  /** Every packet that came, in its order. */
  readonly packets: Packet[] = [];
  /** Messages that came and were not taken yet. */
  readonly messages: MqttJsMessage[] = [];
  #wake: () => void = () => {};

  constructor(url: string, options: IClientOptions = {}) {
    this.client = connect(url, { protocolVersion: 5, reconnectPeriod: 0, ...options });
    this.client.on("packetreceive", (packet) => this.packets.push(packet));
    this.client.on("message", (topic, payload, { qos, retain, dup, properties = {} }) => {
      this.messages.push({ topic, payload: payload.toString(), qos, retain, dup, properties });
      this.#wake();
    });
    // Tests ask for the errors they expect; without a listener the others would end the process.
    this.client.on("error", () => {});
    onTestFinished(() => this.client.endAsync(true));
  }

  /** Rejects with the error of MQTT.js where it is refused. */
  static async connected(url: string, options: IClientOptions = {}): Promise<MqttJsClient> {
    const client = new MqttJsClient(url, options);
    await client.event("connect");
    return client;
  }

  /** The first argument of the next such event of MQTT.js; rejects with an error that comes before it. */
  async event(name: "connect" | "close" | "disconnect" | "error"): Promise<unknown> {
    const [first] = await once(this.client as unknown as EventEmitter, name);
    return first;
  }

  get connack(): IConnackPacket {
    return this.packets.find(({ cmd }) => cmd === "connack") as IConnackPacket;
  }

  /** The next message, whenever it came. */
  async message(): Promise<MqttJsMessage> {
    for (;;) {
      const next = this.messages.shift();
      if (next !== undefined) return next;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async take(count: number): Promise<MqttJsMessage[]> {
    const taken: MqttJsMessage[] = [];
    while (taken.length < count) taken.push(await this.message());
    return taken;
  }

  /** The reason code of the DISCONNECT with which the gateway closes the connection; undefined where it sends none. */
  async closed(): Promise<number | undefined> {
    if (this.client.connected) await this.event("close");
    const last = this.packets.find(({ cmd }) => cmd === "disconnect") as { reasonCode?: number } | undefined;
    return last?.reasonCode;
  }
}
