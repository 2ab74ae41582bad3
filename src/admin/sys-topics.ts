import type { Cancel, Clock } from "../actor/clock.ts";
import type { Child } from "../actor/supervisor.ts";
import type { BridgeControl } from "../bridge/bridge-report.ts";
import type { EdgeBroker } from "../broker/edge-broker.ts";
import type { DeliveryModels } from "../delivery/delivery-models.ts";
import type { Counters } from "../device/counters.ts";
import type { DeviceRegistry } from "../device/device-registry.ts";
import { bridgeFigures, bridgeFiguresBelow } from "./bridge-figures.ts";
import { deliveryFigures } from "./delivery-figures.ts";
import { storeFigures } from "./store-figures.ts";

const INTERVAL_MS = 10_000;

/** Values by their topic below `$SYS/broker/`. */
type Figures = Record<string, string | number>;

/** Where the numbers come from. */
export interface SysSources {
  broker: EdgeBroker;
  registry: DeviceRegistry;
  counters: Counters;
  delivery: DeliveryModels;
  bridges: Pick<BridgeControl, "reports">;
}

/** The state of the gateway as retained messages, under the names that Mosquitto uses. */
export class SysTopics implements Child {
  readonly address = "$SYS";
  readonly #sources: SysSources;
  readonly #clock: Clock;
  #cancel: Cancel = () => {};
  #startedAt = 0;
  #isRunning = false;
  #published: Figures = {};

  constructor(sources: SysSources, clock: Clock) {
    this.#sources = sources;
    this.#clock = clock;
  }

  async start(): Promise<void> {
    this.#isRunning = true;
    this.#startedAt = this.#clock.now();
    this.#cancel = this.#clock.every(INTERVAL_MS, () => this.#publish());
    this.#publish();
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#cancel();
  }

  /** Tells at once what is not the same any more of bridges. To be called when one has changed its state. */
  refresh(): void {
    if (!this.#isRunning) return;
    const figures = bridgeFigures(this.#sources.bridges.reports());
    for (const name of Object.keys(this.#published)) {
      if (name.startsWith(bridgeFiguresBelow) && !Object.hasOwn(figures, name)) this.#clear(name);
    }
    for (const [name, value] of Object.entries(figures)) {
      if (this.#published[name] !== value) this.#tell(name, value);
    }
  }

  #publish(): void {
    const figures = this.#figures();
    // Those of a queue or bridge that is gone are cleared.
    for (const name of Object.keys(this.#published)) if (!Object.hasOwn(figures, name)) this.#clear(name);
    for (const [name, value] of Object.entries(figures)) this.#tell(name, value);
  }

  #tell(name: string, value: string | number): void {
    this.#published[name] = value;
    this.#send(name, String(value));
  }

  #clear(name: string): void {
    delete this.#published[name];
    this.#send(name, "");
  }

  #send(name: string, text: string): void {
    const topic = `$SYS/broker/${name}`;
    const packet = { topic, payload: Buffer.from(text), qos: 0 as const, retain: true, dup: false };
    this.#sources.broker.publish({ cmd: "publish", ...packet }, () => {});
  }

  #figures(): Figures {
    const { broker, registry, counters, delivery, bridges } = this.#sources;
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
      ...bridgeFigures(bridges.reports()),
      ...storeFigures(broker.store),
      "devices/restarts": registry.restarts,
      "heap/current": process.memoryUsage.rss(),
    };
  }
}
