import { Supervisor } from "../actor/supervisor.ts";
import type { DeviceContext } from "../device/device-context.ts";
import type { MailboxControl } from "../device/mailbox-control.ts";
import type { Log } from "../log.ts";
import { Provenance } from "../protocol/provenance.ts";
import { bridgeNameOf, bridgeSessionId } from "../store/bridge-session.ts";
import { Message } from "../store/message.ts";
import { WaypostError } from "../waypost-error.ts";
import { Bridge } from "./bridge.ts";
import type { BridgeControl, BridgeReport } from "./bridge-report.ts";
import type { BridgeSettings } from "./bridge-settings.ts";
import { passingIdentity } from "./gateway-identity.ts";
import { reportOf } from "./report-of.ts";

type Configured = Readonly<Record<string, BridgeSettings>>;

const REFRESH_MS = 1000;
/** A bridge that breaks is started anew for as long as it takes: a gateway may be far from whoever could do it. */
const restartPolicy = {
  restartsMax: Number.POSITIVE_INFINITY,
  withinMs: 600_000,
  backOffMinMs: 1000,
  backOffMaxMs: 60_000,
};

/** Of a bridge that the configuration does not have. */
const nowhere: BridgeSettings = {
  enabled: false,
  url: [],
  clientId: "",
  username: "",
  password: "",
  tls: { ca: "", cert: "", key: "", serverName: "", verify: true },
  protocol: "5",
  keepAliveSeconds: 30,
  connectSeconds: 10,
  retryMinSeconds: 1,
  retryMaxSeconds: 60,
  sessionExpirySeconds: 0,
  inFlightMax: 1,
  bytesPerSecondMax: 0,
  hopsMax: 1,
  topics: [],
};

/** The bridges of this gateway, and their supervisor: those of the configuration, and those that it has no more and that hold messages. */
export class Bridges implements BridgeControl {
  /** Called when the state of a bridge has changed. */
  changed: () => void = () => {};
  readonly #context: DeviceContext;
  readonly #log: Log;
  readonly #supervisor: Supervisor;
  readonly #byName = new Map<string, Bridge>();
  #provenance = new Provenance(passingIdentity());
  #cancel = () => {};
  #isStopped = false;
  /** The last piece of work that makes or removes bridges: one at a time. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(context: DeviceContext, log: Log) {
    this.#context = context;
    this.#log = log;
    this.#supervisor = new Supervisor({ clock: context.clock, log, policy: restartPolicy, gaveUp: () => {} });
    context.sessionOwners.push(this);
  }

  owns(storeId: string): boolean {
    return this.#byName.has(bridgeNameOf(storeId) ?? "");
  }

  /** To be called when the store is open: what is published from here on reaches the bridges. `identity` is that of this gateway. */
  async open(configured: Configured, identity: string): Promise<void> {
    const { broker } = this.#context;
    this.#provenance = new Provenance(identity);
    broker.provenance = this.#provenance;
    broker.returned = () => this.#context.counters.dropped.loop++;
    for (const [name, settings] of Object.entries(configured)) await this.#open(name, settings, "configuration");
    for (const { id } of await broker.store.sessions()) {
      const name = bridgeNameOf(id);
      if (name === undefined || this.#byName.has(name)) continue;
      const outgoing = await broker.store.outstanding(id);
      if (!outgoing.some(({ entry }) => entry instanceof Message)) await this.#discard(name);
      else this.#warnOfLeftOver(await this.#open(name, nowhere, "left-over"));
    }
  }

  /** Connects them. Does not wait until they are connected. */
  async start(): Promise<void> {
    for (const bridge of this.#byName.values()) await this.#startOne(bridge);
    this.#cancel = this.#context.clock.every(REFRESH_MS, () => this.#refresh());
  }

  /** Disconnects them, once a change of the configuration that is under way is through. */
  async stop(): Promise<void> {
    this.#cancel();
    this.#isStopped = true;
    await this.#work;
    await this.#supervisor.stop();
  }

  /** The configuration has changed. */
  reconfigure(configured: Configured): Promise<void> {
    return this.#inTurn(async () => {
      for (const [name, settings] of Object.entries(configured)) {
        try {
          await this.#configure(name, settings);
        } catch (error) {
          this.#log.error({ bridge: name, error }, `the bridge ${name} could not be changed; the others are`);
        }
      }
      for (const bridge of [...this.#byName.values()]) {
        if (Object.hasOwn(configured, bridge.name) || bridge.origin === "left-over") continue;
        await bridge.reconfigure(nowhere, "left-over");
        if (bridge.isEmpty) await this.#forget(bridge);
        else this.#warnOfLeftOver(bridge);
      }
      this.changed();
    });
  }

  clockJumped(ms: number): void {
    for (const bridge of this.#byName.values()) bridge.clockJumped(ms);
  }

  reports(): readonly BridgeReport[] {
    return Array.from(this.#byName.values(), (bridge) => reportOf(bridge, this.#context.clock.now()));
  }

  report(name: string): BridgeReport {
    return reportOf(this.#known(name), this.#context.clock.now());
  }

  pause(name: string): Promise<void> {
    return this.#inTurn(() => this.#known(name).pause(true));
  }

  resume(name: string): Promise<void> {
    return this.#inTurn(() => this.#known(name).pause(false));
  }

  drain(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const bridge = this.#known(name);
      if (!bridge.isActive) {
        const why = bridge.origin === "left-over" ? "is not in the configuration any more" : "is not enabled";
        const advice = "what it holds can be moved or purged";
        throw new WaypostError("ERR_CONFLICT", `the bridge ${JSON.stringify(name)} ${why}: ${advice}`);
      }
      await bridge.drain();
    });
  }

  remove(name: string, force: boolean): Promise<{ messages: number }> {
    return this.#inTurn(async () => {
      const bridge = this.#known(name);
      if (bridge.origin === "configuration") {
        const advice = "take it out of the file and reload with SIGHUP";
        throw new WaypostError("ERR_CONFLICT", `the bridge ${JSON.stringify(name)} is in the configuration: ${advice}`);
      }
      const { messages } = reportOf(bridge, 0);
      if (messages > 0 && !force) {
        const advice = "move or purge them first, or remove it by force, which forgets them";
        throw new WaypostError(
          "ERR_CONFLICT",
          `the bridge ${JSON.stringify(name)} holds ${messages} message(s): ${advice}`,
        );
      }
      await this.#forget(bridge);
      return { messages };
    });
  }

