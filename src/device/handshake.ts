import { randomUUID } from "node:crypto";
import { type ConnectPacket, ConnectRefused, connackCode } from "../protocol/control-packets.ts";
import type { QoS } from "../protocol/packet-type.ts";
import type { StoredWill } from "../store/stored-packets.ts";
import { levelCount, topicMistake } from "../topic/topic-rules.ts";
import { WaypostError } from "../waypost-error.ts";
import { ask } from "./ask.ts";
import type { Connection } from "./connection.ts";
import type { DeviceContext } from "./device-context.ts";

/** From CONNECT to CONNACK: is the client welcome, and what does it ask for? */
export class Handshake {
  readonly #context: DeviceContext;
  readonly #attach: (connection: Connection) => Promise<void>;

  /** `attach` gives the connection its device. */
  constructor(context: DeviceContext, attach: (connection: Connection) => Promise<void>) {
    this.#context = context;
    this.#attach = attach;
  }

  connect(connection: Connection, packet: ConnectPacket): void {
    this.#connect(connection, packet).then(
      () => connection.resume(),
      (error) => connection.fail(error),
    );
  }

  async #connect(connection: Connection, packet: ConnectPacket): Promise<void> {
    const { broker } = this.#context;
    if (!(await ask<boolean>((callback) => broker.preConnect(connection, packet, callback)))) {
      throw new WaypostError("ERR_CONNECT_REFUSED", "preConnect said no");
    }
    this.#check(packet);
    connection.id = packet.clientId || `waypost-${randomUUID()}`; // [MQTT-3.1.3-6]
    connection.clean = packet.clean ?? true;
    connection.version = packet.protocolVersion ?? 4;
    connection.keepAliveSeconds = packet.keepalive ?? 0;
    await this.#authenticate(connection, packet);
    connection.will = this.#willOf(packet);
    if (connection.closed) return;
    await this.#attach(connection);
    if (connection.closed) return;
    broker.emit("clientReady", connection);
    connection.emit("connected");
  }

  #check({ clientId, clean, protocolVersion, keepalive }: ConnectPacket): void {
    const { clientIdBytesMax, mqtt31ClientIdMax, keepAliveSecondsMax } = this.#context.settings;
    const reject = (why: string): never => {
      throw new ConnectRefused(connackCode.identifierRejected, why);
    };
    if (clientId.length === 0 && !clean) reject("an empty client id needs a clean session"); // [MQTT-3.1.3-8]
    if (protocolVersion === 3 && (clientId.length === 0 || clientId.length > mqtt31ClientIdMax)) {
      reject(`MQTT 3.1 wants a client id of 1 to ${mqtt31ClientIdMax} characters, this has ${clientId.length}`);
    }
    const bytes = Buffer.byteLength(clientId);
    if (bytes > clientIdBytesMax) reject(`a client id of ${bytes} bytes is over the limit of ${clientIdBytesMax}`);
    if (keepAliveSecondsMax > 0 && (!keepalive || keepalive > keepAliveSecondsMax)) {
      const why = `a keep alive of ${keepalive} s is not accepted; the limit is ${keepAliveSecondsMax} s`;
      // No return code says this; the 6 of aedes is reserved, so the connection is merely closed [MQTT-3.2.2-6].
      throw new WaypostError("ERR_CONNECT_REFUSED", why);
    }
  }

  async #authenticate(connection: Connection, { username, password }: ConnectPacket): Promise<void> {
    let refused: { returnCode?: number; message?: string } = {};
    try {
      const answer = await ask<boolean | null>((callback) =>
        this.#context.broker.authenticate(connection, username, password, callback),
      );
      if (answer) return;
    } catch (error) {
      refused = error as typeof refused;
    }
    const { returnCode, message } = refused;
    const known = returnCode !== undefined && returnCode >= 2 && returnCode <= 5;
    throw new ConnectRefused(
      known ? returnCode : connackCode.notAuthorized,
      `authentication failed: ${message || "authenticate said no"}`,
      { cause: refused },
    );
  }

  #willOf({ will }: ConnectPacket): StoredWill | null {
    if (will === undefined) return null;
    const { topicBytesMax, topicLevelsMax } = this.#context.settings;
    const mistake = topicMistake(will.topic);
    if (mistake !== undefined) throw new WaypostError("ERR_TOPIC_INVALID", `the will topic is invalid: ${mistake}`);
    if (Buffer.byteLength(will.topic) > topicBytesMax || levelCount(will.topic) > topicLevelsMax) {
      throw new WaypostError("ERR_TOPIC_INVALID", "the will topic is over the limits of this gateway");
    }
    const payload = Buffer.from(will.payload as Buffer); // outlives the chunk it came in
    return { topic: will.topic, payload, qos: (will.qos ?? 0) as QoS, retain: will.retain ?? false };
  }
}
