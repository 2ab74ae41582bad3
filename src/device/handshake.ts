import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import { ConnectRefused, connackCode } from "../protocol/connect-refused.ts";
import type { Properties } from "../protocol/properties.ts";
import { BRIDGE_PROPERTY } from "../protocol/provenance.ts";
import { PublishProperties } from "../protocol/publish-properties.ts";
import type { ConnectPacket } from "../protocol/read-connect.ts";
import { isFailure, reasonCode, refusalCodeOf } from "../protocol/reason-code.ts";
import { NEVER_EXPIRES } from "../store/store.ts";
import type { StoredWill } from "../store/stored-packets.ts";
import { levelCount, topicMistake } from "../topic/topic-rules.ts";
import { WaypostError } from "../waypost-error.ts";
import { ask } from "./ask.ts";
import type { Authentication } from "./authentication.ts";
import { connackProperties, termsOf } from "./connack.ts";
import type { Connection } from "./connection.ts";
import type { DeviceContext } from "./device-context.ts";

/** Characters of user properties that are kept while the connection lives, as JSON. */
const USER_PROPERTIES_MAX = 4096;

/** From CONNECT to CONNACK: is the client welcome, and what does it ask for? */
export class Handshake {
  readonly #context: DeviceContext;
  readonly #authentication: Authentication;
  readonly #attach: (connection: Connection, connackProperties: object) => Promise<void>;

  /** `attach` gives the connection its device, and answers the CONNECT. */
  constructor(
    context: DeviceContext,
    authentication: Authentication,
    attach: (connection: Connection, connackProperties: object) => Promise<void>,
  ) {
    this.#context = context;
    this.#authentication = authentication;
    this.#attach = attach;
  }

