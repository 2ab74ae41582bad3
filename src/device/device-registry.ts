import type { RestartPolicy } from "../actor/restart-intensity.ts";
import { RestartIntensity } from "../actor/restart-intensity.ts";
import type { Client, PublishFrom } from "../broker/edge-broker.ts";
import type { Residence } from "../broker/local-first-store.ts";
import type { Listener } from "../broker/router.ts";
import { ConnectRefused, connackCode } from "../protocol/control-packets.ts";
import type { StoredWill } from "../store/stored-packets.ts";
import { WaypostError } from "../waypost-error.ts";
import { ask } from "./ask.ts";
import { authorizedSubscription } from "./authorized-subscription.ts";
import type { Connection } from "./connection.ts";
import { Device, type DeviceKeeper } from "./device.ts";
import type { DeviceContext } from "./device-context.ts";

export const deviceRestartPolicy: RestartPolicy = {
  restartsMax: 5,
  withinMs: 30_000,
  backOffMinMs: 100,
  backOffMaxMs: 5_000,
};

/**
 * The devices of this gateway, and their supervisor. A device that crashes loses its connection; a persistent one is
 * built anew from the store, with back-off, and nobody else notices.
 */
export class DeviceRegistry implements DeviceKeeper, Residence {
  readonly #devices = new Map<string, Device>();
  /** Client ids whose device crashed of late. */
  readonly #crashed = new Map<string, RestartIntensity>();
  /** Persistent sessions that are in the store while their device is not here. */
  readonly #unhosted = new Set<string>();
  /** The last piece of work on each client id that is still under way. */
  readonly #work = new Map<string, Promise<void>>();
  readonly #embedded: boolean;
  #context: DeviceContext | null = null;
  #restarts = 0;

  /** `embedded`: the store is this gateway's own, so that every session in it belongs here. */
  constructor(embedded: boolean) {
    this.#embedded = embedded;
  }

