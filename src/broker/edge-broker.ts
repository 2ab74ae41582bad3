import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { Aedes, type AedesOptions, type Client, type PublishPacket } from "aedes";
import type { Clock } from "../actor/clock.ts";
import type { AuthenticationMethod } from "../authentication/authentication-method.ts";
import { Provenance } from "../protocol/provenance.ts";
import { PublishProperties } from "../protocol/publish-properties.ts";
import type { Store } from "../store/store.ts";
import { localFirst, type Residence } from "./local-first-store.ts";
import { Router } from "./router.ts";

export type { AedesOptions, Client, PublishPacket, Subscription } from "aedes";

/** What the registry of aedes needs of a client. */
export interface RegisteredClient {
  readonly id: string;
  readonly closed: boolean;
  readonly duplicates: Record<string, number>;
  close(done?: () => void): void;
}

/** The hooks that aedes has where nobody sets them: they need not be called on the hot path. */
const stock = new Aedes();

/**
 * Aedes, with devices in the place of its clients: its publish pipeline, its persistence contract, its registry with
 * takeover, its hooks and its events. The one class that extends it.
 */
export class EdgeBroker extends Aedes {
  /** The whole store; `persistence` is the view of it that aedes publishes with. */
  readonly store: Store;
  /** Makes every message; and is the `mq`, unless the options bring another. */
  readonly router: Router;
  /** Which sessions have their device here. */
  readonly residence: Residence;
  /** The methods of enhanced authentication, by their names (MQTT 5, 4.12). */
  readonly authenticationMethods = new Map<string, AuthenticationMethod>();
  /** Shows each message that asks for an answer to others too, and calls back when they have it; false where it does not. */
  requested:
    | ((packet: PublishPacket, properties: PublishProperties, done: (error?: unknown) => void) => boolean)
    | null = null;
  /** Who this gateway is to others that it is bridged to; null where it has no name among them. */
  provenance: Provenance | null = null;
  /** Called for a message that came back over bridges: it is acknowledged, and published no second time. */
  returned: () => void = () => {};
  readonly #clock: Clock;

  declare readonly clients: Record<string, RegisteredClient>;
  declare readonly persistence: Store;
  declare counter: number;
  declare handle: Accept;
  declare registerClient: (client: RegisteredClient) => void;
  declare unregisterClient: (client: RegisteredClient) => void;

  constructor(options: AedesOptions, store: Store, residence: Residence, clock: Clock) {
    const router = new Router();
    super({ mq: router, ...options, persistence: localFirst(store, residence) });
    this.store = store;
    this.router = router;
    this.residence = residence;
    this.#clock = clock;
  }

  /** `publish` as a packet without properties needs it: for such, ours only hands on. */
  get publishPlain(): PublishFrom {
    const publish = this.publish === EdgeBroker.prototype.publish ? Aedes.prototype.publish : this.publish;
    return publish as unknown as PublishFrom;
  }

  /** As in aedes, and the time to live of the message begins to count. */
  override publish(packet: PublishPacket, client: unknown, done?: (error?: unknown) => void): void {
    const publish = super.publish as (packet: PublishPacket, client: unknown, done: unknown) => void;
    if (packet.properties === undefined) return publish.call(this, packet, client, done);
    let properties: PublishProperties | undefined;
    try {
      properties = PublishProperties.of(packet.properties);
    } catch (error) {
      return ((typeof client === "function" ? client : done) as typeof done)?.(error);
    }
    properties?.startAt(this.#clock.now());
    if (this.provenance !== null && properties !== undefined && client !== null && typeof client === "object") {
      if (!(client as { isBridge?: boolean }).isBridge) properties = Provenance.ofClient(properties);
      else if (this.provenance.isReturned(properties)) {
        this.returned();
        return done?.();
      }
    }
    if (this.requested !== null && properties?.responseTopic !== undefined) {
      // Before it is published: whether anybody at all is reached is asked for right after that.
      const both = afterBoth((typeof client === "function" ? client : done) as typeof done);
      if (this.requested(packet, properties, both)) {
        const shown = { ...packet, properties: properties as never };
        return typeof client === "function"
          ? publish.call(this, shown, both, undefined)
          : publish.call(this, shown, client, both);
      }
    }
    // Nearly always they came over the wire; a copy of the packet is a fifth of what a message costs then.
    if (properties === packet.properties) return publish.call(this, packet, client, done);
    publish.call(this, { ...packet, properties: properties as never }, client, done);
  }

  /** The hook of that name, or null where it is the one of aedes, which lets everything pass but `$SYS/`. */
  get authorizePublishHook(): EdgeBroker["authorizePublish"] | null {
    return this.authorizePublish === stock.authorizePublish ? null : this.authorizePublish;
  }

  /** The hook of that name, or null where it is the one of aedes, which lets everything pass. */
  get authorizeForwardHook(): EdgeBroker["authorizeForward"] | null {
    return this.authorizeForward === stock.authorizeForward ? null : this.authorizeForward;
  }

  /** The hook of that name, or null where it is the one of aedes, which lets everything pass. */
  get authorizeSubscribeHook(): EdgeBroker["authorizeSubscribe"] | null {
    return this.authorizeSubscribe === stock.authorizeSubscribe ? null : this.authorizeSubscribe;
  }

  /** A message that the gateway itself publishes below `$SYS/<id>/`. */
  announce(event: string, payload: string): void {
    const topic = `$SYS/${this.id}/${event}`;
    this.publish({ cmd: "publish", topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false }, () => {});
  }

  /** As in aedes, and then the store is closed too. */
  override close(done: (error?: Error) => void = () => {}): void {
    if (this.closed) return done();
    super.close(() => {
      this.store.destroy().then(
        () => done(),
        (error) => done(error),
      );
    });
  }
}

/** aedes's `publish` takes the client in the middle; its types leave that out. */
export type PublishFrom = (packet: PublishPacket, client: Client, done: (error?: unknown) => void) => void;

/** Takes a byte stream as the connection of an MQTT client. */
export type Accept = (stream: Duplex, request?: IncomingMessage) => Client;

/** Calls back when it was called twice, with the first error. */
function afterBoth(done: ((error?: unknown) => void) | undefined): (error?: unknown) => void {
  let outstanding = 2;
  let failure: unknown;
  return (error) => {
    failure ??= error;
    if (--outstanding === 0) done?.(failure);
  };
}
