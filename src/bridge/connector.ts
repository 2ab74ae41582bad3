import type { Cancel } from "../actor/clock.ts";
import type { DeviceContext } from "../device/device-context.ts";
import type { Log } from "../log.ts";
import type { FrameReader } from "../protocol/frame-reader.ts";
import { WaypostError } from "../waypost-error.ts";
import { BackOff } from "./back-off.ts";
import type { BridgeSettings } from "./bridge-settings.ts";
import { Dialects, type VersionDoubt } from "./dialects.ts";
import { type Agreed, Upstream, type UpstreamOwner } from "./upstream.ts";

/** A connection that has lasted so long was a good one. */
const GOOD_MS = 10_000;
const SAID_MAX = 100;

export interface ConnectorParts {
  readonly name: string;
  readonly sessionId: string;
  readonly context: DeviceContext;
  readonly log: Log;
  readonly clientId: () => string;
  readonly identity: string;
  readonly settings: () => BridgeSettings;
  /** CONNACK came. */
  readonly agreed: (upstream: Upstream, agreed: Agreed) => void;
  /** PUBLISH, or what acknowledges one. */
  readonly frame: (upstream: Upstream, type: number, frames: FrameReader) => void;
  readonly closed: () => void;
  readonly changed: () => void;
}

/**
 * Keeps a bridge connected: the addresses of its upstream in turn, MQTT 5 before 3.1.1, and the longer between two attempts
 * the more of them have failed.
 */
export class Connector implements UpstreamOwner {
  upstream: Upstream | null = null;
  isRunning = false;
  isAgreed = false;
  /** When the next attempt is due, in milliseconds since the Unix epoch; 0 where none is. */
  retryAt = 0;
  lastError: { readonly at: number; readonly message: string } | null = null;
  connections = 0;
  #bytesBefore = 0;
  readonly #parts: ConnectorParts;
  readonly #backOff = new BackOff();
  #cancelRetry: Cancel | null = null;
  #urlIndex = 0;
  readonly #dialects: Dialects;
  #agreedAt = 0;
  #isGivenUp = false;
  /** The latest connection was there, but not for long. */
  #isFlapping = false;
  /** What has been said since the bridge was last connected for a while. */
  readonly #said = new Set<string>();

  constructor(parts: ConnectorParts) {
    this.#parts = parts;
    this.#dialects = new Dialects(() => (parts.settings().protocol === "5" ? "5" : "bridge"));
  }

  /** By all connections. */
  get bytesSent(): number {
    return this.#bytesBefore + (this.isAgreed ? (this.upstream?.connection.bytesSent ?? 0) : 0);
  }

  /** The upstream that it is connected to, or tries next. */
  get url(): string {
    const { url } = this.#parts.settings();
    return this.upstream?.url ?? (url[this.#urlIndex % url.length] as string);
  }

  start(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.#isGivenUp = false;
    this.#isFlapping = false;
    this.#urlIndex = 0;
    this.#dialects.clear();
    this.#backOff.reset();
    this.#attempt();
  }

  /** Says goodbye to the upstream. */
  stop(): void {
    this.isRunning = false;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.retryAt = 0;
    const { upstream, isAgreed } = this;
    this.upstream = null;
    this.isAgreed = false;
    this.#said.clear();
    if (upstream === null) return;
    upstream.leave();
    if (!isAgreed) return;
    this.#bytesBefore += upstream.connection.bytesSent;
    this.#parts.closed();
  }

  /** Ends a connection that is there, but does no good. */
  giveUp(why: string): void {
    this.#isGivenUp = true;
    this.upstream?.fail(new WaypostError("ERR_UPSTREAM", why));
  }

  /** Something is wrong that does not end the connection. */
  complain(message: string): void {
    const { context, log, name } = this.#parts;
    this.lastError = { at: context.clock.now(), message };
    if (this.#said.has(message)) return;
    this.#said.add(message);
    log.warn({}, `the bridge ${name}: ${message}`);
  }

  agreed(upstream: Upstream, agreed: Agreed): void {
    this.isAgreed = true;
    this.#dialects.taken(upstream.url, upstream.dialect);
    this.#agreedAt = this.#parts.context.clock.now();
    this.connections++;
    this.#parts.agreed(upstream, agreed);
  }

  frame(upstream: Upstream, type: number, frames: FrameReader): void {
    this.#parts.frame(upstream, type, frames);
  }

  closed(upstream: Upstream, reason: WaypostError, doubt: VersionDoubt): void {
    if (this.upstream !== upstream) return;
    const isGivenUp = this.#isGivenUp;
    this.#isGivenUp = false;
    const wasAgreed = this.isAgreed;
    if (wasAgreed) this.#bytesBefore += upstream.connection.bytesSent;
    this.upstream = null;
    this.isAgreed = false;
    if (wasAgreed) this.#parts.closed();
    const lastedMs = wasAgreed ? this.#parts.context.clock.now() - this.#agreedAt : 0;
    const isGood = lastedMs >= GOOD_MS && !isGivenUp;
    if (isGood) {
      this.#backOff.reset();
      this.#said.clear();
    }
    if (wasAgreed) this.#isFlapping = !isGood;
    const isOtherDialect = this.#dialects.ended(upstream.url, upstream.dialect, doubt, wasAgreed);
    if (isGood) this.#urlIndex = 0;
    else if (!isOtherDialect) this.#urlIndex++;
    const isRoundOver = this.#urlIndex % this.#parts.settings().url.length === 0;
    this.#failed(reason, upstream.url, isOtherDialect || !isRoundOver);
  }

  #attempt(): void {
    this.#cancelRetry = null;
    this.retryAt = 0;
    const { sessionId, context, settings, clientId, identity } = this.#parts;
    const { url } = this;
    const dialect = this.#dialects.of(url);
    try {
      const common = { url, dialect, sessionId, context, identity, owner: this };
      this.upstream = new Upstream({ ...common, settings: settings(), clientId: clientId() });
    } catch (error) {
      this.#urlIndex++;
      this.#failed(error, url, false);
    }
    this.#parts.changed();
  }

  #failed(error: unknown, url: string, isAtOnce: boolean): void {
    const { log, name, settings, context, changed } = this.#parts;
    const why = error instanceof Error ? error.message : String(error);
    const message = why.includes(url) ? why : `${why} (${url})`;
    this.lastError = { at: context.clock.now(), message };
    if (this.isRunning) {
      const delayMs = isAtOnce ? 0 : this.#backOff.nextMs(settings());
      this.retryAt = context.clock.now() + delayMs;
      this.#cancelRetry = context.clock.after(delayMs, () => this.#attempt());
      const text = `the bridge ${name} is not connected: ${message}; next attempt in ${(delayMs / 1000).toFixed(1)} s`;
      // The same again and again is worth one line.
      if (this.#said.has(message)) log.debug({}, text);
      else log.warn({}, text);
      if (this.#said.size < SAID_MAX) this.#said.add(message);
    }
    changed();
  }

  /** To be called once a second while the connection is there: one that lasts is a good one. */
  lasts(fields: object): void {
    const { context, log, name } = this.#parts;
    if (!this.#isFlapping || context.clock.now() - this.#agreedAt < GOOD_MS) return;
    this.#isFlapping = false;
    log.info(fields, `the bridge ${name} is connected`);
  }

  /** Says that messages pass; once, where the upstream takes the bridge and throws it out again and again. */
  good(fields: object): void {
    const { log, name } = this.#parts;
    if (!this.#isFlapping) log.info(fields, `the bridge ${name} is connected`);
    else log.debug(fields, `the bridge ${name} is connected`);
  }
}
