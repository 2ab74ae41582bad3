import type { Residence } from "../broker/local-first-store.ts";
import type { Listener } from "../broker/router.ts";
import { ConnectRefused, connackCode } from "../protocol/connect-refused.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import { WaypostError } from "../waypost-error.ts";
import { authorizedSubscription } from "./authorized-subscription.ts";
import type { Connection } from "./connection.ts";
import { CrashRecord } from "./crash-record.ts";
import { Device, type DeviceKeeper } from "./device.ts";
import type { DeviceContext } from "./device-context.ts";
import { Wills } from "./wills.ts";

/** How long a connection that is taken over may still handle what had come. */
const HANDLE_MS = 500;

/**
 * The devices of this gateway, and their supervisor. A device that crashes loses its connection; a persistent one is
 * built anew from the store, with back-off, and nobody else notices.
 */
export class DeviceRegistry implements DeviceKeeper, Residence {
  readonly #devices = new Map<string, Device>();
  /** Persistent sessions that are in the store while their device is not here, and for how many seconds they wait for a client. */
  readonly #unhosted = new Map<string, number>();
  /** The last piece of work on each client id that is still under way. */
  readonly #work = new Map<string, Promise<void>>();
  readonly #embedded: boolean;
  #context: DeviceContext | null = null;
  #wills: Wills | null = null;
  #crashRecord: CrashRecord | null = null;
  #restarts = 0;
  #generation = 0;

  /** `embedded`: the store is this gateway's own, so that every session in it belongs here. */
  constructor(embedded: boolean) {
    this.#embedded = embedded;
  }

