import { isDeepStrictEqual } from "node:util";
import { type Clock, systemClock } from "./actor/clock.ts";
import { type Child, Supervisor } from "./actor/supervisor.ts";
import type { Administration } from "./admin/administration.ts";
import { controlPath } from "./admin/control-path.ts";
import { ControlSocket } from "./admin/control-socket.ts";
import { GatewayAdministration } from "./admin/gateway-administration.ts";
import { SysTopics } from "./admin/sys-topics.ts";
import { Access } from "./authentication/access.ts";
import { ScramSha256 } from "./authentication/scram-sha-256.ts";
import { Users } from "./authentication/users.ts";
import { Bridges } from "./bridge/bridges.ts";
import { keptIdentity, passingIdentity } from "./bridge/gateway-identity.ts";
import { readQueueSettings } from "./config/read-queue-settings.ts";
import type { GatewayConfig } from "./config/schema.ts";
import { type AssembledBroker, assembleBroker } from "./create-broker.ts";
import type { DeviceSettings } from "./device/device-settings.ts";
import { logEvents } from "./device/log-events.ts";
import { settingsOfConfig } from "./device/settings-of-config.ts";
import { HttpListener } from "./listener/http-listener.ts";
import type { Listener, ListenerAddress, ListenerParts } from "./listener/listener.ts";
import { TcpListener } from "./listener/tcp-listener.ts";
import type { Log } from "./log.ts";
import { MemoryStore } from "./store/memory-store.ts";
import { NedbStore } from "./store/nedb-store.ts";
import type { Store } from "./store/store.ts";
import { WaypostError } from "./waypost-error.ts";

type Listeners = GatewayConfig["listeners"];
type ListenerConfig = Listeners[string];

/** Where a listener listens, and what it speaks. */
export interface ListenerReport extends ListenerAddress {
  type: ListenerConfig["type"];
  mqttPath?: string;
}

/** Bytes of packets that a frame of WebSocket may hold beside the largest one. */
const SEVERAL_PACKETS = 1024 * 1024;
/** Restarts of a part of the gateway: a listener, say, whose address vanished for a while. */
const restartPolicy = { restartsMax: 5, withinMs: 60_000, backOffMinMs: 200, backOffMaxMs: 10_000 };

/**
 * The composition root and the supervision tree. Children in the order in which they start:
 *
 *     broker       the store, EdgeBroker, the queues, and the devices, which the device registry supervises
 *     bridges      each keeps connected to its upstream; what is for it is taken in since the broker began
 *     $SYS         what the gateway publishes about itself
 *     control      the socket for commands on this machine
 *     listeners/*  they start last and stop first
 */
export class Gateway {
  readonly addresses = new Map<string, ListenerReport>();
  /** Resolves with the reason when a part fails for good and the gateway cannot do its work any more. */
  readonly failed: Promise<unknown>;
  readonly #log: Log;
  readonly #supervisor: Supervisor;
  readonly #settings: DeviceSettings;
  readonly #assembled: AssembledBroker;
  readonly #clock: Clock;
  readonly #users: Users;
  readonly #access: Access;
  readonly #bridges: Bridges;
  #config: GatewayConfig;
  #isStarted = false;

