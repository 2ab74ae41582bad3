import { isDeepStrictEqual } from "node:util";
import { Rate } from "../actor/rate.ts";
import type { Receiver } from "../broker/router.ts";
import type { DeviceContext } from "../device/device-context.ts";
import { DropLog } from "../device/drop-log.ts";
import type { Log } from "../log.ts";
import { readAcknowledgement } from "../protocol/control-packets.ts";
import type { FrameReader } from "../protocol/frame-reader.ts";
import { packetType, type QoS } from "../protocol/packet-type.ts";
import type { Provenance } from "../protocol/provenance.ts";
import { bridgeSessionId } from "../store/bridge-session.ts";
import type { Message } from "../store/message.ts";
import { NEVER_EXPIRES } from "../store/store.ts";
import { WaypostError } from "../waypost-error.ts";
import type { BridgeState } from "./bridge-report.ts";
import type { BridgeSettings } from "./bridge-settings.ts";
import { Connector } from "./connector.ts";
import { Downlink } from "./downlink.ts";
import { dropAdvice } from "./drop-advice.ts";
import { EchoMemory } from "./echo-memory.ts";
import { LocalTopics } from "./local-topics.ts";
import type { PassReason } from "./pass-reason.ts";
import { TopicMapping } from "./topic-mapping.ts";
import { Uplink } from "./uplink.ts";
import type { Agreed, Upstream } from "./upstream.ts";
import { Watchdog } from "./watchdog.ts";

export interface BridgeParts {
  readonly context: DeviceContext;
  readonly provenance: Provenance;
  readonly log: Log;
  /** Something of what its report says has changed. */
  readonly changed: () => void;
  /** It broke, and is to be started anew. */
  readonly failed: (reason: unknown) => void;
}

/** `left-over`: the configuration has it no more; it takes nothing, is not connected, and keeps what it holds. */
export type BridgeOrigin = "configuration" | "left-over";

/**
 * The actor behind one upstream. What goes up waits in its mailbox, which the store has, until the upstream has
 * acknowledged it; what comes down is published here, and acknowledged when it is as safe as the store promises.
 */
export class Bridge implements Receiver {
  readonly name: string;
  /** By what the store knows it; no client id has U+0000 in it. */
  readonly id: string;
  readonly connector: Connector;
  readonly uplink: Uplink;
  readonly forwarded = new Rate();
  readonly received = new Rate();
  /** Messages that did not pass. */
  readonly drops = new Map<PassReason, number>();
  /** When the state last changed, in milliseconds since the Unix epoch. */
  since: number;
  /** What the upstream said; null while there is none. */
  agreed: Agreed | null = null;
  /** It failed, and what it holds is to be read from the store again. */
  isBroken = false;
  readonly #parts: BridgeParts;
  readonly #context: DeviceContext;
  readonly #topics: LocalTopics;
  readonly #downlink: Downlink;
  readonly #dropLog: DropLog;
  readonly #watchdog: Watchdog;
  #settings: BridgeSettings;
  #origin: BridgeOrigin;
  #mapping: TopicMapping;
  #state: BridgeState = "stopped";
  #rebuilding: Promise<void> = Promise.resolve();
  /** It is to be connected. */
  #isWanted = false;
  #isSubscribed = false;
  /** Filters that the configuration has had since the gateway started, and that the upstream may still have. */
  readonly #outdated = new Set<string>();
  readonly #echoes = new EchoMemory();
  #closedAt = 0;
  /** The upstream may send back what it was sent. */
  #isEchoed = false;

