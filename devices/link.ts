import type { Socket } from "node:net";
import { connect as connectMqtt, type IClientOptions, type IConnackPacket, type MqttClient, Store } from "mqtt";
import type { Clock } from "./clock.ts";
import { FleetError } from "./fleet-error.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { StreamPlan } from "./ledger/stream.ts";
import { decodePayload, encodePayload } from "./payload.ts";
import { within } from "./within.ts";

/** A stream as its device publishes it. */
export type Channel = Omit<StreamPlan, "sender"> & { retain?: boolean };
export type Message = { topic: string; body: Buffer };
export type LinkOptions = {
  name: string;
  run: string;
  url: string;
  /** Keeps the session across connections (Clean Session 0). */
  persistent: boolean;
  username?: string;
  password?: string;
};
type LinkParts = { ledger: Ledger; clock: Clock; lost: (link: Link) => void };

/** Generous: a small gateway to which everybody connects at once. */
const connackMsMax = 10_000;
const answerMsMax = 5_000;
const farewellMsMax = 3_000;

/**
 * One device's way to the gateway: an MQTT.js client that books all it sends and receives. It never reconnects by
 * itself; an end of the connection that nobody asked for is an incident.
 */
export class Link {
  readonly name: string;
  onMessage: (message: Message) => void = () => {};
  readonly #options: LinkOptions;
  readonly #parts: LinkParts;
  readonly #stores = { incomingStore: new Store({ clean: false }), outgoingStore: new Store({ clean: false }) };
  #client: MqttClient | undefined;
  #state: "closed" | "online" | "away" | "lost" = "closed";
  #filters: string[] = [];
  #dropped: Promise<void> = Promise.resolve();
  #comingBack: Promise<void> | undefined;

  constructor(options: LinkOptions, parts: LinkParts) {
    this.name = options.name;
    this.#options = options;
    this.#parts = parts;
  }

  get state(): "closed" | "online" | "away" | "lost" {
    return this.#state;
  }

