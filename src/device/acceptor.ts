import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Client } from "../broker/edge-broker.ts";
import type { FrameReader } from "../protocol/frame-reader.ts";
import type { QoS } from "../protocol/packet-type.ts";
import { Message } from "../store/message.ts";
import type { StoredPublish } from "../store/stored-packets.ts";
import { WaypostError } from "../waypost-error.ts";
import { Authentication } from "./authentication.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import type { DeviceContext } from "./device-context.ts";
import type { DeviceRegistry } from "./device-registry.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Handshake } from "./handshake.ts";
import { Inbound } from "./inbound.ts";
import { Subscribing } from "./subscribing.ts";

/** How often keep alives and waits for CONNECT are looked at. */
const SWEEP_MS = 1000;
const EXPIRE_MS = 60_000;
/** The clock was set, or the machine slept: nobody was silent for that long. A Raspberry Pi starts in the past. */
const CLOCK_JUMP_MS = 60_000;

/** Takes byte streams as connections, watches over them, and brings what comes in to where it is handled. */
export class Acceptor implements ConnectionOwner {
  readonly #context: DeviceContext;
  readonly #registry: DeviceRegistry;
  readonly #connections = new Set<Connection>();
  readonly #dispatcher: Dispatcher;
  readonly #subscribing: Subscribing;
  readonly #cancels: (() => void)[];
  #lookedAt: number;

  constructor(context: DeviceContext, registry: DeviceRegistry) {
    this.#context = context;
    this.#lookedAt = context.clock.now();
    this.#registry = registry;
    this.#subscribing = new Subscribing(context);
    const authentication = new Authentication(context);
    const handshake = new Handshake(context, authentication, (...attached) => registry.attach(...attached));
    const inbound = new Inbound(context);
    this.#dispatcher = new Dispatcher(context, { handshake, authentication, inbound, subscribing: this.#subscribing });
    this.#cancels = [
      context.clock.every(SWEEP_MS, () => this.#sweep()),
      context.clock.every(EXPIRE_MS, () => {
        this.#followClock();
        context.broker.store.removeExpired();
      }),
    ];
  }

  accept(stream: Duplex, request?: IncomingMessage): Connection {
    const connection = new Connection(stream, request, this.#context, this);
    this.#connections.add(connection);
    return connection;
  }

  /** Closes the connections that have no device yet; aedes closes the others. */
  stop(): void {
    for (const cancel of this.#cancels) cancel();
    for (const connection of this.#connections) if (!connection.registered) connection.close();
  }

  frame(connection: Connection, frames: FrameReader): void {
    this.#dispatcher.dispatch(connection, frames);
  }

  subscribe(connection: Connection, ...[what, done]: Parameters<Client["subscribe"]>): void {
    this.#subscribing.subscribe(connection, what, done);
  }

  unsubscribe(connection: Connection, ...[what, done]: Parameters<Client["unsubscribe"]>): void {
    this.#subscribing.unsubscribe(connection, what, done);
  }

  publishTo(connection: Connection, ...[packet, done]: Parameters<Client["publish"]>): void {
    const { broker } = this.#context;
    const { device } = connection;
    if (device === null) return done?.(new WaypostError("ERR_CLOSED", "the client is not connected"));
    const { topic, payload, qos = 0, retain = false, properties } = packet;
    const identified = { brokerId: broker.id, brokerCounter: ++broker.counter };
    const stored = {
      cmd: "publish",
      ...identified,
      topic,
      payload,
      qos,
      retain,
      dup: false,
      properties,
    } as StoredPublish;
    const message = new Message(stored, qos as QoS, retain);
    message.properties?.startAt(this.#context.clock.now());
    device.deliver(message, 2);
    message.whenAccepted((error) => done?.(error as Error | undefined));
  }

  emptyOutgoing(connection: Connection, done?: (error?: Error) => void): void {
    connection.device?.tell({ kind: "forget" });
    this.#context.broker.store.cleanOutgoing({ id: connection.id }).then(
      () => done?.(),
      (error) => done?.(error),
    );
  }

  closed(connection: Connection, error: WaypostError | null): void {
    const { broker } = this.#context;
    this.#connections.delete(connection);
    const { device, will, id, registered } = connection;
    const { wills } = this.#registry;
    // A clean session ends here; another one is not to be asked any more once the device has handled its detach.
    const endsAt = device === null ? 0 : this.#registry.endOf(device);
    device?.tell({ kind: "detach", connection });
    if (registered) {
      // Without a device there was no CONNACK 0 yet, and the will of a refused client is not published [MQTT-3.1.2-8].
      if (will !== null && device !== null) wills.connectionEnded(connection, will, endsAt);
      else wills.forget(connection);
      if (broker.clients[id] === connection) broker.unregisterClient(connection);
    }
    if (error !== null) broker.emit(id === "" ? "connectionError" : "clientError", connection, error);
  }

  #followClock(): void {
    const now = this.#context.clock.now();
    const jumpMs = now - this.#lookedAt;
    this.#lookedAt = now;
    if (Math.abs(jumpMs) < CLOCK_JUMP_MS) return;
    this.#context.log.warn({ seconds: Math.round(jumpMs / 1000) }, "the clock jumped, or the machine slept");
    for (const connection of this.#connections) connection.heardAt += jumpMs;
    this.#registry.clockJumped(jumpMs);
  }

  #sweep(): void {
    const { clock, settings, broker } = this.#context;
    this.#followClock();
    const now = clock.now();
    this.#registry.refresh();
    for (const connection of this.#connections) {
      // Whoever is not read cannot be heard.
      if (connection.takeHeard() || connection.blocked) {
        connection.heardAt = now;
        continue;
      }
      const silentMs = now - connection.heardAt;
      if (!connection.connected) {
        if (silentMs < settings.connectSeconds * 1000) continue;
        connection.fail(new WaypostError("ERR_CONNECT_TIMEOUT", `no CONNECT within ${settings.connectSeconds} s`));
      } else if (connection.keepAliveSeconds > 0 && silentMs > connection.keepAliveSeconds * 1500) {
        broker.emit("keepaliveTimeout", connection);
        const why = `nothing came for one and a half times the keep alive of ${connection.keepAliveSeconds} s`;
        connection.fail(new WaypostError("ERR_KEEP_ALIVE_TIMEOUT", why)); // [MQTT-3.1.2-24]
      }
    }
  }
}
