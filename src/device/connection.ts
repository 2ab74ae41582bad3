import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Cancel } from "../actor/clock.ts";
import type { Client } from "../broker/edge-broker.ts";
import { ConnectRefused } from "../protocol/connect-refused.ts";
import { type DisconnectPacket, writeControlPacket } from "../protocol/control-packets.ts";
import type { FrameReader } from "../protocol/frame-reader.ts";
import { firstByte as firstBytes, packetType } from "../protocol/packet-type.ts";
import type { Properties } from "../protocol/properties.ts";
import { writeAcknowledgement } from "../protocol/publish-frame.ts";
import type { ProtocolVersion } from "../protocol/read-connect.ts";
import { isFailure, reasonCode, reasonCodeOf } from "../protocol/reason-code.ts";
import type { StoredWill } from "../store/stored-packets.ts";
import { WaypostError } from "../waypost-error.ts";
import type { AcknowledgementLine } from "./acknowledgement-line.ts";
import type { Device } from "./device.ts";
import type { DeviceContext } from "./device-context.ts";
import { isSilent, refuseConnect, sayWhy, sendConnack } from "./farewell.ts";
import { type FrameHandler, Intake } from "./intake.ts";
import type { Blocker, Link } from "./link.ts";
import { StreamWriter } from "./stream-writer.ts";
import { type Terms, termsBefore5 } from "./terms.ts";

/** What a connection hands on. One object for all connections. */
export interface ConnectionOwner {
  /** A whole frame came, which `frames` stands on. */
  frame(connection: Connection, frames: FrameReader): void;
  subscribe(connection: Connection, ...args: Parameters<Client["subscribe"]>): void;
  unsubscribe(connection: Connection, ...args: Parameters<Client["unsubscribe"]>): void;
  /** Someone who embeds the broker publishes to this one client. */
  publishTo(connection: Connection, ...args: Parameters<Client["publish"]>): void;
  emptyOutgoing(connection: Connection, done?: () => void): void;
  /** The connection is closed for good; `error` is null after a DISCONNECT, or where the gateway closed it. */
  closed(connection: Connection, error: WaypostError | null): void;
}

/** How long the peer has to read what it was sent before its connection is cut off. */
const LINGER_MS = 2000;
/** A CONNECT with the longest fields that MQTT allows: a stranger shall not make the gateway hold more. */
const CONNECT_BYTES_MAX = 10 + 5 * (2 + 65_535);
/** Answers that may wait for the peer to read: those to some 64,000 messages. */
const ANSWER_BYTES_MAX = 256 * 1024;
let connections = 0;
const NO_BLOCKERS: ReadonlySet<Blocker> = new Set();
/** Nothing is deduplicated per connection; aedes deletes from this when another gateway is born. */
const NO_DUPLICATES: Record<string, number> = Object.create(null);

type Carrier = Duplex & { client?: Connection };

/**
 * One open stream and the frames on it; dies with the stream. To the hooks of aedes it is the client.
 * Frames are handled one after another, each to its end: while something has to be waited for, the stream is not read.
 */