  /** @throws FleetError ERR_GATEWAY_UNREACHABLE */
  async connect(): Promise<void> {
    const client = connectMqtt(this.#options.url, { ...this.#clientOptions(), ...this.#stores });
    this.#client = client;
    this.#listen(client);
    await this.#connected(client);
    this.#state = "online";
  }

  /** @throws FleetError ERR_SUBSCRIPTION_REFUSED when the SUBACK refuses or does not come */
  async subscribe(wanted: Readonly<Record<string, 0 | 1 | 2>>): Promise<void> {
    const filters = Object.keys(wanted);
    if (filters.length === 0) return;
    const request = Object.fromEntries(filters.map((filter) => [filter, { qos: wanted[filter]! }]));
    try {
      const grants = await within(answerMsMax, "SUBACK", this.#open().subscribeAsync(request));
      for (const { topic, qos } of grants) {
        if (qos > 2) throw new FleetError("ERR_SUBSCRIPTION_REFUSED", `SUBACK ${qos} for ${topic}`);
        this.#parts.ledger.subscribed(this.name, topic, qos as 0 | 1 | 2);
      }
    } catch (error) {
      const text = `${this.name} could not subscribe to ${filters.join(", ")}: ${reason(error)}`;
      throw new FleetError("ERR_SUBSCRIPTION_REFUSED", `${text}; let it in the gateway's access rules`, {
        cause: error,
      });
    }
    this.#filters = filters;
  }

  /** Publishes the next message of a stream; a device that is not connected keeps silent. */
  publish(channel: Channel, body: Uint8Array): void {
    if (this.#state !== "online") return;
    const { ledger, clock } = this.#parts;
    const { topic, qos, retain = false } = channel;
    const sentAtMs = clock.nowMs();
    const sequence = ledger.sending(topic, sentAtMs);
    const stamp = { run: this.#options.run, sender: this.name, topic, sequence, sentAtMs };
    this.#open().publish(topic, encodePayload(stamp, body), { qos, retain }, (error) => {
      // Without an acknowledgement the ledger keeps it as unacknowledged, and the verdict names it.
      if (!error) ledger.acknowledged(topic);
    });
  }

  /** Goes away without DISCONNECT, as by a dead battery: by FIN, or abruptly by RST. */
  async drop(abruptly: boolean): Promise<void> {
    if (this.#state !== "online") return;
    const client = this.#open();
    this.#state = "away";
    this.#parts.ledger.left(this.name, this.#parts.clock.nowMs());
    this.#dropped = new Promise<void>((resolve) => client.once("close", resolve));
    const stream = client.stream as Partial<Socket>;
    if (abruptly && stream.resetAndDestroy !== undefined) stream.resetAndDestroy();
    else client.stream.destroy();
    await this.#dropped;
  }

  /** Returns to the persistent session. Never throws: a return that fails is an incident and the link is lost. */
  comeBack(): Promise<void> {
    if (this.#state === "away") this.#comingBack ??= this.#return();
    return this.#comingBack ?? Promise.resolve();
  }

  /** After UNSUBACK all that the gateway had sent before is here [MQTT-4.6.0-6], so nothing comes unseen. */
  async unsubscribe(): Promise<void> {
    if (this.#state !== "online" || this.#filters.length === 0) return;
    try {
      await within(answerMsMax, "UNSUBACK", this.#open().unsubscribeAsync(this.#filters));
    } catch (error) {
      this.#parts.ledger.incident(`an UNSUBACK did not come (${reason(error)})`, this.name);
    }
  }

  /** Takes back what this device left retained, and waits for the acknowledgements. */
  async clearRetained(topics: readonly string[]): Promise<void> {
    if (this.#state !== "online") return;
    try {
      const cleared = topics.map((topic) => this.#open().publishAsync(topic, "", { qos: 1, retain: true }));
      await within(answerMsMax, "PUBACK", Promise.all(cleared));
    } catch (error) {
      this.#parts.ledger.incident(`a retained message could not be cleared (${reason(error)})`, this.name);
    }
  }

  /** DISCONNECT, and the end of a persistent session. Never throws, never hangs. */
  async leave(): Promise<void> {
    const wasOnline = this.#state === "online";
    this.#state = "closed";
    if (this.#client === undefined) return;
    await endClient(this.#client, wasOnline);
    if (!wasOnline || !this.#options.persistent) return;
    const client = connectMqtt(this.#options.url, { ...this.#clientOptions(), clean: true }); // [MQTT-3.1.2-6]
    client.on("error", () => {});
    try {
      await this.#connected(client);
    } catch (error) {
      this.#parts.ledger.incident(`a persistent session could not be cleared (${reason(error)})`, this.name);
    }
    await endClient(client, client.connected);
  }

  async #return(): Promise<void> {
    const client = this.#open();
    // A `close` of the old stream that comes late would be taken for one of the next stream.
    await this.#dropped;
    // Acknowledgements that MQTT.js queued while the stream was gone belong to the old connection: sent on the next
    // one they could acknowledge another message that has the same packet id by then.
    client.queue.length = 0;
    client.reconnect(this.#stores);
    try {
      const { sessionPresent } = await this.#connected(client);
      this.#state = "online";
      if (!sessionPresent) this.#parts.ledger.incident("a persistent session was gone on return", this.name);
    } catch (error) {
      this.#parts.ledger.incident("a device could not return", reason(error));
      this.#loseConnection();
    }
    this.#comingBack = undefined;
  }

  #listen(client: MqttClient): void {
    // Errors come out of #connected while connecting, and as an end of the connection afterwards.
    client.on("error", () => {});
    client.on("message", (topic, payload, packet) => {
      const atMs = this.#parts.clock.nowMs();
      const decoded = decodePayload(payload);
      this.#parts.ledger.arrived({ receiver: this.name, topic, decoded, dup: packet.dup, atMs });
      if ("body" in decoded) this.onMessage({ topic, body: decoded.body });
    });
    client.on("packetreceive", (packet) => {
      // Not at the `connect` event: MQTT.js sends again first, and what waited at the gateway arrives meanwhile.
      if (packet.cmd === "connack") this.#parts.ledger.returned(this.name, this.#parts.clock.nowMs());
    });
    client.on("close", () => {
      if (this.#state !== "online") return;
      // Not an absence: those excuse losses, and this is the gateway's doing.
      this.#parts.ledger.incident("a connection was lost that nobody had cut", this.name);
      this.#loseConnection();
    });
  }

  #loseConnection(): void {
    this.#state = "lost";
    this.#parts.lost(this);
  }

  async #connected(client: MqttClient): Promise<IConnackPacket> {
    const outcome = new Promise<IConnackPacket>((resolve, reject) => {
      client.once("connect", resolve);
      client.once("error", reject);
      client.once("close", () => reject(new FleetError("ERR_GATEWAY_UNREACHABLE", "it closed the connection")));
    });
    try {
      return await within(connackMsMax, "CONNACK", outcome);
    } catch (error) {
      client.stream.destroy();
      const text = `${this.name} could not connect to ${this.#options.url} (${reason(error)})`;
      throw new FleetError("ERR_GATEWAY_UNREACHABLE", text, { cause: error });
    }
  }

  #clientOptions(): IClientOptions {
    const { run, name, persistent, username, password } = this.#options;
    return {
      clientId: `${run}-${name}`,
      clean: !persistent,
      protocolVersion: 4,
      reconnectPeriod: 0,
      resubscribe: false,
      connectTimeout: connackMsMax,
      keepalive: 30,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    };
  }

  #open(): MqttClient {
    if (this.#client === undefined) throw new FleetError("ERR_INVARIANT", `${this.name} was never connected`);
    return this.#client;
  }
}

async function endClient(client: MqttClient, politely: boolean): Promise<void> {
  if (politely) {
    try {
      await within(farewellMsMax, "the end of the connection", client.endAsync());
    } catch {
      // A gateway that does not close its side is left with a closed one.
    }
  }
  client.stream.destroy();
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return "connection refused";
  // Node gives an error without a message when each address of a host failed.
  return error.message || String(code ?? error.name);
}
