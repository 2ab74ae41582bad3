import type { Cancel, Clock } from "../actor/clock.ts";
import type { Child } from "../actor/supervisor.ts";
import type { EdgeBroker } from "../broker/edge-broker.ts";
import type { DeliveryModels } from "../delivery/delivery-models.ts";
import type { Counters } from "../device/counters.ts";
import type { DeviceRegistry } from "../device/device-registry.ts";
import { deliveryFigures } from "./delivery-figures.ts";
import { storeFigures } from "./store-figures.ts";

const INTERVAL_MS = 10_000;

/** Where the numbers come from. */
export interface SysSources {
  broker: EdgeBroker;
  registry: DeviceRegistry;
  counters: Counters;
  delivery: DeliveryModels;
}

/** The state of the gateway as retained messages, under the names that Mosquitto uses. */
export class SysTopics implements Child {
  readonly address = "$SYS";
  readonly #sources: SysSources;
  readonly #clock: Clock;
  #cancel: Cancel = () => {};
  #startedAt = 0;
  #names: readonly string[] = [];

  constructor(sources: SysSources, clock: Clock) {
    this.#sources = sources;
    this.#clock = clock;
  }

  async start(): Promise<void> {
    this.#startedAt = this.#clock.now();
    this.#cancel = this.#clock.every(INTERVAL_MS, () => this.#publish());
    this.#publish();
  }

  async stop(): Promise<void> {
    this.#cancel();
  }

  #publish(): void {
    const { broker } = this.#sources;
    const publish = (name: string, text: string) => {
      const topic = `$SYS/broker/${name}`;
      broker.publish({ cmd: "publish", topic, payload: Buffer.from(text), qos: 0, retain: true, dup: false }, () => {});
    };
    const values = this.#values();
    // Those of a queue that is gone are cleared.
    for (const name of this.#names) if (!Object.hasOwn(values, name)) publish(name, "");
    for (const [name, value] of Object.entries(values)) publish(name, String(value));
    this.#names = Object.keys(values);
  }

  #values(): Record<string, string | number> {
    const { broker, registry, counters, delivery } = this.#sources;
    const connected = broker.connectedClients;
    const reasons = Object.entries(counters.dropped).map(([reason, count]) => [
      `publish/messages/dropped/${reason}`,
      count,
    ]);
    return {
      uptime: `${Math.floor((this.#clock.now() - this.#startedAt) / 1000)} seconds`,
      "clients/connected": connected,
      "clients/disconnected": registry.away,
      "clients/total": connected + registry.away,
      "publish/messages/received": counters.publishesReceived,
      "publish/messages/sent": counters.publishesSent,
      "publish/messages/dropped": counters.droppedTotal,
      ...Object.fromEntries(reasons),
      ...deliveryFigures(delivery),
      ...storeFigures(broker.store),
      "devices/restarts": registry.restarts,
      "heap/current": process.memoryUsage.rss(),
    };
  }
}
