import { Actor } from "../actor/actor.ts";
import type { Listener, Receiver } from "../broker/router.ts";
import type { QoS } from "../protocol/packet-type.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import { Message } from "../store/message.ts";
import type { Outstanding } from "../store/outgoing-line.ts";
import type { StoredPublish } from "../store/stored-packets.ts";
import { isHandedOut } from "../topic/shared-filter.ts";
import type { DropReason } from "./counters.ts";
import type { DeviceContext } from "./device-context.ts";
import { type Link, waitsForItself, wireVersionOf } from "./link.ts";
import type { MailboxControl } from "./mailbox-control.ts";
import { Outbound, type OutboundOwner, type OutboundParts } from "./outbound.ts";
import { Session, type SubscriptionOptions } from "./session.ts";
import type { Borrower, Lender, Lent, Share, ShareOptions } from "./share.ts";

/** What a device is told, beside the messages that its mailbox takes and the acknowledgements of its peer. */
export type DeviceMessage =
  | { kind: "attach"; connection: Link }
  | { kind: "detach"; connection: Link }
  | { kind: "subscribe"; filter: string; options: SubscriptionOptions }
  | { kind: "unsubscribe"; filter: string }
  | {
      kind: "replay";
      retained: readonly { packet: StoredPublish; granted: QoS }[];
      subscriptionIdentifier: number | undefined;
    }
  | { kind: "restore"; outgoing: readonly Outstanding[]; receipts: readonly number[] }
  /** How long the session is to outlive its connection, as a DISCONNECT says. */
  | { kind: "expireAfter"; seconds: number }
  | { kind: "forget" };

/** Who keeps devices: told of what a device cannot settle by itself. */
export interface DeviceKeeper {
  failed(device: Device, reason: unknown): void;
  /** The device handled its detach. */
  detached(device: Device): void;
}

/**
 * The actor behind one client id. It outlives its connections: while it is away, its mailbox holds what was promised
 * to it.
 */
export class Device extends Actor<DeviceMessage> implements Receiver, OutboundOwner, Borrower {
  readonly id: string;
  readonly session: Session;
  connection: Link | null = null;
  /** Since when the device has had no connection, in milliseconds since the Unix epoch; 0 while it has one. */
  awaySince = 0;
  /** Messages for this device that were dropped. */
  dropped = 0;
  readonly #context: DeviceContext;
  readonly #keeper: DeviceKeeper;
  readonly #outbound: Outbound;
  #lastForeign: unknown = null;
  /** A bridge to which, before MQTT 5, no message can say that it has come over one already. */
  #isOldBridge = false;
  /** Those that it is a member of; null for none. */
  #shares: Set<Share> | null = null;

  constructor(id: string, clean: boolean, context: DeviceContext, keeper: DeviceKeeper, parts?: OutboundParts) {
    super(`devices/${id}`);
    this.id = id;
    this.session = new Session(clean);
    this.#context = context;
    this.#keeper = keeper;
    this.#outbound = new Outbound(this, context, parts);
    this.awaySince = context.clock.now();
  }

  /** Messages that wait: in the mailbox, called up by a subscription, and unacknowledged. */
  get depth(): number {
    return this.#outbound.depth;
  }

  get mailbox(): MailboxControl & Pick<Outbound, "forEachInFlight"> {
    return this.#outbound;
  }