  /** To be called once, before the first connection. */
  use(context: DeviceContext): void {
    this.#context = context;
    if (!this.#embedded) this.#followSessions(context);
  }

  get hostsAll(): boolean {
    return this.#embedded && this.#unhosted.size === 0;
  }

  hosts(clientId: string): boolean {
    return this.#devices.get(clientId)?.session.clean === false;
  }

  get devices(): Iterable<Device> {
    return this.#devices.values();
  }

  /** Devices without a connection. */
  get away(): number {
    let away = 0;
    for (const device of this.#devices.values()) if (device.connection === null) away++;
    return away;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Gives the connection its device, fresh or with its session. */
  attach(connection: Connection): Promise<void> {
    return this.#inTurn(connection.id, () => this.#attach(connection));
  }

  detached(device: Device): void {
    if (device.session.clean) this.#retire(device);
    else void this.#known.broker.store.putSession(device, device.awaySince);
  }

  /**
   * At the start: gives every stored session its device, unless its time is over, and publishes the wills of those that
   * were connected when the gateway last died.
   */
  async revive(): Promise<void> {
    const { broker, clock } = this.#known;
    const { store } = broker;
    if (store.shared) return; // sessions and wills of other gateways, which may live
    for (const { id, awaySince } of await store.sessions()) {
      this.#unhosted.add(id); // a session of before, for which there is room whatever the limit says by now
      await this.#load(id);
      const device = this.#devices.get(id) as Device;
      device.awaySince = awaySince || clock.now();
      if (awaySince === 0) void store.putSession(device, device.awaySince);
    }
    await this.expire();
    const wills: StoredWill[] = await store.streamWill().toArray();
    for (const will of wills) await this.#publishWill(will);
  }

  /** Devices were not away for the time by which the clock jumped. */
  clockJumped(ms: number): void {
    for (const device of this.#devices.values()) if (device.awaySince > 0) device.awaySince += ms;
  }

  /** What needs a look from time to time. */
  refresh(): void {
    for (const device of this.#devices.values()) device.refresh();
  }

  failed(device: Device, reason: unknown): void {
    const { log } = this.#known;
    if (this.#devices.get(device.id) !== device) return;
    this.#restarts++;
    log.error({ device: device.id, error: reason }, "the device crashed; its connection is closed");
    const { connection, session } = device;
    device.stop();
    device.connection = null;
    this.#devices.delete(device.id);
    if (!session.clean) this.#unhosted.add(device.id);
    connection?.fail(
      new WaypostError("ERR_DEVICE_CRASHED", `the device crashed: ${textOf(reason)}`, { cause: reason }),
    );
    this.#restartLater(device.id, session.clean);
  }

  /** Ends the sessions whose time is over. */
  async expire(): Promise<void> {
    const { clock, settings, log } = this.#known;
    const oldest = clock.now() - settings.sessionExpirySeconds * 1000;
    for (const device of [...this.#devices.values()]) {
      if (device.connection !== null || device.awaySince > oldest) continue;
      await this.#inTurn(device.id, async () => {
        if (device.connection !== null || this.#devices.get(device.id) !== device) return;
        log.info({ device: device.id, messages: device.depth }, "the session expired");
        await this.#discard(device.id);
      });
    }
  }

  async #attach(connection: Connection): Promise<void> {
    const { broker } = this.#known;
    const { id } = connection;
    if (connection.closed) return;
    if (this.#crashed.get(id)?.exhausted) {
      throw new ConnectRefused(connackCode.serverUnavailable, `the device ${id} crashed too often; try again in 30 s`);
    }
    connection.registered = true; // before aedes emits `client`, whose listeners may close it
    broker.registerClient(connection); // closes the connection that has this id so far [MQTT-3.1.4-2]
    let present = false;
    if (connection.clean)
      await this.#discard(id); // [MQTT-3.1.2-6]
    else present = this.#devices.has(id) || (await this.#load(id));
    await broker.store.delWill({ id });
    if (connection.will !== null) await broker.store.unlessFailing(broker.store.putWill({ id }, connection.will));
    if (connection.closed) return;
    const device = connection.clean ? this.#add(id, true) : this.#devices.get(id);
    // Its subscriptions, without which a session is worth nothing, are waited for when they come.
    if (!connection.clean) void broker.store.putSession({ id }, 0);
    if (device !== undefined && present) await this.#authorizeAgain(device, connection);
    if (connection.closed) return;
    // An empty device in the place of one that crashed meanwhile would lack the subscriptions of its session.
    if (device === undefined || device.stopped) {
      throw new ConnectRefused(connackCode.serverUnavailable, `the device ${id} crashed; try again`);
    }
    // CONNACK is the first packet on the connection [MQTT-3.2.0-1] [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-3].
    connection.accepted(device, present);
    if (connection.closed) this.detached(device);
    else device.tell({ kind: "attach", connection });
  }

  /**
   * Where someone has set `authorizeSubscribe`, a restored session keeps only what is still allowed. As in aedes, the
   * store keeps what is not: it may be allowed again next time.
   */
  async #authorizeAgain(device: Device, connection: Connection): Promise<void> {
    const { broker, log } = this.#known;
    if (broker.authorizeSubscribeHook === null) return;
    for (const [filter, { qos }] of [...device.session.subscriptions]) {
      const answer = await authorizedSubscription(broker, connection, { topic: filter, qos });
      if (answer !== null) continue;
      log.warn({ device: device.id, filter }, "a subscription of the session is not allowed any more");
      device.tell({ kind: "unsubscribe", filter });
    }
  }

  /** A session on a shared store moves with its client: the device that another gateway has now must not live on here. */
  #followSessions({ broker }: DeviceContext): void {
    const moved: Listener = (packet, done) => {
      const device = this.#devices.get(packet.payload.toString());
      if (packet.topic !== `$SYS/${broker.id}/new/clients` && device !== undefined) {
        device.connection?.close();
        this.#retire(device);
      }
      done();
    };
    broker.subscribe("$SYS/+/new/clients", moved as never, () => {});
  }

  /**
   * Builds the device of a stored session. Returns whether there is one. The device takes its place in the router
   * before it asks what waits for it: a message that comes in between then waits in its mailbox, behind the older ones.
   */
  async #load(id: string): Promise<boolean> {
    const { store } = this.#known.broker;
    const subscriptions = await store.subscriptionsByClient({ id });
    const unhosted = this.#unhosted.has(id);
    if (subscriptions.length === 0 && !unhosted) this.#checkRoom();
    const device = this.#add(id, false);
    for (const { topic, qos } of subscriptions) device.tell({ kind: "subscribe", filter: topic, qos });
    const outgoing = await store.outstanding(id);
    const receipts = await store.receipts(id);
    device.tell({ kind: "restore", outgoing, receipts });
    return subscriptions.length > 0 || outgoing.length > 0 || unhosted;
  }

  #add(id: string, clean: boolean): Device {
    const device = new Device(id, clean, this.#known, this);
    this.#devices.set(id, device);
    this.#unhosted.delete(id);
    return device;
  }

  #checkRoom(): void {
    const { sessionsMax } = this.#known.settings;
    let sessions = 0;
    for (const device of this.#devices.values()) if (!device.session.clean) sessions++;
    if (sessions >= sessionsMax) {
      throw new ConnectRefused(connackCode.serverUnavailable, `${sessions} sessions are kept, which is the limit`);
    }
  }

  /** Ends a session: nothing of it is left here or in the store. */
  async #discard(id: string): Promise<void> {
    const { store } = this.#known.broker;
    const device = this.#devices.get(id);
    if (device !== undefined) this.#retire(device);
    this.#unhosted.delete(id);
    await store.unlessFailing(store.discardSession({ id }));
  }

  async #publishWill(will: StoredWill): Promise<void> {
    const { broker, log } = this.#known;
    const { topic, payload, qos, retain, clientId } = will;
    const id = clientId ?? "";
    const packet = { cmd: "publish" as const, topic, payload, qos, retain, dup: false };
    const stranger = Object.assign(Object.create(null), { id }) as Client;
    const refused = (error: unknown) => log.warn({ device: id, topic }, `the will was not published: ${textOf(error)}`);
    try {
      await ask((callback) => broker.authorizePublish(stranger, packet as never, callback));
      // In one turn, so that both get to the disk together; who waits for the message need not be waited for here.
      await broker.store.delWill({ id });
      (broker.publish as unknown as PublishFrom).call(broker, packet, stranger, (error) => error && refused(error));
      log.info({ device: id, topic }, "published the will of a device that was connected when the gateway died");
    } catch (error) {
      await broker.store.delWill({ id });
      refused(error);
    }
  }