  connect(connection: Connection, packet: ConnectPacket): void {
    this.#connect(connection, packet).then(
      () => connection.resume(),
      (error) => connection.fail(error),
    );
  }

  async #connect(connection: Connection, packet: ConnectPacket): Promise<void> {
    const { broker, settings } = this.#context;
    connection.version = packet.protocolVersion;
    // What the client is told is held against what it asked for, whatever preConnect makes of that.
    const asked = { ...packet, properties: { ...packet.properties } };
    this.#heed(connection, packet);
    await this.#preConnect(connection, packet);
    this.#heed(connection, packet);
    this.#check(packet);
    connection.id = packet.clientId || `waypost-${randomUUID()}`; // [MQTT-3.1.3-6]
    connection.clean = packet.clean;
    const { userProperties } = packet.properties ?? {};
    connection.isBridge = packet.bridgeMode === true || userProperties?.[BRIDGE_PROPERTY] !== undefined;
    connection.sessionExpirySeconds = this.#expiryOf(packet);
    connection.keepAliveSeconds = this.#keepAliveOf(packet);
    const proof = await this.#authenticate(connection, packet);
    connection.will = this.#willOf(packet);
    if (connection.closed) return;
    await this.#attach(connection, { ...connackProperties(connection, asked, settings), ...proof });
    if (connection.closed) return;
    connection.properties = lasting(connection.properties);
    broker.emit("clientReady", connection);
    connection.emit("connected");
  }

  #heed(connection: Connection, packet: ConnectPacket): void {
    connection.properties = packet.properties ?? null;
    connection.terms = termsOf(packet, this.#context.settings);
  }

  /** The hook may refuse with a reason code, and may change the packet; it sees the will's properties as other hooks do. */
  async #preConnect(connection: Connection, packet: ConnectPacket): Promise<void> {
    const { broker } = this.#context;
    const shown: { properties?: object } = packet.will ?? {};
    const came = packet.will?.properties;
    if (came !== undefined) shown.properties = came.toObject();
    let isWelcome: boolean | undefined;
    try {
      isWelcome = await ask<boolean>((callback) => broker.preConnect(connection, packet as never, callback));
    } catch (error) {
      const why = `preConnect said no: ${error instanceof Error ? error.message : String(error)}`;
      throw new WaypostError("ERR_CONNECT_REFUSED", why, { cause: error, reasonCode: refusalCodeOf(error) });
    }
    if (!isWelcome) throw new WaypostError("ERR_CONNECT_REFUSED", "preConnect said no");
    const { will } = packet;
    if (will === undefined) return;
    const properties = PublishProperties.afterHook(came, will.properties);
    if (properties === undefined) delete will.properties;
    else will.properties = properties;
  }

  #check({ clientId, clean, protocolVersion, keepalive }: ConnectPacket): void {
    const { clientIdBytesMax, mqtt31ClientIdMax, keepAliveSecondsMax } = this.#context.settings;
    const reject = (why: string): never => {
      throw new ConnectRefused(connackCode.identifierRejected, why);
    };
    if (clientId.length === 0 && !clean && protocolVersion < 5) reject("an empty client id needs a clean session"); // [MQTT-3.1.3-8]
    if (protocolVersion === 3 && (clientId.length === 0 || clientId.length > mqtt31ClientIdMax)) {
      reject(`MQTT 3.1 wants a client id of 1 to ${mqtt31ClientIdMax} characters, this has ${clientId.length}`);
    }
    const bytes = Buffer.byteLength(clientId);
    if (bytes > clientIdBytesMax) reject(`a client id of ${bytes} bytes is over the limit of ${clientIdBytesMax}`);
    if (protocolVersion < 5 && keepAliveSecondsMax > 0 && (keepalive === 0 || keepalive > keepAliveSecondsMax)) {
      const why = `a keep alive of ${keepalive} s is not accepted; the limit is ${keepAliveSecondsMax} s`;
      // No return code says this; the 6 of aedes is reserved, so the connection is merely closed [MQTT-3.2.2-6].
      throw new WaypostError("ERR_CONNECT_REFUSED", why);
    }
  }

  /** How long the session lives on: as long as the gateway lets it, where the client sets no end. */
  #expiryOf({ clean, protocolVersion, properties }: ConnectPacket): number {
    if (protocolVersion < 5) return clean ? 0 : NEVER_EXPIRES;
    return Math.min(properties?.sessionExpiryInterval ?? 0, this.#context.settings.sessionExpirySeconds);
  }

  /** In MQTT 5 the gateway may ask for a shorter one [MQTT-3.2.2-21]. */
  #keepAliveOf({ keepalive, protocolVersion }: ConnectPacket): number {
    const max = this.#context.settings.keepAliveSecondsMax;
    return protocolVersion === 5 && max > 0 ? Math.min(keepalive || max, max) : keepalive;
  }

  /** Returns what the CONNACK says of it. */
  async #authenticate(connection: Connection, { username, password, properties }: ConnectPacket): Promise<object> {
    if (properties?.authenticationMethod !== undefined) return this.#authentication.begin(connection, properties);
    let refused: { returnCode?: number; reasonCode?: number; message?: string } = {};
    try {
      const answer = await ask<boolean | null>((callback) =>
        this.#context.broker.authenticate(connection, username, password, callback),
      );
      if (answer) return {};
    } catch (error) {
      refused = error as typeof refused;
    }
    const { returnCode, reasonCode: code, message } = refused;
    const known = returnCode !== undefined && returnCode >= 2 && returnCode <= 5;
    const isSaid = code !== undefined && isFailure(code) && code <= 0xff;
    throw new ConnectRefused(
      known ? returnCode : connackCode.notAuthorized,
      `authentication failed: ${message || "authenticate said no"}`,
      isSaid ? { cause: refused, reasonCode: code } : { cause: refused },
    );
  }

  #willOf({ will, protocolVersion }: ConnectPacket): StoredWill | null {
    if (will === undefined) return null;
    const { topicBytesMax, topicLevelsMax, qosMax, retainAvailable, payloadFormatChecked } = this.#context.settings;
    const refuse = (why: string, code: number): never => {
      throw new ConnectRefused(connackCode.notAuthorized, why, { reasonCode: code });
    };
    if (protocolVersion === 5 && will.qos > qosMax) refuse("the will QoS is not served", reasonCode.qosNotSupported); // [MQTT-3.2.2-12]
    if (protocolVersion === 5 && will.retain && !retainAvailable) {
      refuse("a retained will, which this gateway does not keep", reasonCode.retainNotSupported); // [MQTT-3.2.2-13]
    }
    if (payloadFormatChecked && will.properties?.payloadFormatIndicator === true && !isUtf8(will.payload)) {
      refuse("the will is not the UTF-8 that it is said to be", reasonCode.payloadFormatInvalid);
    }
    const mistake = topicMistake(will.topic);
    if (mistake !== undefined) throw new WaypostError("ERR_TOPIC_INVALID", `the will topic is invalid: ${mistake}`);
    if (Buffer.byteLength(will.topic) > topicBytesMax || levelCount(will.topic) > topicLevelsMax) {
      throw new WaypostError("ERR_TOPIC_INVALID", "the will topic is over the limits of this gateway");
    }
    return will;
  }
}

/** What hooks may want to know of a CONNECT later on. Thousands of user properties for each connection would be too much. */
function lasting(properties: Properties | null): Properties | null {
  if (properties?.userProperties === undefined) return properties;
  if (JSON.stringify(properties.userProperties).length <= USER_PROPERTIES_MAX) return properties;
  const { userProperties, ...rest } = properties;
  return rest;
}