  /** The hot-path `tell`: puts one message into the mailbox, or straight into the window where nothing waits. */
  deliver(message: Message, granted: QoS): void {
    if (this.session.hasNoLocal && this.#isOldBridge && this.#context.cameOverBridge(message.clientId)) return;
    if (this.session.hasNoLocal && message.clientId === this.id) {
      const grant = this.session.grantForOwn(message.topic);
      if (grant === undefined) return;
      return this.#outbound.take(message.at(grant.qos));
    }
    this.#outbound.take(message.at(granted));
  }

  /** Waiting for room here, the publisher would wait for itself. */
  waitsFor(publisher: Link, seen: Set<Link>): boolean {
    return waitsForItself(publisher, this.connection, seen);
  }

  get isOnline(): boolean {
    return this.connection !== null;
  }

  get isTransient(): boolean {
    return this.session.clean;
  }

  get hasRoom(): boolean {
    return this.#outbound.hasRoom;
  }

  lend(message: Message, lender: Lender, options: ShareOptions, again?: boolean): Lent {
    return this.#outbound.lend(message, lender, options, again);
  }

  owes(packetIds: readonly number[]): void {
    this.#outbound.owes(packetIds);
  }

  give(message: Message): void {
    this.#outbound.take(message);
  }

  handOver(message: Message): void {
    this.#outbound.takeOver(message);
  }

  roomMade(): void {
    if (this.#shares === null || !this.hasRoom) return;
    for (const share of this.#shares) share.roomMade();
  }

  /** `code` says whether the device took the message. */
  acknowledged(packetId: number, code: number = reasonCode.success): void {
    this.#outbound.acknowledged(packetId, code);
  }

  /** `code` says whether the device took the message. */
  received(packetId: number, code: number): void {
    this.#outbound.received(packetId, code);
  }

  completed(packetId: number): void {
    this.#outbound.completed(packetId);
  }

  /** The connection's peer has taken everything that was written for it. */
  drained(): void {
    try {
      this.#outbound.pump();
    } catch (reason) {
      this.failed(reason);
    }
  }

  /** What had to wait because there was no room comes in where there is; what has waited too long goes. */
  refresh(): void {
    try {
      this.#outbound.refresh();
    } catch (reason) {
      this.failed(reason);
    }
  }

  drop(message: Message, reason: DropReason): void {
    this.dropped++;
    this.#context.undelivered(message, reason, { kind: "device", name: this.id });
  }

  /** A message that the device had not taken when it crashed is kept for it all the same. */
  crashed(reason: unknown, message: Message, granted: QoS): void {
    this.#outbound.crashedOn(message.at(granted));
    this.failed(reason);
  }

  override failed(reason: unknown): void {
    this.#keeper.failed(this, reason);
  }

  /** Leaves all shares for good. A device that is only built anew stays a member: what waits there may be for it alone. */
  leaveShares(): void {
    this.connection = null; // or it would be lent what it gives back
    for (const share of this.#shares ?? []) share.leave(this);
    this.#shares = null;
  }

  /** Leaves the router: nothing more is delivered. */
  override stop(): void {
    this.connection = null;
    for (const [filter, { listener }] of this.session.subscriptions) {
      if (listener !== null) this.#context.broker.unsubscribe(filter, listener as never, () => {});
    }
    this.#outbound.stop();
    for (const share of this.#shares ?? []) share.went(this);
    super.stop();
  }

  protected override receive(message: DeviceMessage): void {
    switch (message.kind) {
      case "attach":
        return this.#attach(message.connection);
      case "detach":
        return this.#detach(message.connection);
      case "subscribe":
        return this.#subscribe(message.filter, message.options);
      case "unsubscribe":
        return this.#unsubscribe(message.filter);
      case "replay":
        return this.#outbound.replay(message.retained, message.subscriptionIdentifier);
      case "restore":
        this.session.restoreInbound(message.receipts);
        return this.#outbound.restore(message.outgoing);
      case "expireAfter":
        this.session.expirySeconds = Math.min(message.seconds, this.#context.settings.sessionExpirySeconds);
        return;
      case "forget":
        return this.#outbound.clear();
      default:
        return message satisfies never;
    }
  }

  #attach(connection: Link): void {
    this.connection = connection;
    this.#isOldBridge = connection.isBridge && wireVersionOf(connection) < 5;
    this.awaySince = 0;
    this.#outbound.resume();
    for (const share of this.#shares ?? []) share.came(this);
  }

  #detach(connection: Link): void {
    if (this.connection !== connection) return;
    this.connection = null;
    this.awaySince = this.#context.clock.now();
    this.#outbound.suspend();
    for (const share of this.#shares ?? []) share.went(this);
    this.#keeper.detached(this);
  }

  /** A subscription to a filter that is subscribed already replaces the old one [MQTT-3.8.4-3]. */
  #subscribe(filter: string, { qos, nl, rap, subscriptionIdentifier }: SubscriptionOptions): void {
    const { broker, shares } = this.#context;
    const old = this.session.subscriptions.get(filter);
    const share = isHandedOut(filter) ? (shares?.get(filter) ?? null) : null;
    if (share !== null) {
      this.#shares ??= new Set();
      this.#shares.add(share);
      this.session.subscribe(filter, { qos, nl, rap, subscriptionIdentifier, share, listener: null });
      return share.join(this, { qos, rap, subscriptionIdentifier });
    }
    const listener = old?.qos === qos ? old.listener : this.#listener(qos);
    this.session.subscribe(filter, { qos, nl, rap, subscriptionIdentifier, share: null, listener });
    if (listener === old?.listener) return;
    broker.subscribe(filter, listener as never, () => {});
    if (old !== undefined) broker.unsubscribe(filter, old.listener as never, () => {});
  }

  #unsubscribe(filter: string): void {
    const subscription = this.session.unsubscribe(filter);
    if (subscription === undefined) return;
    const { share, listener } = subscription;
    if (share === null) return this.#context.broker.unsubscribe(filter, listener as never, () => {});
    this.#shares?.delete(share);
    if (this.#shares?.size === 0) this.#shares = null;
    share.leave(this);
  }

  /**
   * What aedes subscribes for this device. Our router sees `receiver` and delivers to it; any other mqemitter calls the
   * function, once for each subscription that matches, all for the same packet object one after another.
   */
  #listener(qos: QoS): Listener {
    const listener: Listener = (packet, done) => {
      if (packet !== this.#lastForeign) {
        this.#lastForeign = packet;
        const granted = this.session.grantFor(packet.topic)?.qos;
        if (granted !== undefined) {
          const message = new Message(packet, packet.qos, false);
          try {
            this.deliver(message, granted);
          } catch (reason) {
            this.crashed(reason, message, granted);
          }
          return message.whenAccepted(done);
        }
      }
      done();
    };
    listener.receiver = this;
    listener.qos = qos;
    return listener;
  }
}
