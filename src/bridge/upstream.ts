import type { Duplex } from "node:stream";
import { type IClientOptions, MqttClient } from "mqtt";
import type { Cancel } from "../actor/clock.ts";
import type { Connection, ConnectionOwner } from "../device/connection.ts";
import type { DeviceContext } from "../device/device-context.ts";
import { type Terms, termsBefore5 } from "../device/terms.ts";
import type { FrameReader } from "../protocol/frame-reader.ts";
import { flagsAreValid, packetType, type QoS } from "../protocol/packet-type.ts";
import { BRIDGE_PROPERTY } from "../protocol/provenance.ts";
import type { ProtocolVersion } from "../protocol/read-connect.ts";
import { isFailure } from "../protocol/reason-code.ts";
import { InboundAliases } from "../protocol/topic-aliases.ts";
import { packetIdOf } from "../store/message.ts";
import { WaypostError } from "../waypost-error.ts";
import type { BridgeSettings } from "./bridge-settings.ts";
import type { Dialect, VersionDoubt } from "./dialects.ts";
import { HandshakeStream } from "./handshake-stream.ts";
import { openStream } from "./open-stream.ts";
import { Pace } from "./pace.ts";
import { PacketIds } from "./packet-ids.ts";
import { refusalText, streamTrouble } from "./trouble.ts";
import { UpstreamConnection } from "./upstream-connection.ts";

/** What the upstream said in its CONNACK. */
export interface Agreed {
  readonly version: ProtocolVersion;
  readonly sessionPresent: boolean;
  readonly terms: Terms;
  /** After so much silence PINGREQ is sent: the upstream may have another wish than the configuration. */
  readonly keepAliveSeconds: number;
}

/** Where what comes from an upstream goes. */
export interface UpstreamOwner {
  /** CONNACK came. From here on messages may be sent. */
  agreed(upstream: Upstream, agreed: Agreed): void;
  /** PUBLISH, or what acknowledges one. */
  frame(upstream: Upstream, type: number, frames: FrameReader): void;
  /** The connection is over, or never was. */
  closed(upstream: Upstream, reason: WaypostError, doubt: VersionDoubt): void;
}

export interface UpstreamParts {
  readonly url: string;
  readonly dialect: Dialect;
  readonly clientId: string;
  /** Who this gateway is to others. */
  readonly identity: string;
  /** By what the store knows the bridge. */
  readonly sessionId: string;
  readonly settings: BridgeSettings;
  readonly context: DeviceContext;
  readonly owner: UpstreamOwner;
}

interface Connack {
  readonly sessionPresent: boolean;
  readonly properties?: {
    readonly receiveMaximum?: number;
    readonly maximumPacketSize?: number;
    readonly maximumQoS?: QoS;
    readonly retainAvailable?: boolean;
    readonly serverKeepAlive?: number;
    readonly reasonString?: string;
    readonly serverReference?: string;
  };
}

const { connack, publish, puback, pubrec, pubrel, pubcomp, suback, unsuback, pingresp, auth, disconnect } = packetType;
const beforeConnack: ReadonlySet<number> = new Set([connack, auth, disconnect]);
const ofMessages = [publish, puback, pubrec, pubrel, pubcomp];
const afterConnack: ReadonlySet<number> = new Set([...ofMessages, suback, unsuback, pingresp, auth, disconnect]);
const PINGREQ = packetType.pingreq << 4;
const PINGRESP = Buffer.from([packetType.pingresp << 4, 0]);
const DISCONNECT = Buffer.from([packetType.disconnect << 4, 0]);

/**
 * One connection to an upstream, from the attempt to its end. MQTT.js does what comes once or rarely: CONNECT, SUBSCRIBE,
 * PINGREQ, and what answers them. What comes a thousand times a second, PUBLISH and its acknowledgements, goes the way that
 * it goes for devices: MQTT.js would send one message after the other when a connection is taken up again, acknowledge what
 * comes before it is on the disk, and knows no receive maximum.
 */
export class Upstream {
  readonly url: string;
  readonly dialect: Dialect;
  readonly connection: UpstreamConnection;
  readonly #parts: UpstreamParts;
  readonly #client: MqttClient;
  #connack: Connack | null = null;
  /** The codes of the latest SUBACK, in the order of the filters. */
  #suback: readonly number[] = [];
  readonly #handshake: HandshakeStream;
  readonly #pace: Pace;
  readonly #cancelWait: Cancel;
  #isAgreed = false;
  #isClosed = false;
  /** Something came on this connection. */
  #isHeard = false;
  /** It was refused, and why. */
  #refusal: WaypostError | null = null;
  #isVersionRefused = false;

