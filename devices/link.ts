import { connect as connectMqtt, type IConnackPacket, type MqttClient, type Packet, Store } from "mqtt";
import { awaitConnack } from "./await-connack.ts";
import { clearRetained } from "./clear-retained.ts";
import { clientOptions, type LinkOptions } from "./client-options.ts";
import type { Clock } from "./clock.ts";
import { type Departure, depart } from "./depart.ts";
import { endClient } from "./end-client.ts";
import { endSession } from "./end-session.ts";
import { FleetError } from "./fleet-error.ts";
import { Hearing } from "./hearing.ts";
import type { Job } from "./job.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { Message } from "./message.ts";
import type { OutageMark, Outages } from "./outages.ts";
import { type Channel, Outgoing } from "./outgoing.ts";
import { OutgoingStore } from "./outgoing-store.ts";
import type { ProtocolVersion } from "./protocol-version.ts";
import { reasonOf } from "./reason-of.ts";
import { subscribe } from "./subscribe.ts";
import { plainHabits } from "./version5/habits.ts";
import { readWelcome } from "./welcome.ts";
import { within } from "./within.ts";

type LinkParts = { ledger: Ledger; clock: Clock; outages: Outages; lost: (link: Link) => void };

const retryMs = 100;
const answerMsMax = 5_000;

/**
 * One device's way to the gateway: an MQTT.js client that books all it sends and receives. It never reconnects by
 * itself; an end of the connection is an incident unless it asked for it or the run killed the gateway.
 */
