import type { IPublishPacket, MqttClient, Packet } from "mqtt";
import type { Clock } from "./clock.ts";
import { FleetError } from "./fleet-error.ts";
import { Handshakes } from "./handshakes.ts";
import type { Job } from "./job.ts";
import type { Handed } from "./ledger/job-book.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { type Message, readRequest } from "./message.ts";
import { decodePayload } from "./payload.ts";
import type { ProtocolVersion } from "./protocol-version.ts";
import { puback } from "./puback.ts";
import type { Habits } from "./version5/habits.ts";
import { type Circumstances, Listening } from "./version5/listening.ts";

export type HearingParts = {
  name: string;
  version: ProtocolVersion;
  habits: Habits;
  ledger: Ledger;
  clock: Clock;
  heard: (message: Message) => void;
  /** Of a worker; undefined for a device that takes no jobs. */
  handed: ((job: Job) => void) | undefined;
};

/** Says to MQTT.js that it is not to acknowledge: the worker does so when its job is done. */
const held = new FleetError("ERR_INVARIANT", "the worker acknowledges by itself");

/** What one device gets, over all of its connections, booked as it comes; a worker's jobs are held until it is done. */
export class Hearing {
  readonly #parts: HearingParts;
  readonly #handshakes = new Handshakes();
  readonly #listening: Listening | undefined;
  readonly #held = new WeakSet<Packet>();
  /** When a QoS 2 message came, which is handed on at its PUBREL, perhaps on another connection. */
  readonly #cameAtMs = new WeakMap<Packet, number>();
  /** Answers come below it. */
  replyPrefix: string | undefined;
  /** Jobs of this connection that are neither settled nor rejected. */
  jobsInHand = 0;
  #connections = 0;

  constructor(parts: HearingParts) {
    this.#parts = parts;
    const { name, version, habits, ledger } = parts;
    if (version !== 5) return;
    this.#listening = new Listening(habits, (what, detail) => {
      ledger.incident(what, detail === undefined ? name : `${name} (${detail})`);
    });
  }

  /** To be called once for a client. */
  attach(client: MqttClient): void {
    client.on("message", (topic, payload, packet) => this.#message(client, topic, payload, packet));
    client.on("packetsend", (packet) => this.#listening?.sent(packet));
    client.handleMessage = (packet, done) => done(this.#held.delete(packet) ? held : undefined);
  }

  /** To be called for each connection, before its stream has given anything. */
  listenTo(stream: MqttClient["stream"]): void {
    this.#connections++;
    this.jobsInHand = 0;
    this.#listening?.listenTo(stream);
  }

  received(packet: Packet, circumstances: Circumstances): void {
    this.#listening?.received(packet, circumstances);
    if (packet.cmd !== "publish" || packet.qos !== 2) return;
    this.#cameAtMs.set(packet, this.#parts.clock.nowMs());
    this.#noteHandshake(packet);
  }

  #message(client: MqttClient, wireTopic: string, payload: Buffer, packet: IPublishPacket): void {
    const { name, ledger, clock, heard } = this.#parts;
    const { topic, answerTopic } = readRequest(wireTopic);
    const decoded = decodePayload(payload);
    const properties = this.#listening?.propertiesOf(packet);
    const atMs = clock.nowMs();
    const cameAtMs = this.#cameAtMs.get(packet) ?? atMs;
    const arrival = { receiver: name, topic, decoded, dup: packet.dup, atMs, cameAtMs, properties };
    if (this.replyPrefix !== undefined && topic.startsWith(this.replyPrefix)) {
      ledger.answered(arrival);
      return;
    }
    const handed = ledger.arrived(arrival);
    if (handed !== undefined) this.#hand(client, packet, handed);
    if (!("body" in decoded)) return;
    this.#handshakes.released(decoded.stamp);
    const { responseTopic, correlationData } = properties ?? {};
    const replyTopic = answerTopic ?? responseTopic;
    const data = correlationData === undefined ? {} : { correlationData };
    const reply = replyTopic === undefined ? undefined : { topic: replyTopic, ...data };
    heard({ topic, body: decoded.body, payload, reply });
  }

  #hand(client: MqttClient, packet: IPublishPacket, handed: Handed): void {
    const { ledger, clock, version } = this.#parts;
    if (packet.qos !== 1 || this.#parts.handed === undefined) {
      // MQTT.js says PUBCOMP right after this, and QoS 0 is settled when it is written.
      ledger.settled(handed, clock.nowMs());
      return;
    }
    this.#held.add(packet);
    const connection = this.#connections;
    const { stream } = client;
    const packetId = packet.messageId!;
    let isDone = false;
    this.jobsInHand++;
    // Not whether the device takes itself for connected: jobs come right behind CONNACK.
    const isOpen = () => !isDone && connection === this.#connections && stream.writable;
    const acknowledge = (reasonCode: number) => {
      isDone = true;
      this.jobsInHand--;
      stream.write(puback(packetId, version, reasonCode));
      this.#listening?.sent({ cmd: "puback", messageId: packetId });
    };
    this.#parts.handed({
      get isOpen() {
        return isOpen();
      },
      settle() {
        if (!isOpen()) return;
        ledger.settled(handed, clock.nowMs());
        acknowledge(0);
      },
      reject(reasonCode) {
        if (!isOpen()) return;
        ledger.rejected(handed, clock.nowMs());
        acknowledge(reasonCode);
      },
    });
  }

  #noteHandshake({ payload, messageId }: IPublishPacket): void {
    const decoded = decodePayload(payload as Buffer);
    if (!("body" in decoded)) return;
    const { stamp } = decoded;
    if (this.#handshakes.published(stamp, messageId!)) this.#parts.ledger.renumbered(stamp.topic);
  }
}