  constructor(name: string, settings: BridgeSettings, origin: BridgeOrigin, parts: BridgeParts) {
    const { context, provenance, log, changed } = parts;
    this.name = name;
    this.id = bridgeSessionId(name);
    this.#settings = settings;
    this.#origin = origin;
    this.#parts = parts;
    this.#context = context;
    const now = () => context.clock.now();
    this.since = now();
    this.#watchdog = new Watchdog(now);
    this.#dropLog = new DropLog(log, context.clock, dropAdvice(name));
    this.#mapping = new TopicMapping(settings.topics);
    this.#topics = new LocalTopics(context, this);
    const { id, forwarded } = this;
    const shared = {
      context,
      provenance,
      mapping: () => this.#mapping,
      echoes: () => (this.#isEchoed ? this.#echoes : null),
    };
    const current = () => this.#settings;
    this.uplink = new Uplink({
      ...shared,
      ...{ id, forwarded, settings: current },
      agreed: () => this.agreed,
      counted: (reason) => this.#count(reason),
      dropped: (message, reason) => {
        this.#count(reason);
        context.counters.dropped[reason]++;
        this.#dropLog.note(name, reason);
        context.deadLetters?.put(message, reason, { kind: "bridge", name });
      },
      failed: (reason) => this.#failed(reason),
    });
    this.#downlink = new Downlink({
      ...shared,
      hopsMax: () => this.#settings.hopsMax,
      received: () => this.received.total++,
      dropped: (reason) => this.#count(reason),
    });
    this.connector = new Connector({
      ...{ name, sessionId: id, context, log, settings: current },
      clientId: () => this.clientId,
      identity: provenance.identity,
      agreed: (upstream, agreed) => this.#agree(upstream, agreed),
      frame: (upstream, type, frames) => this.#frame(upstream, type, frames),
      closed: () => this.#closed(),
      changed: () => {
        this.#lookAtState();
        changed();
      },
    });
  }

  get settings(): BridgeSettings {
    return this.#settings;
  }

  get origin(): BridgeOrigin {
    return this.#origin;
  }

  get clientId(): string {
    return this.#settings.clientId || `waypost-${this.#parts.provenance.identity}-${this.name}`;
  }

  /** Nothing waits, and nothing is in flight to an upstream that may yet acknowledge it. */
  get isEmpty(): boolean {
    return this.uplink.waiting + (this.isActive ? this.uplink.inFlight : 0) === 0;
  }

  get isActive(): boolean {
    return this.#origin === "configuration" && this.#settings.enabled;
  }

  get state(): BridgeState {
    if (this.#origin === "left-over") return "left-over";
    return this.#settings.enabled ? this.#state : "disabled";
  }

  /** Takes up what the store has of it, and then its place in the router. */
  async open(): Promise<void> {
    const { store } = this.#context.broker;
    const known = (await store.sessions()).find(({ id }) => id === this.id);
    this.uplink.isPaused = (known?.awaySince ?? 0) > 0;
    await this.#keep();
    await this.uplink.restore();
    this.#subscribe();
    if (known !== undefined) this.#topics.knows(this.#mapping.localFilters);
    await this.#topics.deliverRetained(this.#mapping);
  }

  /** Leaves its place in the router. What waits stays in the store. */
  close(): void {
    this.#isWanted = false;
    this.connector.stop();
    this.#origin = "left-over";
    this.#subscribe();
    this.uplink.device.stop();
  }

  /** Connects, and stays connected. */
  async start(): Promise<void> {
    this.#isWanted = true;
    if (this.isBroken) await this.#rebuild();
    if (this.isBroken) throw new WaypostError("ERR_INVARIANT", `the bridge ${this.name} cannot take up what it holds`);
    if (this.isActive && this.#isWanted) this.connector.start();
    this.#lookAtState();
  }

  disconnect(): void {
    this.#isWanted = false;
    this.connector.stop();
    this.#lookAtState();
  }

  /** With other settings, or as one that is left over; what waits is sorted anew. */
  async reconfigure(settings: BridgeSettings, origin: BridgeOrigin): Promise<void> {
    if (this.#origin === origin && isDeepStrictEqual(settings, this.#settings)) return;
    this.#isWanted = false; // until it is started again
    this.connector.stop();
    for (const { filter } of this.#mapping.remoteSubscriptions) this.#outdated.add(filter);
    this.#origin = origin;
    this.#settings = settings;
    this.#mapping = new TopicMapping(settings.topics);
    await this.#rebuild();
    this.#subscribe();
    await this.#topics.deliverRetained(this.#mapping);
    this.#lookAtState();
  }

  /** Holds back what waits and what comes, also after a restart of the gateway. */
  async pause(isPaused: boolean): Promise<void> {
    this.uplink.isPaused = isPaused;
    await this.#keep();
    this.#parts.changed();
  }

  /** What waits goes before all that comes, until what waits at this moment is through. */
  async drain(): Promise<void> {
    const wasPaused = this.uplink.isPaused;
    this.uplink.drain();
    if (wasPaused) await this.#keep();
    this.#parts.changed();
  }

  deliver(published: Message): void {
    this.uplink.take(published);
  }

  crashed(reason: unknown, published: Message): void {
    this.uplink.crashed(reason, published);
  }

  /** What has waited too long, and an upstream that answers no more. To be called once a second. */
  refresh(): void {
    this.forwarded.tick();
    this.received.tick();
    if (this.isBroken) return;
    if (this.uplink.refresh()) this.#parts.changed();
    if (this.agreed !== null) this.#watch();
    this.#lookAtState();
    if (this.#state === "connected") this.connector.lasts(this.#connection);
  }

  clockJumped(ms: number): void {
    this.#watchdog.clockJumped(ms);
  }

  /** One after the other. */
  #rebuild(): Promise<void> {
    const rebuild = () => {
      this.isBroken = false;
      return this.uplink.rebuild();
    };
    this.#rebuilding = this.#rebuilding.then(rebuild, rebuild);
    return this.#rebuilding;
  }

  get #connection(): object {
    return { url: this.connector.url, protocol: this.agreed?.version === 5 ? "5" : "3.1.1" };
  }

  #failed(reason: unknown): void {
    if (this.isBroken) return;
    this.isBroken = true;
    this.connector.complain(`it failed, and is started anew: ${reason instanceof Error ? reason.message : reason}`);
    this.connector.stop();
    this.#lookAtState();
    this.#parts.failed(reason);
  }

  #watch(): void {
    const largest = this.uplink.largestInFlight;
    const connection = this.connector.upstream?.connection;
    const isHeldHere = connection?.blocked === true; // and so cannot be heard
    if (connection?.takeSignOfLife() || isHeldHere) this.#watchdog.heard();
    const { keepAliveSeconds } = this.#settings;
    const pingSeconds = this.agreed?.keepAliveSeconds ?? keepAliveSeconds;
    if (this.#watchdog.isGone(pingSeconds, largest ?? 0)) {
      return this.connector.giveUp(`nothing came from the upstream for one and a half keep alives of ${pingSeconds} s`);
    }
    const isFailing = Boolean(this.#context.broker.store.report()?.failing); // then PUBREL waits for the disk
    const isStuck = this.uplink.isStuck;
    if (isFailing || isHeldHere || (largest === undefined && this.#isSubscribed && !isStuck))
      return this.#watchdog.progress();
    if (!this.#watchdog.isOver(keepAliveSeconds, largest ?? 0)) return;
    if (isStuck) return this.#failed(new WaypostError("ERR_INVARIANT", "messages wait, and nothing is sent"));
    const what = this.#isSubscribed ? "acknowledges nothing of what it is sent" : "does not answer SUBSCRIBE";
    this.connector.giveUp(`the upstream is there, but ${what}`);
  }

  #lookAtState(): void {
    const state = this.#currentState();
    const before = this.#state;
    if (state === before) return;
    this.#state = state;
    // Each attempt is none of the changes that people ask for.
    if (!(isAway(before) && isAway(state))) this.since = this.#context.clock.now();
    const { connector, name } = this;
    const { log, changed } = this.#parts;
    if (state === "connected") {
      if (before === "stalled") log.debug({}, `the bridge ${name}: the upstream acknowledges again`);
      else connector.good(this.#connection);
    }
    if (state === "stalled") log.debug({ url: connector.url }, `the bridge ${name}: the upstream acknowledges nothing`);
    changed();
  }

  #currentState(): BridgeState {
    if (this.agreed !== null) {
      if (this.#watchdog.isStalled(this.#settings.keepAliveSeconds)) return "stalled";
      return this.#isSubscribed ? "connected" : "connecting";
    }
    if (!this.connector.isRunning) return "stopped";
    return this.connector.upstream === null ? "waiting" : "connecting";
  }

  #agree(upstream: Upstream, agreed: Agreed): void {
    const { connection } = upstream;
    const { device, mailboxes } = this.uplink;
    this.agreed = agreed;
    this.#watchdog.heard();
    this.#watchdog.progress();
    this.#isEchoed = agreed.version < 5;
    this.#echoes.renew(this.#closedAt, this.#context.clock.now());
    connection.opened(device, agreed.version, agreed.terms, agreed.sessionPresent);
    if (!agreed.sessionPresent) this.#forgetReceipts();
    mailboxes.isLive = true;
    device.tell({ kind: "attach", connection });
    const subscriptions = this.#mapping.remoteSubscriptions;
    for (const { filter } of subscriptions) this.#outdated.delete(filter);
    if (agreed.sessionPresent) upstream.unsubscribe([...this.#outdated], () => this.#outdated.clear());
    else this.#outdated.clear();
    this.#isSubscribed = subscriptions.length === 0;
    if (subscriptions.length > 0) {
      const { qosMax } = this.#context.settings;
      const lowered = subscriptions.map((each) => ({ ...each, qos: Math.min(each.qos, qosMax) as QoS }));
      upstream.subscribe(lowered, (refused) => {
        this.#isSubscribed = true;
        this.#watchdog.progress();
        if (refused.length > 0) this.connector.complain(`the upstream refused subscriptions: ${refused.join(", ")}`);
        this.#lookAtState();
      });
    }
    this.#lookAtState();
  }

  #closed(): void {
    this.agreed = null;
    this.#closedAt = this.#context.clock.now();
    this.uplink.mailboxes.isLive = false;
    this.#lookAtState();
  }

  /** The upstream has forgotten what it had sent, and may use the packet ids for something else. */
  #forgetReceipts(): void {
    const { session } = this.uplink.device;
    const { store } = this.#context.broker;
    const ignore = () => {};
    for (const messageId of session.inbound?.keys() ?? []) {
      store.incomingDelPacket(this, { messageId }).then(ignore, ignore);
    }
    session.inbound = null;
    this.#downlink.forget();
  }

  /** @throws ERR_MALFORMED_PACKET, ERR_PROTOCOL_VIOLATION, ERR_TOPIC_INVALID */
  #frame({ connection }: Upstream, type: number, frames: FrameReader): void {
    const { device } = this.uplink;
    const { version } = connection;
    if (type === packetType.publish) return this.#downlink.publish(connection, frames);
    if (type === packetType.pubrel) {
      return this.#downlink.release(connection, readAcknowledgement(frames, version, "PUBREL").packetId);
    }
    this.#watchdog.progress();
    if (this.#state === "stalled") this.#lookAtState();
    switch (type) {
      case packetType.puback: {
        const { packetId, reasonCode } = readAcknowledgement(frames, version, "PUBACK");
        return device.acknowledged(packetId, reasonCode);
      }
      case packetType.pubrec: {
        const { packetId, reasonCode } = readAcknowledgement(frames, version, "PUBREC");
        return device.received(packetId, reasonCode);
      }
      default:
        return device.completed(readAcknowledgement(frames, version, "PUBCOMP").packetId);
    }
  }

  #subscribe(): void {
    this.#topics.subscribe(this.isActive ? this.#mapping.localFilters : []);
  }

  /** Since when it is paused stands where the store has since when a client is away. */
  async #keep(): Promise<void> {
    const { broker, clock } = this.#context;
    const pausedSince = this.uplink.isPaused ? clock.now() : 0;
    await broker.store.unlessFailing(broker.store.putSession(this, pausedSince, NEVER_EXPIRES));
  }

  #count(reason: PassReason): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}

function isAway(state: BridgeState): boolean {
  return state === "waiting" || state === "connecting";
}