  #retire(device: Device): void {
    device.stop();
    if (this.#devices.get(device.id) === device) this.#devices.delete(device.id);
  }

  #restartLater(id: string, clean: boolean): void {
    const { clock, log } = this.#known;
    const intensity = this.#crashed.get(id) ?? new RestartIntensity(deviceRestartPolicy, clock);
    this.#crashed.set(id, intensity);
    const decision = intensity.decide();
    clock.after(deviceRestartPolicy.withinMs + 1, () => {
      if (intensity.calm) this.#crashed.delete(id);
    });
    const givesUp = decision.kind === "give-up";
    if (givesUp) log.error({ device: id }, "the device crashed too often; it is left alone for half a minute");
    if (clean) return; // nothing is left to start
    clock.after(givesUp ? deviceRestartPolicy.withinMs : decision.delayMs, () => {
      this.#inTurn(id, async () => {
        if (this.#unhosted.has(id)) await this.#load(id);
      }).catch((error) => log.error({ device: id, error }, "the device could not be started again"));
    });
  }

  /** One piece of work at a time for each client id, in the order in which it was asked for. */
  #inTurn(id: string, work: () => Promise<void>): Promise<void> {
    const before = this.#work.get(id) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#work.set(id, mine);
    const forget = () => {
      if (this.#work.get(id) === mine) this.#work.delete(id);
    };
    mine.then(forget, forget);
    return mine;
  }

  get #known(): DeviceContext {
    if (this.#context === null)
      throw new WaypostError("ERR_INVARIANT", "the device registry is used before it has a context");
    return this.#context;
  }
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