export class Connection extends EventEmitter implements Link, FrameHandler {
  readonly conn: Duplex;
  readonly req?: IncomingMessage;
  readonly connDetails: unknown;
  readonly broker: DeviceContext["broker"];
  readonly duplicates = NO_DUPLICATES;
  id = "";
  clean = true;
  /** From the first packet on. */
  version: ProtocolVersion = 4;
  /** Of the CONNECT, for hooks that want to know. */
  properties: Properties | null = null;
  terms: Terms = termsBefore5;
  /** How long the session outlives the connection, as the client asked for. */
  sessionExpirySeconds = 0;
  /** The method of enhanced authentication and the name that it proved; null without. */
  authenticated: { readonly method: string; readonly username: string } | null = null;
  /** Messages from the client that wait for PUBACK or PUBREL. */
  unacknowledged = 0;
  /** Tells it from all other connections of this process. */
  readonly serial = ++connections;
  connecting = false;
  connected = false;
  /** Its peer is a bridge: what comes from it has come from another broker, and what it published is not sent back to it. */
  isBridge = false;
  /** The gateway opened it: it is worth more than what a message of its peer may cost. */
  readonly isOutgoing: boolean = false;
  /** It took up a session that was there: what its client repeats may have been settled before. */
  resumed = false;
  closed = false;
  /** Published when the connection ends other than by DISCONNECT [MQTT-3.1.2-8]. */
  will: StoredWill | null = null;
  /** aedes registered it: it has to be unregistered. */
  registered = false;
  device: Device | null = null;
  /** Acknowledgements that have to leave in order; made when the first has to wait. */
  acknowledgements: AcknowledgementLine | null = null;
  keepAliveSeconds = 0;
  /** When the keep alive or the wait for CONNECT was last satisfied, in milliseconds since the Unix epoch. */
  heardAt: number;
  #blockers: Set<Blocker> | null = null;
  readonly #context: DeviceContext;
  readonly #owner: ConnectionOwner;
  readonly #intake: Intake;
  readonly #writer: StreamWriter;
  #throttled = false;

  constructor(stream: Duplex, request: IncomingMessage | undefined, context: DeviceContext, owner: ConnectionOwner) {
    super();
    this.conn = stream;
    if (request !== undefined) this.req = request;
    this.connDetails = (request as { connDetails?: unknown } | undefined)?.connDetails ?? null;
    this.broker = context.broker;
    this.#context = context;
    this.#owner = owner;
    this.#intake = new Intake(stream, Math.min(CONNECT_BYTES_MAX, context.settings.packetBytesMax), this);
    this.#writer = new StreamWriter(stream, context.flusher, () => this.#progressed());
    this.heardAt = context.clock.now();
    (stream as Carrier).client = this;
    stream.on("data", onData);
    stream.on("end", onEnd);
    stream.on("close", onClose);
    stream.on("error", onError);
  }

  get unsentBytes(): number {
    return this.#writer.unsentBytes;
  }

  /** Bytes arrived: those of `chunk` from `start` to `end`. They must stay as they are. */
  arrived(chunk: Buffer, start: number, end: number): void {
    this.#intake.arrived(chunk, start, end);
  }

  /** Calls back, once, when every packet that came has been handled, or none is handled any more. */
  whenIdle(done: () => void): void {
    this.#intake.whenIdle(done);
  }

  /** Handles no further packet until `resume` has been called as often. */
  suspend(): void {
    this.#intake.suspend();
  }

  resume(): void {
    this.#intake.resume();
  }

  get blockers(): ReadonlySet<Blocker> {
    return this.#blockers ?? NO_BLOCKERS;
  }

  /** The peer is not read because something has no room for what it publishes. */
  get blocked(): boolean {
    return this.#blockers !== null && this.#blockers.size > 0;
  }

