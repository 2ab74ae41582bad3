import type { Socket } from "node:net";
import { connect as connectMqtt, type IPublishPacket, type MqttClient, type Packet, Store } from "mqtt";
import { awaitConnack } from "./await-connack.ts";
import { clientOptions, type LinkOptions } from "./client-options.ts";
import type { Clock } from "./clock.ts";
import { endClient, farewellMsMax } from "./end-client.ts";
import { endSession } from "./end-session.ts";
import { FleetError } from "./fleet-error.ts";
import { Handshakes } from "./handshakes.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { OutageMark, Outages } from "./outages.ts";
import { type Channel, Outgoing } from "./outgoing.ts";
import { OutgoingStore } from "./outgoing-store.ts";
import { decodePayload } from "./payload.ts";
import type { ProtocolVersion } from "./protocol-version.ts";
import { reasonOf } from "./reason-of.ts";
import { subscribe } from "./subscribe.ts";
import { Listening } from "./version5/listening.ts";
import { within } from "./within.ts";

export type Message = { topic: string; body: Buffer };
type LinkParts = { ledger: Ledger; clock: Clock; outages: Outages; lost: (link: Link) => void };
/** How a device goes away: with DISCONNECT, or as by a dead battery by FIN, or abruptly by RST. */
export type Departure = "disconnect" | "cut" | "reset";

const disconnectPacket = Buffer.from([0xe0, 0x00]);
const retryMs = 100;
const answerMsMax = 5_000;

/**
 * One device's way to the gateway: an MQTT.js client that books all it sends and receives. It never reconnects by
 * itself; an end of the connection is an incident unless it asked for it or the run killed the gateway.
 */
export class Link {
  readonly name: string;
  onMessage: (message: Message) => void = () => {};
  readonly #options: LinkOptions;
  readonly #parts: LinkParts;
  readonly #stores = { incomingStore: new Store({ clean: false }), outgoingStore: new OutgoingStore() };
  readonly #handshakes = new Handshakes();
  readonly #listening: Listening | undefined;
  readonly #outgoing: Outgoing;
  #client: MqttClient | undefined;
  #state: "closed" | "online" | "away" | "lost" = "closed";
  #filters: string[] = [];
  #gatewayAtConnect: OutageMark = { kills: 0, down: false };
  #dropped: Promise<void> = Promise.resolve();
  #comingBack: Promise<void> | undefined;

