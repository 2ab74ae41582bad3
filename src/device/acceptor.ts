import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Client, PublishFrom } from "../broker/edge-broker.ts";
import type { FrameReader } from "../protocol/frame-reader.ts";
import type { QoS } from "../protocol/packet-type.ts";
import { Message } from "../store/message.ts";
import type { StoredPublish, StoredWill } from "../store/stored-packets.ts";
import { WaypostError } from "../waypost-error.ts";
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
    const handshake = new Handshake(context, (connection) => registry.attach(connection));
    this.#dispatcher = new Dispatcher(context, handshake, new Inbound(context), this.#subscribing);
    this.#cancels = [
      context.clock.every(SWEEP_MS, () => this.#sweep()),
      context.clock.every(EXPIRE_MS, () => {
        this.#followClock();
        registry.expire().catch((error) => context.log.error({ error }, "expired sessions could not be removed"));
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
    const { topic, payload, qos = 0, retain = false } = packet;
    const identified = { brokerId: broker.id, brokerCounter: ++broker.counter };
    const stored = { cmd: "publish", ...identified, topic, payload, qos, retain, dup: false } as StoredPublish;
    const message = new Message(stored, qos as QoS, retain);
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
    device?.tell({ kind: "detach", connection });
    if (registered) {
      // Without a device there was no CONNACK 0 yet, and the will of a refused client is not published [MQTT-3.1.2-8].
      if (will !== null && device !== null) this.#publishWill(connection, will);
      else this.#forgetWill(connection);
      if (broker.clients[id] === connection) broker.unregisterClient(connection);
    }
    if (error !== null) broker.emit(id === "" ? "connectionError" : "clientError", connection, error);
  }

  /** [MQTT-3.1.2-8]; a will is authorised when it is published, like any other message. */
  #publishWill(connection: Connection, will: StoredWill): void {
    const { broker, log } = this.#context;
    const { id } = connection;
    const refused = (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ device: id, topic: will.topic }, `the will was not published: ${reason}`);
    };
    const packet = { cmd: "publish" as const, dup: false, ...will };
    // A hook that throws here would take along whoever closed the connection: a timer, the stream, or its successor.
    try {
      broker.authorizePublish(connection, packet, (error) => {
        this.#forgetWill(connection);
        if (error) return refused(error);
        const publish = broker.publish as unknown as PublishFrom;
        publish.call(broker, packet, connection, (failure) => failure && refused(failure));
      });
    } catch (error) {
      this.#forgetWill(connection);
      refused(error);
    }
  }

  #forgetWill(connection: Connection): void {
    const { broker } = this.#context;
    const { id } = connection;
    const holder = broker.clients[id];
    if (holder !== undefined && holder !== connection) return; // what is stored is the will of its successor
    broker.store.delWill({ id }).then(
      () => {},
      (error) => this.#context.log.error({ device: id, error }, "the will could not be removed from the store"),
    );
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