  mailbox(name: string): MailboxControl {
    return this.#known(name).uplink.control;
  }

  /** @throws ERR_NOT_FOUND */
  #known(name: string): Bridge {
    const bridge = this.#byName.get(name);
    if (bridge !== undefined) return bridge;
    const names = [...this.#byName.keys()].join(", ") || "none";
    throw new WaypostError("ERR_NOT_FOUND", `there is no bridge ${JSON.stringify(name)}; there are: ${names}`);
  }

  async #open(name: string, settings: BridgeSettings, origin: Bridge["origin"]): Promise<Bridge> {
    const bridge = new Bridge(name, settings, origin, {
      context: this.#context,
      provenance: this.#provenance,
      log: this.#log.child({ bridge: name }),
      changed: () => this.changed(),
      failed: (reason) => this.#supervisor.failed(`bridges/${name}`, reason),
    });
    this.#byName.set(name, bridge);
    try {
      await bridge.open();
    } catch (error) {
      bridge.close();
      this.#byName.delete(name);
      throw error;
    }
    return bridge;
  }

  async #startOne(bridge: Bridge): Promise<void> {
    if (this.#isStopped) return;
    await this.#supervisor.start({
      address: `bridges/${bridge.name}`,
      start: async () => this.#begin(bridge),
      stop: async () => bridge.disconnect(),
    });
  }

  async #configure(name: string, settings: BridgeSettings): Promise<void> {
    const known = this.#byName.get(name);
    if (known === undefined) return this.#startOne(await this.#open(name, settings, "configuration"));
    await known.reconfigure(settings, "configuration");
    if (!this.#isStopped) this.#begin(known);
  }

  /** One that cannot begin is tried again, and keeps nobody else waiting. */
  #begin(bridge: Bridge): void {
    bridge.start().catch((error) => setImmediate(() => this.#supervisor.failed(`bridges/${bridge.name}`, error)));
  }

  #refresh(): void {
    for (const bridge of this.#byName.values()) {
      bridge.refresh();
      if (bridge.origin === "left-over" && bridge.isEmpty) {
        void this.#inTurn(async () => {
          if (this.#byName.get(bridge.name) === bridge && bridge.origin === "left-over") await this.#forget(bridge);
        });
      }
    }
  }

  async #forget(bridge: Bridge): Promise<void> {
    await this.#supervisor.remove(`bridges/${bridge.name}`);
    bridge.close();
    this.#byName.delete(bridge.name);
    await this.#discard(bridge.name);
    this.changed();
  }

  async #discard(name: string): Promise<void> {
    const { store } = this.#context.broker;
    await store.unlessFailing(store.discardSession({ id: bridgeSessionId(name) }));
  }

  #warnOfLeftOver({ name, uplink }: Bridge): void {
    const messages = uplink.waiting;
    const what = `the bridge ${name} is not in the configuration any more and holds ${messages} message(s)`;
    const advice = "they are kept: configure it again, or move or purge them, or waypost bridges remove";
    this.#log.warn({ bridge: name, messages }, `${what}; ${advice}`);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#work.then(work, work);
    this.#work = mine.catch(() => {});
    return mine;
  }
}
