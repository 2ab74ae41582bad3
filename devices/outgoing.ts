import type { IConnackPacket, IPublishPacket, MqttClient, Packet } from "mqtt";
import type { LinkOptions } from "./client-options.ts";
import type { Clock } from "./clock.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { StreamPlan } from "./ledger/stream.ts";
import type { Message } from "./message.ts";
import { encodePayload } from "./payload.ts";
import { publishProperties } from "./version5/publish-properties.ts";
import { packetIdentifierNotFound } from "./version5/reason-code.ts";
import { SendWindow } from "./version5/send-window.ts";

/** A stream as its device publishes it. */
export type Channel = Omit<StreamPlan, "sender" | "version" | "responseTopic"> & { retain?: boolean };

type OutgoingParts = {
  ledger: Ledger;
  clock: Clock;
  client: () => MqttClient;
  isOnline: () => boolean;
};

/** What one device publishes, over all of its connections, booked when it is sent and when it is acknowledged. */
export class Outgoing {
  readonly #options: LinkOptions;
  readonly #parts: OutgoingParts;
  readonly #window: SendWindow;
  #connections = 0;
  #answers = 0;
  /** What the acknowledgement said that MQTT.js is handling; it calls back with the reasons of failures only. */
  #reasonCode: number | undefined;

  constructor(options: LinkOptions, parts: OutgoingParts) {
    this.#options = options;
    this.#parts = parts;
    this.#window = new SendWindow(parts.isOnline);
  }

  /** `responseTopic` is where an answer is awaited, if the device asks for one. */
  publish({ retain = false, ...channel }: Channel, responseTopic: string | undefined, body: Uint8Array): void {
    const { run, name, version, clockErrorMs = 0 } = this.#options;
    const { ledger, clock, client } = this.#parts;
    const { topic, qos, expirySeconds, via, publishedOn } = channel;
    const sentAtMs = clock.nowMs();
    const sequence = ledger.sending(topic, sentAtMs);
    const stamp = { run, sender: name, topic, sequence, sentAtMs: sentAtMs + clockErrorMs };
    const payload = encodePayload(stamp, body);
    const wording = { ...channel, ...(responseTopic === undefined ? {} : { responseTopic }) };
    const properties = version === 5 ? { properties: publishProperties(stamp, wording, expirySeconds) } : {};
    const options = { qos, retain, ...properties };
    const wireTopic = publishedOn ?? (via === undefined ? topic : `${via}/${topic}`);
    if (channel.call !== undefined) ledger.calling(topic, sequence, payload);
    if (qos === 0) {
      client().publish(wireTopic, payload, options);
      return;
    }
    this.#send(wireTopic, payload, options, () => {
      ledger.acknowledged(topic, sequence, clock.nowMs(), version === 5 ? this.#reasonCode : undefined);
    });
  }

  /** Whether it arrives is judged where the answer is awaited. */
  answer({ topic, correlationData }: NonNullable<Message["reply"]>, flow: string, body: Uint8Array): void {
    const { run, name, version } = this.#options;
    const stamp = { run, sender: name, topic, sequence: ++this.#answers, sentAtMs: this.#parts.clock.nowMs() };
    const properties = {
      contentType: `application/x-${flow}`,
      ...(correlationData === undefined ? {} : { correlationData }),
    };
    const options = { qos: 1 as const, retain: false, ...(version === 5 ? { properties } : {}) };
    this.#send(topic, encodePayload(stamp, body), options, () => {});
  }

  /** A connection begins. What is in flight MQTT.js sends again, one by one; the rest waits for `resume`. */
  connected({ properties }: IConnackPacket): void {
    this.#connections++;
    if (this.#options.version === 5) this.#window.max = properties?.receiveMaximum ?? Number.POSITIVE_INFINITY;
  }

  /** To be told of each packet before MQTT.js handles it. */
  received(packet: Packet): void {
    if (packet.cmd === "puback" || packet.cmd === "pubcomp") this.#reasonCode = packet.reasonCode ?? 0;
  }

  resume(): void {
    this.#window.fill();
  }

  #send(
    topic: string,
    payload: Buffer,
    options: Pick<IPublishPacket, "qos" | "retain" | "properties">,
    acknowledged: () => void,
  ): void {
    this.#window.send(() => {
      const connection = this.#connections;
      this.#parts.client().publish(topic, payload, options as Parameters<MqttClient["publish"]>[2], (error) => {
        if (!error || this.#isForgotten(error, connection)) acknowledged();
        this.#window.settled();
      });
    });
  }

  /**
   * MQTT.js calls back without an error at PUBACK and PUBCOMP only, also if that comes after a reconnection. Then a
   * gateway that is done with the message may not know its packet id any more (MQTT 5, 2.4).
   */
  #isForgotten(error: Error & { code?: unknown }, connection: number): boolean {
    return error.code === packetIdentifierNotFound && this.#connections > connection;
  }
}