  constructor(config: GatewayConfig, parts: { log: Log; clock?: Clock }) {
    this.#config = config;
    this.#log = parts.log;
    this.#clock = parts.clock ?? systemClock;
    this.#settings = settingsOfConfig(config);
    let fail: (reason: unknown) => void = () => {};
    this.failed = new Promise((resolve) => {
      fail = resolve;
    });
    this.#supervisor = new Supervisor({
      clock: this.#clock,
      log: this.#log,
      policy: restartPolicy,
      gaveUp: (_child, reason) => fail(reason),
    });
    const store = this.#storeOf(config);
    this.#assembled = assembleBroker({}, { store, settings: this.#settings, clock: this.#clock, log: this.#log });
    this.#users = new Users(usersOf(config));
    this.#access = new Access(this.#users);
    this.#offerMethods();
    const { broker, registry, delivery, context } = this.#assembled;
    const bridges = new Bridges(context, this.#log);
    this.#bridges = bridges;
    const now = () => this.#clock.now();
    this.administration = new GatewayAdministration({ broker, registry, delivery, bridges, readQueueSettings, now });
    this.broker.authenticate = (client, username, password, done) => {
      this.#access.check(client, username, password).then(
        () => done(null, true),
        (error) => done(error, null),
      );
    };
  }

  get broker(): AssembledBroker["broker"] {
    return this.#assembled.broker;
  }

  /** What can be seen and done while it runs; for programs that embed the gateway, and for its control socket. */
  readonly administration: Administration;

  /** Starts everything. Where one part cannot start, those before it are stopped again and the error is thrown. */
  async start(): Promise<void> {
    try {
      await this.#supervisor.start(this.#brokerChild());
      const { broker, registry, context, delivery } = this.#assembled;
      const bridges = this.#bridges;
      await this.#supervisor.start({ address: "bridges", start: () => bridges.start(), stop: () => bridges.stop() });
      const sources = { broker, registry, delivery, bridges, counters: context.counters };
      const topics = new SysTopics(sources, this.#clock);
      await this.#supervisor.start(topics);
      bridges.changed = () => topics.refresh();
      await this.#openControl();
      for (const [name, listener] of Object.entries(this.#config.listeners)) {
        await this.#openListener(name, listener);
      }
      this.#isStarted = true;
    } catch (error) {
      await this.#supervisor.stop();
      throw error;
    }
  }

  /** Stops accepting, publishes the wills of connected devices, closes their connections, closes the store. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    await this.#supervisor.stop();
  }

  /**
   * Applies a validated configuration to the running gateway; says which sections were applied and which were not.
   * A listener that cannot open is put back as it was, and its ERR_LISTEN is thrown once the rest is applied.
   */
  async reconfigure(next: GatewayConfig): Promise<{ applied: string[]; needsRestart: string[] }> {
    const before = this.#config;
    this.#config = { ...next, listeners: { ...next.listeners } };
    const differs = (key: keyof GatewayConfig) => !isDeepStrictEqual(before[key], next[key]);
    const applied: string[] = (
      [
        "authentication",
        "sessions",
        "mailboxes",
        "queues",
        "groups",
        "deadLetters",
        "bridges",
        "retained",
        "limits",
        "protocol",
      ] as const
    ).filter(differs);
    const ofStore = (key: keyof GatewayConfig["store"]) => before.store[key] !== next.store[key];
    applied.push(...(["messagesMax", "bytesMax"] as const).filter(ofStore).map((key) => `store.${key}`));
    if (before.log.level !== next.log.level) applied.push("log.level");
    const needsRestart: string[] = (["gateway", "control"] as const).filter(differs);
    needsRestart.push(...(["engine", "directory", "durability"] as const).filter(ofStore).map((key) => `store.${key}`));
    if (before.log.format !== next.log.format) needsRestart.push("log.format");
    // One object for all devices, and one of the retained limits for the store: they read it at each use.
    const settings = settingsOfConfig(next);
    Object.assign(this.#settings.retained, settings.retained);
    Object.assign(this.#settings, { ...settings, retained: this.#settings.retained });
    await this.#assembled.delivery.reconfigure(next);
    await this.#bridges.reconfigure(next.bridges);
    this.#users.replace(usersOf(next));
    this.#offerMethods();
    this.#log.setLevel(next.log.level);
    const failures = await this.#replaceListeners(before.listeners, next.listeners, applied);
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) {
      const text = failures.map((error) => (error instanceof Error ? error.message : String(error))).join("; ");
      throw new WaypostError("ERR_LISTEN", text, { cause: failures[0] });
    }
    return { applied, needsRestart };
  }

  /** All that change are closed before the first is opened: one may want the port that another gives up. */
  async #replaceListeners(before: Listeners, next: Listeners, applied: string[]): Promise<unknown[]> {
    const names = [...new Set([...Object.keys(before), ...Object.keys(next)])];
    const changed = names.filter((name) => !isDeepStrictEqual(before[name], next[name]));
    const failures: unknown[] = [];
    const refused: string[] = [];
    for (const name of changed) await this.#supervisor.remove(`listeners/${name}`);
    for (const name of changed) {
      try {
        await this.#openListener(name, next[name]);
        applied.push(`listeners.${name}`);
      } catch (error) {
        failures.push(error);
        refused.push(name);
      }
    }
    for (const name of refused) {
      const old = before[name];
      try {
        await this.#openListener(name, old);
        if (old === undefined) delete this.#config.listeners[name];
        else this.#config.listeners[name] = old;
      } catch (error) {
        // Its old place is taken by now: it is off until the next reload, which shall not take it for unchanged.
        delete this.#config.listeners[name];
        failures.push(error);
      }
    }
    return failures;
  }

  async #openListener(name: string, config: ListenerConfig | undefined): Promise<void> {
    if (config?.enabled) await this.#supervisor.start(this.#listenerChild(name, config));
  }

  /** Without it commands do not reach the gateway, but devices do: one that is not asked for by its path may fail. */
  async #openControl(): Promise<void> {
    const path = controlPath(this.#config);
    if (path === null) return;
    const log = this.#log.child({ part: "control" });
    try {
      await this.#supervisor.start(new ControlSocket({ path, administration: this.administration, log }));
    } catch (error) {
      if (this.#config.control.path !== "") throw error;
      log.error({}, `no control socket: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Where there are no users nobody can prove to be one, and a client had better be told so [MQTT-4.12.0-1]. */
  #offerMethods(): void {
    const scram = new ScramSha256(this.#users);
    if (this.#users.size > 0) this.broker.authenticationMethods.set(scram.name, scram);
    else this.broker.authenticationMethods.delete(scram.name);
  }

  #brokerChild(): Child {
    const { broker, registry, delivery } = this.#assembled;
    logEvents(broker, this.#log);
    const close = () =>
      new Promise<void>((resolve, reject) => broker.close((error) => (error ? reject(error) : resolve())));
    return {
      address: "broker",
      start: async () => {
        await broker.listen();
        try {
          await delivery.start(this.#config, readQueueSettings);
          await this.#bridges.open(this.#config.bridges, this.#identity());
          await registry.revive();
        } catch (error) {
          await close(); // a child that did not start is not stopped
          throw error;
        }
      },
      stop: () => {
        delivery.requests.stop();
        return close();
      },
    };
  }

  #listenerChild(name: string, config: ListenerConfig): Child {
    const address = `listeners/${name}`;
    const log = this.#log.child({ listener: name });
    const listener = this.#listenerOf(config, {
      accept: (stream, request) => {
        const connection = this.#assembled.acceptor.accept(stream, request);
        if (config.allowAnonymous) this.#access.letStrangersIn(connection);
        return connection;
      },
      refused: (remote, why) => log.warn({ remote }, `connection refused: ${why}`),
      failed: (error) => this.#supervisor.failed(address, error),
    });
    return {
      address,
      start: async () => {
        const place = await listener.start();
        const mqttPath = config.type === "http" ? { mqttPath: config.mqttPath } : {};
        this.addresses.set(name, { type: config.type, ...place, ...mqttPath });
        log.info({ type: config.type, ...place, ...mqttPath }, "listening");
      },
      stop: () => {
        this.addresses.delete(name);
        return listener.stop();
      },
    };
  }

  /** What is kept in memory is gone with the process, and so is who this gateway was. */
  #identity(): string {
    const { engine, directory } = this.#config.store;
    return engine === "memory" ? passingIdentity() : keptIdentity(directory);
  }

  #storeOf({ store: { engine, directory, durability } }: GatewayConfig): Store {
    const retainedRefused = (topic: string) => this.#assembled.context.dropped(topic, "retained-full");
    const options = { retained: this.#settings.retained, retainedRefused, clock: this.#clock };
    switch (engine) {
      case "memory":
        return new MemoryStore(options);
      case "nedb": {
        const kindOf = (topic: string) => this.#assembled.context.classes.of(topic);
        return new NedbStore({ ...options, directory, durability, kindOf, log: this.#log });
      }
    }
  }

  #listenerOf(config: ListenerConfig, parts: ListenerParts): Listener {
    switch (config.type) {
      case "tcp":
        return new TcpListener(config, parts);
      case "http": {
        // A frame of WebSocket may hold several packets [MQTT-6.0.0-2]: what a client had ready.
        const messageBytesMax = () => this.#settings.packetBytesMax + SEVERAL_PACKETS;
        return new HttpListener({ ...config, messageBytesMax, notReady: () => this.#notReady() }, parts);
      }
    }
  }

  /** Why the gateway cannot do all of its work. */
  #notReady(): string[] {
    if (!this.#isStarted) return ["the gateway is starting or stopping"];
    const failing = this.broker.store.report()?.failing ?? null;
    return failing === null ? [] : [`the store cannot be written: ${failing}`];
  }
}

function usersOf({ authentication }: GatewayConfig): Record<string, string> {
  return Object.fromEntries(Object.entries(authentication.users).map(([name, { password }]) => [name, password]));
}
