import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Clock, systemClock } from "./actor/clock.ts";
import { type AedesOptions, EdgeBroker } from "./broker/edge-broker.ts";
import { DeliveryModels } from "./delivery/delivery-models.ts";
import { Acceptor } from "./device/acceptor.ts";
import { DeviceContext } from "./device/device-context.ts";
import { DeviceRegistry } from "./device/device-registry.ts";
import { type DeviceSettings, defaultDeviceSettings } from "./device/device-settings.ts";
import { type Log, silentLog } from "./log.ts";
import { type AedesPersistence, completeStore } from "./store/foreign-store.ts";
import { MemoryStore } from "./store/memory-store.ts";
import type { Store } from "./store/store.ts";
import { WaypostError } from "./waypost-error.ts";

export interface BrokerParts {
  /** The gateway's own store; a persistence in the options of aedes is taken as shared with other gateways. */
  store?: Store;
  settings?: DeviceSettings;
  clock?: Clock;
  log?: Log;
}

/** A broker with its devices. */
export interface AssembledBroker {
  broker: EdgeBroker;
  registry: DeviceRegistry;
  acceptor: Acceptor;
  context: DeviceContext;
  delivery: DeliveryModels;
}

/** Puts broker, store and devices together; nothing runs until `broker.listen()`. */
export function assembleBroker(options: AedesOptions = {}, parts: BrokerParts = {}): AssembledBroker {
  const { persistence, ...rest } = options;
  const clock = parts.clock ?? systemClock;
  const shared: Store | null = persistence ? completeStore(persistence as AedesPersistence, clock) : null;
  const store = shared ?? parts.store ?? new MemoryStore({ clock });
  const registry = new DeviceRegistry(shared === null);
  const broker = new EdgeBroker(rest, store, registry, clock);
  const settings = parts.settings ?? settingsOf(options);
  const context = new DeviceContext(broker, settings, clock, parts.log ?? silentLog);
  registry.use(context);
  const delivery = new DeliveryModels(context, registry);
  const acceptor = new Acceptor(context, registry);
  broker.handle = (stream: Duplex, request?: IncomingMessage) => {
    // Each turn is one write already: waiting for company (Nagle) would only add 40 ms to a lone acknowledgement.
    (stream as Partial<Socket>).setNoDelay?.(true);
    return acceptor.accept(stream, request);
  };
  broker.once("closed", () => acceptor.stop());
  return { broker, registry, acceptor, context, delivery };
}

/**
 * A running broker for those who embed one: takes the options of `Aedes.createBroker` and returns what can stand in
 * its place. `drainTimeout`, `queueLimit`, `concurrency` and `decodeProtocol` have no use here and are passed over.
 */
export async function createBroker(options: AedesOptions = {}): Promise<EdgeBroker> {
  const { broker, registry, delivery } = assembleBroker(options);
  await broker.listen();
  await delivery.start({ queues: {}, groups: {} }, (name) => {
    throw new WaypostError("ERR_STORE", `the queue ${name} in the store belongs to a gateway with a configuration`);
  });
  await registry.revive();
  return broker;
}

function settingsOf(options: AedesOptions): DeviceSettings {
  const defaults = defaultDeviceSettings;
  return {
    ...defaults,
    mailboxes: { ...defaults.mailboxes },
    connectSeconds: (options.connectTimeout ?? 30_000) / 1000,
    inboundInFlightMax: options.maxInflightInbound ?? defaults.inboundInFlightMax,
    mqtt31ClientIdMax: options.maxClientsIdLength ?? defaults.mqtt31ClientIdMax,
    topicLevelsMax: Math.min(100, Math.max(1, options.maxTopicLevels ?? defaults.topicLevelsMax)),
    keepAliveSecondsMax: options.keepaliveLimit ?? defaults.keepAliveSecondsMax,
  };
}