  constructor(options: LinkOptions, parts: LinkParts) {
    this.name = options.name;
    this.#options = options;
    this.#parts = parts;
    const { ledger, clock } = parts;
    const isOnline = () => this.#state === "online";
    this.#outgoing = new Outgoing(options, { ledger, clock, client: () => this.#open(), isOnline });
    if (this.version !== 5) return;
    const { habits = { usesAliases: false, aliasMaximum: 0, receiveMaximum: undefined } } = options;
    this.#listening = new Listening(habits, (what, detail) => {
      parts.ledger.incident(what, detail === undefined ? this.name : `${this.name} (${detail})`);
    });
  }

  get version(): ProtocolVersion {
    return this.#options.version ?? 4;
  }

  get state(): "closed" | "online" | "away" | "lost" {
    return this.#state;
  }

  /** @throws FleetError ERR_GATEWAY_UNREACHABLE */
  async connect(): Promise<void> {
    const client = connectMqtt(this.#options.url, { ...clientOptions(this.#options), ...this.#stores });
    this.#client = client;
    this.#listening?.listenTo(client.stream);
    this.#listen(client);
    const { sessionPresent } = await awaitConnack(client, this.#failure);
    if (sessionPresent && client.options.clean === true) {
      this.#parts.ledger.incident("a session was there after a clean start", this.name); // [MQTT-3.2.2-2]
    }
    client.options.clean = !this.#options.persistent;
    this.#state = "online";
  }

  /** @throws FleetError ERR_SUBSCRIPTION_REFUSED when the SUBACK refuses or does not come */
  async subscribe(wanted: Readonly<Record<string, 0 | 1 | 2>>): Promise<void> {
    const filters = Object.keys(wanted);
    if (filters.length === 0) return;
    try {
      for (const { filter, qos, identifier } of await subscribe(this.#open(), wanted)) {
        this.#parts.ledger.subscribed(this.name, filter, qos, identifier);
      }
    } catch (error) {
      const text = `${this.name} could not subscribe to ${filters.join(", ")}: ${reasonOf(error)}`;
      throw new FleetError("ERR_SUBSCRIPTION_REFUSED", `${text}; let it in the gateway's access rules`, {
        cause: error,
      });
    }
    this.#filters = filters;
  }

  /** Publishes the next message of a stream; a device that is not connected keeps silent. */
  publish(channel: Channel, body: Uint8Array): void {
    if (this.#state === "online") this.#outgoing.publish(channel, body);
  }

  /** Goes away and stays away until it is told to come back; nothing if it is away already. */
  async drop(departure: Departure): Promise<void> {
    if (this.#state !== "online") return;
    const client = this.#open();
    this.#state = "away";
    this.#parts.ledger.left(this.name, this.#parts.clock.nowMs());
    this.#dropped = new Promise<void>((resolve) => client.once("close", resolve));
    const stream = client.stream as MqttClient["stream"] & Partial<Socket>;
    if (departure === "disconnect") {
      // Not by MQTT.js, which waits for all acknowledgements before it says DISCONNECT.
      stream.end(disconnectPacket);
      // A gateway that does not close its side is left with a closed one.
      void within(farewellMsMax, "the end", this.#dropped).catch(() => stream.destroy());
    } else if (departure === "reset" && stream.resetAndDestroy !== undefined) stream.resetAndDestroy();
    else stream.destroy();
    await this.#dropped;
  }

  /**
   * Returns to the persistent session, again and again while the gateway is down by a kill. Never throws: a return that
   * fails otherwise is an incident and the link is lost.
   */
  comeBack(): Promise<void> {
    if (this.#state === "away") this.#comingBack ??= this.#return();
    return this.#comingBack ?? Promise.resolve();
  }

  /**
   * Says goodbye and returns, to find nothing: whoever has acknowledged all that it got has an empty mailbox.
   * Only for a device that nobody sends anything to any more.
   */
  async lookAgain(): Promise<void> {
    if (this.#state !== "online" || this.#filters.length === 0) return;
    // A round trip: what was on its way is here and acknowledged.
    await this.#unsubscribeFrom([`${this.name}/nothing`]);
    await this.drop("disconnect");
    this.#parts.ledger.finished(this.name);
    await this.comeBack();
  }

  /** After UNSUBACK all that the gateway had sent before is here [MQTT-4.6.0-6], so nothing comes unseen. */
  async unsubscribe(): Promise<void> {
    if (this.#state === "online" && this.#filters.length > 0) await this.#unsubscribeFrom(this.#filters);
  }

  /** Takes back what this device left retained, and waits for the acknowledgements. */
  async clearRetained(topics: readonly string[]): Promise<void> {
    if (this.#state !== "online") return;
    try {
      const cleared = topics.map((topic) => this.#open().publishAsync(topic, "", { qos: 1, retain: true }));
      await within(answerMsMax, "PUBACK", Promise.all(cleared));
    } catch (error) {
      this.#parts.ledger.incident(`a retained message could not be cleared (${reasonOf(error)})`, this.name);
    }
  }

  /** DISCONNECT, and the end of a persistent session. Never throws, never hangs. */
  async leave(): Promise<void> {
    const wasOnline = this.#state === "online";
    this.#state = "closed";
    if (this.#client === undefined) return;
    if (!wasOnline || !this.#options.persistent) {
      await endClient(this.#client, wasOnline);
      return;
    }
    try {
      const fault = await endSession(this.#client, this.#options, this.#failure);
      if (fault !== undefined) this.#parts.ledger.incident(fault, this.name);
    } catch (error) {
      this.#parts.ledger.incident(`a persistent session could not be cleared (${reasonOf(error)})`, this.name);
    }
  }

  async #unsubscribeFrom(filters: string[]): Promise<void> {
    try {
      await within(answerMsMax, "UNSUBACK", this.#open().unsubscribeAsync(filters));
    } catch (error) {
      this.#parts.ledger.incident(`an UNSUBACK did not come (${reasonOf(error)})`, this.name);
    }
  }

  async #return(): Promise<void> {
    while (this.#state === "away") {
      // A `close` of the old stream that comes late would be taken for one of the next stream.
      await this.#dropped;
      const began = this.#parts.outages.mark();
      try {
        await this.#reconnect();
        this.#state = "online";
        this.#outgoing.resume();
      } catch (error) {
        // It may have had its CONNACK before the attempt failed.
        this.#parts.ledger.left(this.name, this.#parts.clock.nowMs());
        if (this.#parts.outages.excuseAttempt(began)) await this.#parts.clock.sleep(retryMs);
        else {
          this.#parts.ledger.incident("a device could not return", reasonOf(error));
          this.#loseConnection();
        }
      }
    }
    this.#comingBack = undefined;
  }

  async #reconnect(): Promise<void> {
    const client = this.#open();
    // Acknowledgements that MQTT.js queued while the stream was gone belong to the old connection: sent on the next
    // one they could acknowledge another message that has the same packet id by then.
    client.queue.length = 0;
    this.#gatewayAtConnect = this.#parts.outages.mark();
    client.reconnect(this.#stores);
    this.#listening?.listenTo(client.stream);
    const { sessionPresent } = await awaitConnack(client, this.#failure);
    if (!sessionPresent) this.#parts.ledger.incident("a persistent session was gone on return", this.name);
  }

  #listen(client: MqttClient): void {
    // Errors come out of awaitConnack while connecting, and as an end of the connection afterwards.
    client.on("error", () => {});
    client.on("message", (topic, payload, packet) => {
      const atMs = this.#parts.clock.nowMs();
      const decoded = decodePayload(payload);
      const properties = this.#listening?.propertiesOf(packet);
      this.#parts.ledger.arrived({ receiver: this.name, topic, decoded, dup: packet.dup, atMs, properties });
      if (!("body" in decoded)) return;
      this.#handshakes.released(decoded.stamp);
      this.onMessage({ topic, body: decoded.body });
    });
    client.on("packetsend", (packet) => {
      // MQTT.js sends again, before it says that it is connected, without DUP [MQTT-3.3.1-1].
      if (packet.cmd === "publish" && packet.qos > 0 && this.#state !== "online") packet.dup = true;
      this.#listening?.sent(packet);
    });
    client.on("packetreceive", (packet) => this.#received(packet));
    client.on("close", () => {
      if (this.#state !== "online") return;
      if (this.#options.persistent && this.#parts.outages.excuseEnd(this.#gatewayAtConnect)) {
        this.#state = "away";
        this.#parts.ledger.left(this.name, this.#parts.clock.nowMs());
        void this.comeBack();
        return;
      }
      // Not an absence: those excuse losses, and this is the gateway's doing.
      this.#parts.ledger.incident("a connection was lost that nobody had cut", this.name);
      this.#loseConnection();
    });
  }

  #received(packet: Packet): void {
    const { outages } = this.#parts;
    const isStopping = outages.excuseAttempt(this.#gatewayAtConnect);
    this.#listening?.received(packet, { isRecovering: this.#state !== "online", isStopping });
    if (packet.cmd === "connack") {
      // Not at the `connect` event: MQTT.js sends again first, and what waited at the gateway arrives meanwhile.
      this.#outgoing.connected(packet);
      this.#parts.ledger.returned(this.name, this.#parts.clock.nowMs());
    }
    if (packet.cmd === "publish" && packet.qos === 2) this.#noteHandshake(packet);
  }

  #noteHandshake({ payload, messageId }: IPublishPacket): void {
    const decoded = decodePayload(payload as Buffer);
    if (!("body" in decoded)) return;
    const { stamp } = decoded;
    if (this.#handshakes.published(stamp, messageId!)) this.#parts.ledger.renumbered(stamp.topic);
  }

  #loseConnection(): void {
    this.#state = "lost";
    this.#parts.lost(this);
  }

  get #failure(): string {
    return `${this.name} could not connect to ${this.#options.url}`;
  }

  #open(): MqttClient {
    if (this.#client === undefined) throw new FleetError("ERR_INVARIANT", `${this.name} was never connected`);
    return this.#client;
  }
}