export class Link {
  readonly name: string;
  onMessage: (message: Message) => void = () => {};
  onJob: (job: Job) => void = () => {};
  readonly #options: LinkOptions;
  readonly #parts: LinkParts;
  readonly #stores = { incomingStore: new Store({ clean: false }), outgoingStore: new OutgoingStore() };
  readonly #hearing: Hearing;
  readonly #outgoing: Outgoing;
  #client: MqttClient | undefined;
  #state: "closed" | "online" | "away" | "lost" = "closed";
  #wanted: Readonly<Record<string, 0 | 1 | 2>> = {};
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
    const { name, holdsJobs = false, habits = plainHabits } = options;
    this.#hearing = new Hearing({
      name,
      version: this.version,
      habits,
      ledger,
      clock,
      heard: (message) => this.onMessage(message),
      handed: holdsJobs ? (job) => this.onJob(job) : undefined,
    });
  }

  get version(): ProtocolVersion {
    return this.#options.version ?? 4;
  }

  get state(): "closed" | "online" | "away" | "lost" {
    return this.#state;
  }

  /** Whether it has jobs in hand that it has yet to settle. */
  get isBusy(): boolean {
    return this.#state === "online" && this.#hearing.jobsInHand > 0;
  }

  /** Only this device may subscribe below it; undefined if it did not ask for one. */
  get replyPrefix(): string | undefined {
    return this.#hearing.replyPrefix;
  }

  /** Where the answers to the calls of this stream come; undefined if it has no calls. */
  responseTopic({ call, topic }: Pick<Channel, "call" | "topic">): string | undefined {
    return call === undefined || this.replyPrefix === undefined ? undefined : `${this.replyPrefix}${topic}`;
  }

  /** @throws FleetError ERR_GATEWAY_UNREACHABLE */
  async connect(): Promise<void> {
    const client = connectMqtt(this.#options.url, { ...clientOptions(this.#options), ...this.#stores });
    this.#client = client;
    this.#hearing.listenTo(client.stream);
    this.#listen(client);
    this.#welcome(await awaitConnack(client, this.#failure), client.options.clean !== true);
    client.options.clean = !this.#options.persistent;
    this.#state = "online";
  }

  /** @throws FleetError ERR_SUBSCRIPTION_REFUSED when the SUBACK refuses or does not come */
  async subscribe(wanted: Readonly<Record<string, 0 | 1 | 2>>): Promise<void> {
    this.#wanted = wanted;
    if (this.#filters.length === 0) return;
    try {
      for (const { filter, qos, identifier } of await subscribe(this.#open(), wanted)) {
        this.#parts.ledger.subscribed(this.name, filter, qos, identifier);
      }
    } catch (error) {
      const text = `${this.name} could not subscribe to ${this.#filters.join(", ")}: ${reasonOf(error)}`;
      throw new FleetError("ERR_SUBSCRIPTION_REFUSED", `${text}; let it in the gateway's access rules`, {
        cause: error,
      });
    }
  }

  /** Publishes the next message of a stream; a device that is not connected keeps silent. */
  publish(channel: Channel, body: Uint8Array): void {
    if (this.#state === "online") this.#outgoing.publish(channel, this.responseTopic(channel), body);
  }

  /** Answers a message that asked for it. */
  answer(reply: NonNullable<Message["reply"]>, flow: string, body: Uint8Array): void {
    // What had waited comes before the return is complete, and its answer waits for that.
    if (this.#state === "online" || this.#state === "away") this.#outgoing.answer(reply, flow, body);
  }

  /** Goes away and stays away until it is told to come back; nothing if it is away already. */
  async drop(departure: Departure): Promise<void> {
    if (this.#state !== "online") return;
    const client = this.#open();
    this.#state = "away";
    this.#parts.ledger.left(this.name, this.#parts.clock.nowMs());
    this.#dropped = depart(client, departure);
    await this.#dropped;
  }

  /**
   * Returns to the persistent session, or subscribes anew to a queue, again and again while the gateway is down by a
   * kill. Never throws: a return that fails otherwise is an incident and the link is lost.
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
    if (this.#state !== "online" || !this.#options.persistent) return;
    // A round trip: what was on its way is here and acknowledged.
    await this.#unsubscribeFrom([`${this.name}/nothing`]);
    await this.drop("disconnect");
    this.#parts.ledger.finished(this.name);
    await this.comeBack();
  }

  /** After UNSUBACK all that the gateway had sent before is here [MQTT-4.6.0-6], so nothing comes unseen. */
  async unsubscribe(): Promise<void> {
    if (this.#state !== "online") return;
    if (this.#filters.length > 0) await this.#unsubscribeFrom(this.#filters);
    // Whoever is in a group hears without having asked: the round trip is what counts.
    else if (this.#options.persistent) await this.#unsubscribeFrom([`${this.name}/nothing`]);
  }

  /** Takes back what this device left retained, and waits for the acknowledgements. */
  async clearRetained(topics: readonly string[]): Promise<void> {
    if (this.#state !== "online") return;
    try {
      await clearRetained(this.#open(), topics);
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
          this.#lose("a device could not return", reasonOf(error));
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
    this.#hearing.listenTo(client.stream);
    this.#welcome(await awaitConnack(client, this.#failure), this.#options.persistent);
    if (!this.#options.persistent) await subscribe(client, this.#wanted);
  }

  #welcome(connack: IConnackPacket, mayResume: boolean): void {
    const { asks = false } = this.#options;
    const { name, replyPrefix: before } = this;
    const isReturn = this.#state === "away";
    const { faults, replyPrefix } = readWelcome(connack, { name, isReturn, mayResume, asks, replyPrefix: before });
    for (const fault of faults) this.#parts.ledger.incident(fault, name);
    this.#hearing.replyPrefix = replyPrefix;
  }

  /** Whether it may be away without missing what it has to get: a queue keeps its jobs for whoever comes. */
  get #mayReturn(): boolean {
    return this.#options.persistent || this.#filters.some((filter) => filter.startsWith("$queue/"));
  }

  get #filters(): string[] {
    return Object.keys(this.#wanted);
  }

  #listen(client: MqttClient): void {
    // Errors come out of awaitConnack while connecting, and as an end of the connection afterwards.
    client.on("error", () => {});
    this.#hearing.attach(client);
    client.on("packetsend", (packet) => {
      // MQTT.js sends again, before it says that it is connected, without DUP [MQTT-3.3.1-1].
      if (packet.cmd === "publish" && packet.qos > 0 && this.#state !== "online") packet.dup = true;
    });
    client.on("packetreceive", (packet) => this.#received(packet));
    client.on("close", () => {
      if (this.#state !== "online") return;
      if (this.#mayReturn && this.#parts.outages.excuseEnd(this.#gatewayAtConnect)) {
        this.#state = "away";
        this.#parts.ledger.left(this.name, this.#parts.clock.nowMs());
        void this.comeBack();
        return;
      }
      // Not an absence: those excuse losses, and this is the gateway's doing.
      this.#lose("a connection was lost that nobody had cut", this.name);
    });
  }

  #received(packet: Packet): void {
    const { outages } = this.#parts;
    const isStopping = outages.excuseAttempt(this.#gatewayAtConnect);
    this.#hearing.received(packet, { isRecovering: this.#state !== "online", isStopping });
    if (packet.cmd === "connack") {
      // Not at the `connect` event: MQTT.js sends again first, and what waited at the gateway arrives meanwhile.
      this.#outgoing.connected(packet);
      this.#parts.ledger.returned(this.name, this.#parts.clock.nowMs());
    } else this.#outgoing.received(packet);
  }

  #lose(incident: string, who: string): void {
    this.#parts.ledger.incident(incident, who);
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