  /** Begins to connect. @throws ERR_UPSTREAM for a URL or file that is wrong */
  constructor(parts: UpstreamParts) {
    const { url, dialect, settings, context, sessionId } = parts;
    this.#parts = parts;
    this.url = url;
    this.dialect = dialect;
    const stream: Duplex = openStream(url, settings.tls, context.settings.packetBytesMax);
    this.#pace = new Pace(settings.bytesPerSecondMax, context.clock, () => this.connection.device?.drained());
    this.connection = new UpstreamConnection(sessionId, stream, context, this.#ownerOfConnection(), this.#pace);
    this.#handshake = new HandshakeStream({
      isBridge: dialect === "bridge",
      send: (bytes) => {
        this.connection.send(bytes, 0, bytes.length);
        // MQTT.js would wait for PINGRESP alone, which on a slow line stands behind all that was sent. See Watchdog.
        if (bytes[0] === PINGREQ) this.#handshake.came(PINGRESP, 0, PINGRESP.length);
      },
      // MQTT.js says why after it has ended its stream.
      ended: () => setImmediate(() => this.#fail("the connection was given up")),
    });
    stream.once("close", () => this.#fail("the upstream closed the connection"));
    const late = `no CONNACK within ${settings.connectSeconds} s`;
    this.#cancelWait = context.clock.after(settings.connectSeconds * 1000, () => {
      if (!this.#isAgreed) this.#fail(late);
    });
    this.#client = new MqttClient(() => this.#handshake, this.#options());
    this.#client.on("packetreceive", (packet) => {
      if (packet.cmd === "connack") this.#connack = packet as never;
      if (packet.cmd === "suback") this.#suback = packet.granted as number[];
    });
    this.#client.on("error", (error) => this.#fail(error.message, error));
    this.#client.on("connect", () => this.#agree());
    this.#client.on("disconnect", (packet) => {
      const { reasonCode = 0, properties } = packet;
      this.connection.connected = false; // it wants no DISCONNECT in answer
      this.#fail(`the upstream disconnected: ${refusalText(reasonCode, properties as never)}`);
    });
  }

  /** Asks the upstream for its messages. Calls back with what it refused, one text each. */
  subscribe(
    filters: readonly { readonly filter: string; readonly qos: QoS; readonly isShared: boolean }[],
    done: (refused: string[]) => void,
  ): void {
    const map = Object.create(null) as Record<string, object>;
    // No Local is not for shared subscriptions [MQTT-3.8.3-4]. What is retained comes when the subscription is new.
    for (const { filter, qos, isShared } of filters) map[filter] = { qos, nl: !isShared, rap: true, rh: 1 };
    this.#client.subscribe(map as never, (error) => {
      if (this.#isClosed) return;
      if (this.#suback.length !== filters.length) return this.#fail(error?.message ?? "SUBACK has too few codes");
      const isRefused = (_: unknown, index: number) => isFailure(this.#suback[index] as number);
      const codes = this.#suback.filter(isRefused);
      done(filters.filter(isRefused).map(({ filter }, index) => `${filter}: ${refusalText(codes[index] as number)}`));
    });
  }

  /** Calls back when the upstream has heard. */
  unsubscribe(filters: readonly string[], done: () => void): void {
    if (filters.length > 0) this.#client.unsubscribe([...filters], (error) => error || done());
  }

  /** Says goodbye. The owner hears no more. */
  leave(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isAgreed) this.connection.send(DISCONNECT, 0, DISCONNECT.length);
    this.connection.disconnected({ reasonCode: 0 });
    this.#end();
  }

  /** Gives the connection up. */
  fail(reason: WaypostError): void {
    this.connection.fail(reason);
  }

  #frame(frames: FrameReader): void {
    const first = frames.chunk[frames.start] as number;
    const type = first >> 4;
    this.#isHeard = true;
    if (type !== publish && !flagsAreValid(first)) {
      throw new WaypostError("ERR_MALFORMED_PACKET", `reserved flags in the fixed header 0x${first.toString(16)}`); // [MQTT-2.1.3-1]
    }
    if (!(this.#isAgreed ? afterConnack : beforeConnack).has(type)) {
      const when = this.#isAgreed ? "after" : "before";
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", `the upstream sent packet type ${type} ${when} CONNACK`);
    }
    if (type === pingresp) return;
    if (type >= packetType.publish && type <= packetType.pubcomp) return this.#parts.owner.frame(this, type, frames);
    if (type === packetType.connack) {
      if (this.#isRefused(frames)) return this.connection.fail(this.#refusal);
      this.connection.suspend(); // what comes behind it is for those whom MQTT.js tells of it
    }
    this.#handshake.came(frames.chunk, frames.start, frames.end);
  }

  #closed(connection: Connection, error: WaypostError | null): void {
    const { device } = connection;
    this.#parts.context.upstreams.delete(this.#parts.sessionId);
    device?.tell({ kind: "detach", connection });
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#end();
    const reason = this.#refusal ?? streamTrouble(error, this.url) ?? new WaypostError("ERR_UPSTREAM", "closed");
    // One that does not know MQTT 5 may close without a word.
    const isSilent = !this.#isHeard && !this.#isAgreed && error?.code === "ERR_STREAM" && this.connection.bytesSent > 0;
    const doubt = this.#isVersionRefused ? "refused" : isSilent && isCutOff(error) ? "silent" : null;
    this.#parts.owner.closed(this, reason, doubt);
  }

  #ownerOfConnection(): ConnectionOwner {
    const notForUpstreams = () => {
      throw new WaypostError("ERR_INVARIANT", "nobody who embeds the broker sees connections to upstreams");
    };
    return {
      frame: (_connection, frames) => this.#frame(frames),
      closed: (connection, error) => this.#closed(connection, error),
      subscribe: notForUpstreams,
      unsubscribe: notForUpstreams,
      publishTo: notForUpstreams,
      emptyOutgoing: notForUpstreams,
    };
  }

  #options(): IClientOptions {
    const { dialect, clientId, settings, context, identity } = this.#parts;
    const options: IClientOptions = {
      clientId,
      protocolId: "MQTT",
      protocolVersion: dialect === "5" ? 5 : 4,
      keepalive: settings.keepAliveSeconds,
      reschedulePings: false,
      clean: settings.sessionExpirySeconds === 0,
      reconnectPeriod: 0,
      connectTimeout: settings.connectSeconds * 1000 + 1000, // ours is first, and says why
      resubscribe: false,
      queueQoSZero: false,
      // Messages have ids that follow from their numbers: these are as far from the next ones as can be.
      messageIdProvider: new PacketIds(packetIdOf(context.broker.counter + 32_768), (id) => this.#isTaken(id)),
    };
    if (settings.username !== "") options.username = settings.username;
    if (settings.password !== "") options.password = settings.password;
    if (dialect === "5") {
      const receiveMaximum = context.settings.inboundInFlightMax;
      options.properties = {
        sessionExpiryInterval: settings.sessionExpirySeconds,
        maximumPacketSize: context.settings.packetBytesMax,
        userProperties: { [BRIDGE_PROPERTY]: identity },
        ...(receiveMaximum > 0 && receiveMaximum < 65_535 ? { receiveMaximum } : {}),
      };
    }
    return options;
  }

  #isTaken(id: number): boolean {
    let isTaken = false;
    this.connection.device?.mailbox.forEachInFlight(({ packetId }) => {
      isTaken ||= packetId === id;
    });
    return isTaken;
  }

  /** One that knows no MQTT 5 answers in the form of 3.1.1, which MQTT.js would take for malformed. */
  #isRefused({ chunk, body, end }: FrameReader): boolean {
    const code = chunk[body + 1] ?? 0;
    const isOlder = this.dialect === "5" && end - body === 2;
    const isVersion5 = this.dialect === "5" && !isOlder;
    if (code === 0 && !isOlder) return false;
    this.#isVersionRefused = isVersion5 ? code === 0x84 : code === 1 || (isOlder && code === 0);
    if (isVersion5) return false; // MQTT.js reads what it says, and tells of it
    const why = isOlder && code === 0 ? "it answers in the form of MQTT 3.1.1" : refusalText(code, undefined, 4);
    this.#refusal = new WaypostError("ERR_UPSTREAM", `the upstream refused the connection: ${why}`);
    return true;
  }

  #agree(): void {
    if (this.#isClosed || this.#isAgreed || this.#connack === null) return;
    this.#isAgreed = true;
    this.#cancelWait();
    const { context, sessionId, owner, settings } = this.#parts;
    const { properties = {}, sessionPresent } = this.#connack;
    const version = this.dialect === "5" ? 5 : 4;
    const terms: Terms =
      version === 4
        ? { ...termsBefore5, inboundInFlightMax: 65_535 } // it was not told of a limit
        : {
            receiveMaximum: properties.receiveMaximum ?? termsBefore5.receiveMaximum,
            // What it was told is a wish: Mosquitto 2.0 sends all that it has when a session is taken up again.
            inboundInFlightMax: 65_535,
            packetBytesMax: properties.maximumPacketSize ?? termsBefore5.packetBytesMax,
            inboundAliases: new InboundAliases(0),
            outboundAliases: null,
            problemInformation: true,
            qosMax: properties.maximumQoS ?? 2,
            retainAvailable: properties.retainAvailable ?? true,
          };
    context.upstreams.set(sessionId, this.connection);
    const keepAliveSeconds = properties.serverKeepAlive || settings.keepAliveSeconds;
    owner.agreed(this, { version, sessionPresent, terms, keepAliveSeconds });
    this.connection.resume();
  }

  #fail(why: string, cause?: unknown): void {
    if (this.#isClosed) return;
    const code = (cause as { code?: unknown } | undefined)?.code;
    const isRefusal = typeof code === "number" && !this.#isAgreed;
    const said = isRefusal ? refusalText(code, this.#connack?.properties) : "";
    const text = isRefusal ? `the upstream refused the connection: ${said}` : why;
    this.connection.fail(new WaypostError("ERR_UPSTREAM", text, { cause }));
  }

  #end(): void {
    this.#cancelWait();
    this.#pace.stop();
    this.#handshake.destroy();
    this.#client.end(true);
  }
}

/** The peer closed or reset what had been open; an answer of HTTP is not that. */
function isCutOff(error: WaypostError | null): boolean {
  if (error?.cause === undefined) return true;
  const { code } = error.cause as { code?: string };
  return code === "ECONNRESET" || code === "EPIPE";
}