  block(by: Blocker): void {
    this.#blockers ??= new Set();
    if (this.closed || this.#blockers.has(by)) return;
    this.#blockers.add(by);
    this.suspend();
  }

  unblock(by: Blocker): void {
    if (this.#blockers?.delete(by)) this.resume();
  }

  /** Whether a whole packet came since this was last asked. */
  takeHeard(): boolean {
    const { heard } = this.#intake;
    this.#intake.heard = false;
    return heard;
  }

  send(buffer: Buffer, start: number, end: number): void {
    this.#writer.send(buffer, start, end);
  }

  /** @throws ERR_PACKET_TOO_LARGE where the client does not take it, even without what need not be said */
  sendControlPacket(packet: object): void {
    let bytes = writeControlPacket(packet as never, this.version);
    if (bytes.length > this.terms.packetBytesMax) {
      const { reasonString, userProperties, ...properties } = (packet as { properties?: Properties }).properties ?? {};
      bytes = writeControlPacket({ ...packet, properties } as never, this.version); // [MQTT-3.2.2-19] [MQTT-3.14.2-3]
      if (bytes.length > this.terms.packetBytesMax) {
        const why = `a packet of ${bytes.length} bytes is over the ${this.terms.packetBytesMax} that the client takes`;
        throw new WaypostError("ERR_PACKET_TOO_LARGE", why); // [MQTT-3.1.2-24]
      }
    }
    this.sendAnswer(bytes, 0, bytes.length);
  }

  sendPingresp(): void {
    const slab = this.#context.acknowledgements;
    const start = slab.reserve(2);
    slab.buffer[start] = packetType.pingresp << 4;
    slab.buffer[start + 1] = 0;
    this.sendAnswer(slab.buffer, start, start + 2);
  }

  sendAcknowledgement(firstByte: number, packetId: number, code = 0, why?: string): void {
    const said = this.version === 5 ? code : 0;
    if (firstByte === firstBytes.puback || (firstByte === firstBytes.pubrec && isFailure(said))) this.answered();
    if (why !== undefined && this.version === 5 && this.terms.problemInformation) {
      const cmd = firstByte === firstBytes.puback ? "puback" : "pubrec";
      return this.sendControlPacket({ cmd, messageId: packetId, reasonCode: code, properties: { reasonString: why } });
    }
    const slab = this.#context.acknowledgements;
    const start = writeAcknowledgement(slab, firstByte, packetId, said);
    this.sendAnswer(slab.buffer, start, start + (said === 0 ? 4 : 5));
  }

  /** One message from the client counts no longer against its receive maximum. */
  answered(): void {
    if (this.unacknowledged > 0) this.unacknowledged--;
  }

  /** The device has taken this connection: CONNACK is the first packet that it gets [MQTT-3.2.0-1]. */
  accepted(device: Device, sessionPresent: boolean, properties: object): void {
    // First of all: where the client takes no packet of that size, it is refused, and was never connected [MQTT-3.14.0-1].
    const connack = sendConnack(this, 0, 0, sessionPresent && this.version > 3, properties); // reserved, and 0, in MQTT 3.1
    this.device = device;
    this.connecting = false;
    this.connected = true;
    this.resumed = sessionPresent;
    this.#intake.heard = true;
    this.#intake.remainingLengthMax = this.#context.settings.packetBytesMax;
    this.broker.emit("connackSent", connack as never, this);
  }

  /** The gateway opened this connection itself, and has agreed on these terms with its peer. */
  opened(device: Device, version: ProtocolVersion, terms: Terms, resumed: boolean): void {
    this.device = device;
    this.version = version;
    this.terms = terms;
    this.resumed = resumed;
    this.connected = true;
    this.#intake.remainingLengthMax = this.#context.settings.packetBytesMax;
  }

  /** Closes because of an error; what was sent before still goes out. */
  fail(error: unknown): void {
    if (this.closed) return;
    const known = error instanceof WaypostError ? error : unexpected(error);
    if (known.fault === "invariant" && this.device !== null) {
      this.device.failed(error);
      if (this.closed) return;
    }
    if (error instanceof ConnectRefused)
      refuseConnect(this, error.returnCode, error); // [MQTT-3.2.2-4] [MQTT-3.2.2-5]
    else if (this.version === 5 && known.code !== "ERR_STREAM") {
      if (this.connected) sayWhy(this, reasonCodeOf(known), known.fault === "peer" ? known.message : undefined);
      else if (!isSilent(known)) refuseConnect(this, 0, known);
    }
    this.#close(known);
  }

  /**
   * DISCONNECT: the will is not published [MQTT-3.1.2-10] [MQTT-3.14.4-3], unless the client asks for it.
   * @throws ERR_PROTOCOL_VIOLATION for an expiry of a session that was to end with the connection (MQTT 5, 3.14.2.2.2)
   */
  disconnected({ reasonCode: code, properties }: DisconnectPacket): void {
    const expirySeconds = properties?.sessionExpiryInterval;
    // What the client asked for counts, and not what it was granted.
    if (expirySeconds !== undefined && expirySeconds > 0 && !this.properties?.sessionExpiryInterval) {
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", "DISCONNECT prolongs a session that ends with its connection");
    }
    if (expirySeconds !== undefined) this.device?.tell({ kind: "expireAfter", seconds: expirySeconds });
    if (code === reasonCode.success) this.will = null;
    if (!this.closed) this.#close(null);
  }

  /** As in aedes: closes without a DISCONNECT from the client, so the will is published. */
  close(done?: () => void): void {
    this.end(this.broker.closed ? reasonCode.serverShuttingDown : reasonCode.administrativeAction);
    done?.();
  }

  /** Closes, and tells an MQTT 5 client why. */
  end(code: number): void {
    if (this.closed) return;
    if (this.version === 5 && this.connected) sayWhy(this, code);
    this.#close(null);
  }

  publish(...args: Parameters<Client["publish"]>): void {
    this.#whenConnected(() => this.#owner.publishTo(this, ...args));
  }

  subscribe(...args: Parameters<Client["subscribe"]>): void {
    this.#whenConnected(() => this.#owner.subscribe(this, ...args));
  }

  unsubscribe(...args: Parameters<Client["unsubscribe"]>): void {
    this.#whenConnected(() => this.#owner.unsubscribe(this, ...args));
  }

  emptyOutgoingQueue(done?: () => void): void {
    this.#owner.emptyOutgoing(this, done);
  }

  /** The stream ended; what came before has been handled. */
  ended(): void {
    this.fail(new WaypostError("ERR_STREAM", "the connection ended without DISCONNECT"));
  }

  /** No more bytes will arrive. */
  streamEnded(): void {
    this.#intake.end();
  }

  /** No more bytes will arrive, and the peer takes none: there is nobody to wait for. */
  streamClosed(): void {
    this.#intake.end();
    if (this.#throttled) this.#unthrottle();
  }

  /** aedes emits `client` before the device has its connection: what is asked for then is done right after CONNACK. */
  #whenConnected(task: () => void): void {
    if (this.connecting) this.once("connected", task);
    else task();
  }

  /** A peer that sends and does not read the answers is not read either, or they would pile up without end. */
  sendAnswer(buffer: Buffer, start: number, end: number): void {
    this.#writer.sendAnswer(buffer, start, end);
    if (this.#writer.unsentAnswerBytes > ANSWER_BYTES_MAX && !this.#throttled && !this.conn.destroyed) {
      this.#throttled = true;
      this.suspend();
    }
  }

  #progressed(): void {
    if (this.#throttled && this.#writer.unsentAnswerBytes <= ANSWER_BYTES_MAX / 2) this.#unthrottle();
    this.device?.drained();
  }

  #unthrottle(): void {
    this.#throttled = false;
    this.resume();
  }

  /** One whole frame. */
  handle(frames: FrameReader): void {
    this.#owner.frame(this, frames);
  }

  #close(error: WaypostError | null): void {
    this.closed = true;
    this.connected = false;
    this.connecting = false;
    this.#intake.stop();
    try {
      for (const blocker of this.blockers) blocker.abandoned(this);
      this.#owner.closed(this, error);
    } finally {
      // Also where a listener of an event throws: the stream must not stay open with nobody to read it.
      this.device = null;
      this.will = null;
      this.#endStream();
    }
  }

  #endStream(): void {
    const stream = this.conn;
    if (stream.destroyed) return this.#writer.discard();
    stream.resume(); // unread bytes would turn the close into a reset, and the peer might lose what it was sent last
    this.#writer.end();
    const cancel: Cancel = this.#context.clock.after(LINGER_MS, () => stream.destroy());
    stream.once("close", cancel);
    stream.once("finish", () => stream.destroy());
  }
}

function onData(this: Carrier, chunk: Buffer): void {
  this.client?.arrived(chunk, 0, chunk.length);
}

function onEnd(this: Carrier): void {
  this.client?.streamEnded();
}

function onClose(this: Carrier): void {
  this.client?.streamClosed();
}

function onError(this: Carrier, error: Error): void {
  this.client?.fail(new WaypostError("ERR_STREAM", error.message, { cause: error }));
}

function unexpected(error: unknown): WaypostError {
  const message = error instanceof Error ? error.message : String(error);
  return new WaypostError("ERR_DEVICE_CRASHED", `the device failed: ${message}`, { cause: error });
}