  /** To be called once, before the first connection. */
  use(context: DeviceContext): void {
    this.#context = context;
    this.#wills = new Wills(context);
    this.#crashRecord = new CrashRecord(context);
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

  /** The device of this client id, if it is here. */
  get(id: string): Device | undefined {
    return this.#devices.get(id);
  }

  /** Changes whenever a session or a client comes or goes. */
  get generation(): number {
    return this.#generation;
  }

  /** Client ids of all that are connected or have a session here, also of those that crashed and are to be built anew. */
  get ids(): string[] {
    return [...this.#devices.keys(), ...this.#unhosted.keys()];
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

  get wills(): Wills {
    return this.#wills as Wills;
  }

  /** Gives the connection its device, fresh or with its session, and answers its CONNECT. */
  attach(connection: Connection, connackProperties: object): Promise<void> {
    return this.#inTurn(connection.id, () => this.#attach(connection, connackProperties));
  }

  /** When the session ends if the device leaves now, or has left, in milliseconds since the Unix epoch. */
  endOf({ session, awaySince }: Device): number {
    if (session.clean) return 0;
    const { clock, settings } = this.#known;
    return (awaySince || clock.now()) + Math.min(session.expirySeconds, settings.sessionExpirySeconds) * 1000;
  }

  detached(device: Device): void {
    const { session } = device;
    if (session.clean) this.#retire(device);
    else if (session.expirySeconds === 0) void this.#endIfOver(device);
    else void this.#known.broker.store.putSession(device, device.awaySince, session.expirySeconds);
  }

  /**
   * At the start: gives every stored session its device, unless its time is over, and publishes the wills of those that
   * were connected when the gateway last died.
   */
  async revive(): Promise<void> {
    const { broker, clock } = this.#known;
    const { store } = broker;
    if (store.shared) return; // sessions and wills of other gateways, which may live
    const sessions = await store.sessions();
    const isClient = ({ id }: { id: string }) => !id.startsWith("\0");
    for (const { id, awaySince, expirySeconds } of sessions.filter(isClient)) {
      this.#unhosted.set(id, expirySeconds); // a session of before, for which there is room whatever the limit says by now
      await this.#load(id);
      const device = this.#devices.get(id) as Device;
      device.awaySince = awaySince || clock.now();
      if (awaySince === 0) void store.putSession(device, device.awaySince, expirySeconds);
    }
    for (const device of [...this.#devices.values()]) await this.#endIfOver(device);
    const { shares, sessionOwners } = this.#known;
    const isOwned = ({ id }: { id: string }) => shares?.owns(id) || sessionOwners.some((each) => each.owns(id));
    for (const session of sessions) if (!isClient(session) && !isOwned(session)) await store.discardSession(session);
    await this.wills.revive((id) => this.#devices.has(id));
  }

  /** Devices were not away for the time by which the clock jumped. */
  clockJumped(ms: number): void {
    for (const device of this.#devices.values()) if (device.awaySince > 0) device.awaySince += ms;
    this.wills.clockJumped(ms);
    this.#known.shares?.clockJumped(ms);
    for (const each of this.#known.sessionOwners) each.clockJumped(ms);
  }

  /** What needs a look from time to time. */
  refresh(): void {
    this.wills.refresh();
    this.#known.shares?.refresh();
    for (const device of this.#devices.values()) {
      device.refresh();
      if (this.#isOver(device)) void this.#endIfOver(device);
    }
  }

  failed(device: Device, reason: unknown): void {
    const { log } = this.#known;
    if (this.#devices.get(device.id) !== device) return;
    this.#restarts++;
    log.error({ device: device.id, error: reason }, "the device crashed; its connection is closed");
    const { connection, session } = device;
    if (session.clean) device.leaveShares();
    device.stop();
    this.#devices.delete(device.id);
    if (!session.clean) this.#unhosted.set(device.id, session.expirySeconds);
    this.#generation++;
    connection?.fail(
      new WaypostError("ERR_DEVICE_CRASHED", `the device crashed: ${textOf(reason)}`, { cause: reason }),
    );
    this.#restartLater(device.id, session.clean);
  }

  #isOver(device: Device): boolean {
    return device.connection === null && this.endOf(device) <= this.#known.clock.now();
  }

  /** Ends the session of a device whose time is over. */
  #endIfOver(device: Device): Promise<void> {
    const { log } = this.#known;
    const ended = this.#inTurn(device.id, async () => {
      if (this.#devices.get(device.id) !== device || !this.#isOver(device)) return;
      log.info({ device: device.id, messages: device.depth }, "the session expired");
      await this.#discard(device.id);
    });
    return ended.catch((error) => log.error({ device: device.id, error }, "the expired session could not be removed"));
  }

  async #attach(connection: Connection, connackProperties: object): Promise<void> {
    const { broker } = this.#known;
    const { id } = connection;
    if (connection.closed) return;
    if (this.#crashes.isExhausted(id)) {
      throw new ConnectRefused(connackCode.serverUnavailable, `the device ${id} crashed too often; try again in 30 s`);
    }
    // Closes the connection that has this id so far [MQTT-3.1.4-2], which shall know why.
    const before = broker.clients[id] as Connection | undefined;
    if (before !== undefined) await this.#takeOver(before);
    if (connection.closed) return;
    connection.registered = true; // before aedes emits `client`, whose listeners may close it
    broker.registerClient(connection);
    let device = this.#devices.get(id);
    if (connection.clean || (device !== undefined && this.#isOver(device))) {
      device = undefined;
      await this.#discard(id); // [MQTT-3.1.2-4] [MQTT-3.1.2-6]
    } else if (device === undefined && (await this.#hasStored(id))) {
      await this.#load(id);
      device = this.#devices.get(id);
      if (device === undefined) throw crashed(id);
    }
    const present = device !== undefined;
    if (connection.closed) return;
    await broker.store.delWill({ id });
    if (connection.will !== null) await broker.store.unlessFailing(broker.store.putWill({ id }, connection.will));
    if (connection.closed) return;
    const { sessionExpirySeconds } = connection;
    if (device === undefined && sessionExpirySeconds > 0) this.#checkRoom();
    device ??= this.#add(id, sessionExpirySeconds === 0);
    if (present) await this.#authorizeAgain(device, connection);
    if (connection.closed) return;
    // An empty device in the place of one that crashed meanwhile would lack the subscriptions of its session.
    if (device.stopped) throw crashed(id);
    const { expirySeconds } = device.session;
    device.session.expirySeconds = sessionExpirySeconds;
    // Its subscriptions, without which a session is worth nothing, are waited for when they come.
    if (!device.session.clean) void broker.store.putSession({ id }, 0, sessionExpirySeconds);
    // CONNACK is the first packet on the connection [MQTT-3.2.0-1] [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-3].
    const uncancel = this.wills.cancel(id); // not before: a connection that comes to nothing is no return
    try {
      connection.accepted(device, present, connackProperties);
    } catch (error) {
      if (present) {
        device.session.expirySeconds = expirySeconds;
        uncancel();
        this.detached(device);
      } else await this.#discard(id); // or whoever takes no CONNACK leaves a session each time
      throw error;
    }
    if (connection.closed) this.detached(device);
    else device.tell({ kind: "attach", connection });
  }

  /**
   * What came on the old connection is handled first: its client may have sent an acknowledgement, or a DISCONNECT, behind
   * something that waits for the disk, and have come back since.
   */
  async #takeOver(before: Connection): Promise<void> {
    const { clock, log } = this.#known;
    if (!before.blocked) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(HANDLE_MS, resolve);
        before.whenIdle(() => {
          cancel();
          resolve();
        });
      });
    }
    if (before.closed) return;
    // Two devices with one id push each other out for ever, which only this shows.
    log.info({ device: before.id }, "another connection takes over the client id");
    before.end(reasonCode.sessionTakenOver);
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
      if (typeof answer === "object") continue;
      log.warn({ device: device.id, filter }, "a subscription of the session is not allowed any more");
      device.tell({ kind: "unsubscribe", filter });
    }
  }

  /** A session on a shared store moves with its client: the device that another gateway has now must not live on here. */
  #followSessions({ broker }: DeviceContext): void {
    const moved: Listener = (packet, done) => {
      const device = this.#devices.get(packet.payload.toString());
      if (packet.topic !== `$SYS/${broker.id}/new/clients` && device !== undefined) {
        (device.connection as Connection | null)?.end(reasonCode.sessionTakenOver);
        this.#retire(device);
      }
      done();
    };
    broker.subscribe("$SYS/+/new/clients", moved as never, () => {});
  }

  /**
   * Builds the device of a stored session. The device takes its place in the router
   * before it asks what waits for it: a message that comes in between then waits in its mailbox, behind the older ones.
   */
  async #load(id: string): Promise<void> {
    const { store } = this.#known.broker;
    const subscriptions = await store.subscriptionsByClient({ id });
    const expirySeconds = this.#unhosted.get(id);
    const device = this.#add(id, false);
    if (expirySeconds !== undefined) device.session.expirySeconds = expirySeconds;
    for (const { topic, ...options } of subscriptions) device.tell({ kind: "subscribe", filter: topic, options });
    const outgoing = await store.outstanding(id);
    const receipts = await store.receipts(id);
    device.tell({ kind: "restore", outgoing, receipts });
  }

  /** Whether the store has a session of this client, which has no device here. */
  async #hasStored(id: string): Promise<boolean> {
    if (this.#unhosted.has(id)) return true;
    if (this.#embedded) return false; // all of them were loaded at the start
    const { store } = this.#known.broker;
    return (await store.subscriptionsByClient({ id })).length > 0 || (await store.outstanding(id)).length > 0;
  }

  #add(id: string, clean: boolean): Device {
    const device = new Device(id, clean, this.#known, this);
    this.#devices.set(id, device);
    this.#unhosted.delete(id);
    this.#generation++;
    return device;
  }

  #checkRoom(): void {
    const { sessionsMax } = this.#known.settings;
    let sessions = 0;
    for (const device of this.#devices.values()) if (!device.session.clean) sessions++;
    if (sessions >= sessionsMax) {
      const why = `${sessions} sessions are kept, which is the limit`;
      throw new ConnectRefused(connackCode.serverUnavailable, why, { reasonCode: reasonCode.quotaExceeded });
    }
  }

  /** Ends a session: nothing of it is left here or in the store. */
  async #discard(id: string): Promise<void> {
    const { store } = this.#known.broker;
    const device = this.#devices.get(id);
    if (device !== undefined) this.#retire(device);
    else if (this.#unhosted.has(id)) this.#known.shares?.leaveAll({ id }); // one that crashed is still a member
    this.#unhosted.delete(id);
    this.#generation++;
    this.wills.sessionEnded(id);
    await store.unlessFailing(store.discardSession({ id }));
  }

  #retire(device: Device): void {
    device.leaveShares();
    device.stop();
    if (this.#devices.get(device.id) === device) this.#devices.delete(device.id);
    this.#generation++;
  }

  #restartLater(id: string, clean: boolean): void {
    const { clock, log } = this.#known;
    const delayMs = this.#crashes.note(id);
    if (clean) return; // nothing is left to start
    clock.after(delayMs, () => {
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

  get #crashes(): CrashRecord {
    return this.#crashRecord as CrashRecord;
  }

  get #known(): DeviceContext {
    if (this.#context === null)
      throw new WaypostError("ERR_INVARIANT", "the device registry is used before it has a context");
    return this.#context;
  }
}

function crashed(id: string): ConnectRefused {
  return new ConnectRefused(connackCode.serverUnavailable, `the device ${id} crashed; try again`);
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
