import type { Client, Subscription } from "../broker/edge-broker.ts";
import type { RequestedSubscription, SubscribePacket, UnsubscribePacket } from "../protocol/control-packets.ts";
import type { QoS } from "../protocol/packet-type.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import type { StoredSubscription } from "../store/stored-packets.ts";
import { FilterTree } from "../topic/filter-tree.ts";
import { isHandedOut, isShared } from "../topic/shared-filter.ts";
import { filterMistake, isHiddenFrom } from "../topic/topic-rules.ts";
import { WaypostError } from "../waypost-error.ts";
import { authorizedSubscription } from "./authorized-subscription.ts";
import type { Connection } from "./connection.ts";
import type { Device } from "./device.ts";
import type { DeviceContext } from "./device-context.ts";
import { filterRefusal } from "./filter-refusal.ts";
import { Refusals } from "./refusals.ts";

type Subscriptions = Parameters<Client["subscribe"]>[0];
type Unsubscriptions = Parameters<Client["unsubscribe"]>[0];
type Done = ((error?: Error) => void) | undefined;

/** SUBACK return code of MQTT 3 for a filter that was refused, whatever the reason [MQTT-3.9.3-2]. */
const FAILURE = 128;

/** From the wire, or without a packet id from those who embed the broker. */
type Requested = Pick<SubscribePacket, "subscriptions" | "properties"> & { messageId?: number };
/** A filter that was granted, as it was asked for in what the hook may not change; or why not. */
type Granted = { subscription: StoredSubscription; requested: RequestedSubscription } | number;

/** SUBSCRIBE and UNSUBSCRIBE, from the wire and from those who embed the broker. */
export class Subscribing {
  readonly #context: DeviceContext;

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  subscribe(connection: Connection, what: Subscriptions, done: Done): void {
    const packet = "subscriptions" in what ? what : { subscriptions: Array.isArray(what) ? what : [what] };
    this.#inTurn(connection, done, () => this.#subscribe(connection, packet as Requested));
  }

  unsubscribe(connection: Connection, what: Unsubscriptions, done: Done): void {
    const packet = (
      Object.hasOwn(what, "unsubscriptions") ? what : { unsubscriptions: Array.isArray(what) ? what : [what] }
    ) as {
      unsubscriptions: string[];
      messageId?: number;
    };
    this.#inTurn(connection, done, () => this.#unsubscribe(connection, packet));
  }

  /**
   * Later packets of this connection wait until the work is done, and then for the next turn: ten bytes may call up all
   * retained messages, and a chunk full of them must not keep everybody else waiting.
   */
  #inTurn(connection: Connection, done: Done, work: () => Promise<void>): void {
    connection.suspend();
    work().then(
      () => {
        setImmediate(() => connection.resume());
        done?.();
      },
      (error) => {
        connection.fail(error);
        done?.(error);
      },
    );
  }

  async #subscribe(connection: Connection, packet: Requested): Promise<void> {
    const { broker } = this.#context;
    const device = attached(connection);
    const wanted = packet.subscriptions;
    const identifier = packet.properties?.subscriptionIdentifier;
    if (identifier !== undefined && !this.#context.settings.subscriptionIdentifiers) {
      const why = "a subscription identifier, which this gateway does not take";
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", why, {
        reasonCode: reasonCode.subscriptionIdentifiersNotSupported,
      });
    }
    const granted: Granted[] = [];
    const before = new Set(device.session.subscriptions.keys());
    const filters = new Set(before);
    const refused = new Refusals();
    const limit = this.#context.settings.subscriptionsPerDeviceMax;
    for (const each of wanted.slice(0, limit)) {
      // What MQTT 5 asks for by options, a bridge of before means anyhow.
      const isOfBridge = connection.isBridge && connection.version < 5;
      const requested = isOfBridge && !isHandedOut(each.topic) ? { ...each, nl: true, rap: true } : each;
      const answer = await this.#authorize(connection, filters, requested, refused);
      if (typeof answer === "number") granted.push(answer);
      else {
        filters.add(answer.topic);
        const qos = Math.min(answer.qos, this.#context.settings.qosMax) as QoS; // [MQTT-3.8.4-8]
        granted.push({ subscription: storedOf({ ...answer, qos }, requested, identifier), requested });
      }
    }
    // Nobody is asked about these: a packet of 4 MB may name a million filters.
    for (const { topic } of wanted.slice(limit)) {
      granted.push(reasonCode.quotaExceeded);
      refused.add(`the packet has over ${limit} filters, as many as a device may have`, topic);
    }
    refused.writeTo(this.#context.log, device.id);
    // The store may hold another session of this client id by now, or none.
    if (device.stopped) throw new WaypostError("ERR_CLOSED", "the session ended before it was subscribed");
    const accepted = lastOfEach(granted);
    if (!device.session.clean && accepted.length > 0 && !(await this.#keep(device, accepted))) {
      granted.fill(reasonCode.implementationSpecificError);
      accepted.length = 0;
    }
    // Also where the connection is gone by now: device and store must agree.
    for (const { subscription } of accepted) {
      device.tell({ kind: "subscribe", filter: subscription.topic, options: subscription });
    }
    if (connection.closed) return;
    const codes = granted.map((each) => {
      if (typeof each === "object") return each.subscription.qos;
      return connection.version < 5 ? FAILURE : each;
    });
    if (packet.messageId !== undefined) {
      // One code for each filter, in their order [MQTT-3.8.4-5] [MQTT-3.9.3-1].
      const why = refused.text;
      const properties = why !== undefined && connection.terms.problemInformation ? { reasonString: why } : {};
      connection.sendControlPacket({ cmd: "suback", messageId: packet.messageId, granted: codes, properties });
    }
    const reported = wanted.map((subscription, i) => ({ ...subscription, qos: codes[i] }));
    broker.emit("subscribe", reported as Subscription[], connection);
    broker.announce("new/subscribes", JSON.stringify({ clientId: connection.id, subs: reported }));
    const calling = accepted.filter(({ subscription, requested }) =>
      callsUp(requested, before.has(subscription.topic)),
    );
    await this.#sendRetained(
      device,
      calling.map(({ subscription }) => subscription),
      identifier,
    );
  }

  /** False where the store fails: then nothing was subscribed. */
  async #keep(device: Device, accepted: readonly { subscription: StoredSubscription }[]): Promise<boolean> {
    const { store } = this.#context.broker;
    const subscriptions = accepted.map(({ subscription }) => subscription);
    await store.unlessFailing(store.addSubscriptions(device, subscriptions));
    const failing = store.report()?.failing;
    if (!failing) return true;
    const why = `the store cannot keep a subscription: ${failing}`;
    this.#context.log.warn({ device: device.id, count: accepted.length }, why);
    const filters = subscriptions.map(({ topic }) => topic);
    void store.removeSubscriptions(
      device,
      filters.filter((topic) => !device.session.subscriptions.has(topic)),
    );
    return false;
  }

  async #sendRetained(
    device: Device,
    accepted: readonly StoredSubscription[],
    subscriptionIdentifier: number | undefined,
  ): Promise<void> {
    if (accepted.length === 0) return;
    const packets = await this.#context.broker.store.retainedMatching(accepted.map(({ topic }) => topic));
    if (packets.length === 0) return;
    // A tree, since every retained message may have to be held against every filter.
    const tree = new FilterTree<StoredSubscription>();
    for (const subscription of accepted) tree.set(subscription.topic, subscription);
    const grantedFor = (topic: string): QoS | undefined => {
      const visible = tree.matching(topic).filter((each) => !isHiddenFrom(each.topic, topic)); // [MQTT-4.7.2-1]
      return visible.length === 0 ? undefined : (Math.max(...visible.map(({ qos }) => qos)) as QoS);
    };
    const retained: { packet: (typeof packets)[number]; granted: QoS }[] = [];
    for (const packet of packets) {
      const granted = grantedFor(packet.topic);
      if (granted !== undefined) retained.push({ packet, granted });
    }
    device.tell({ kind: "replay", retained, subscriptionIdentifier });
  }

  /** The subscription as it is granted, or the reason code of a refusal. `filters` are those that the device has by then. */
  async #authorize(
    connection: Connection,
    filters: ReadonlySet<string>,
    requested: RequestedSubscription,
    refused: Refusals,
  ): Promise<Subscription | number> {
    const { broker, settings } = this.#context;
    const filter = requested.topic;
    const refuse = (code: number, why: string): number => {
      refused.add(why, filter);
      return code;
    };
    const mistake = filterMistake(filter);
    if (mistake !== undefined) {
      const why = `the topic filter ${JSON.stringify(filter.slice(0, 200))} is invalid: ${mistake}`;
      if (connection.version === 5) return refuse(reasonCode.topicFilterInvalid, why);
      throw new WaypostError("ERR_TOPIC_INVALID", why);
    }
    const refusal = this.#refusalOf(filter, connection);
    if (refusal !== null) return refuse(...refusal);
    if (!filters.has(filter) && filters.size >= settings.subscriptionsPerDeviceMax) {
      return refuse(reasonCode.quotaExceeded, `the device has ${filters.size} subscriptions, which is the limit`);
    }
    const { sharedSubscriptionsPerDeviceMax } = settings;
    if (
      isShared(filter) &&
      !filters.has(filter) &&
      [...filters].filter(isShared).length >= sharedSubscriptionsPerDeviceMax
    ) {
      const why = `the device has ${sharedSubscriptionsPerDeviceMax} shared subscriptions, which is the limit`;
      return refuse(reasonCode.quotaExceeded, why);
    }
    const answer = await authorizedSubscription(broker, connection, { ...requested });
    if (typeof answer === "number") return refuse(answer, "authorizeSubscribe said no");
    // What the hook made of it is subscribed, and has to be a filter as well.
    const changed =
      answer.topic === filter ? null : (filterMistake(answer.topic) ?? this.#refusalOf(answer.topic, connection));
    return changed === null
      ? answer
      : refuse(reasonCode.topicFilterInvalid, "authorizeSubscribe changed it into one that is refused");
  }

  #refusalOf(filter: string, connection: Connection): [code: number, why: string] | null {
    const { settings, shares } = this.#context;
    return filterRefusal(filter, connection, settings, (name) => shares?.hasQueue(name) ?? false);
  }

  async #unsubscribe(
    connection: Connection,
    packet: Omit<UnsubscribePacket, "cmd" | "messageId"> & { messageId?: number },
  ): Promise<void> {
    const { broker } = this.#context;
    const device = attached(connection);
    const filters = packet.unsubscriptions;
    const known = new Set(device.session.subscriptions.keys());
    // As if each had come by itself: one that is there twice is found once [MQTT-3.10.4-6].
    const codes = filters.map((filter): number => {
      const mistake = filterMistake(filter);
      if (mistake === undefined) {
        return known.delete(filter) ? reasonCode.success : reasonCode.noSubscriptionExisted;
      }
      if (connection.version === 5) return reasonCode.topicFilterInvalid;
      throw new WaypostError("ERR_TOPIC_INVALID", `the topic filter is invalid: ${mistake}`);
    });
    if (!device.session.clean) await broker.store.unlessFailing(broker.store.removeSubscriptions(device, filters));
    for (const filter of filters) device.tell({ kind: "unsubscribe", filter });
    if (connection.closed) return;
    // Answered also where nothing was subscribed [MQTT-3.10.4-5], in MQTT 5 for each filter in their order [MQTT-3.11.3-1].
    if (packet.messageId !== undefined) {
      connection.sendControlPacket({ cmd: "unsuback", messageId: packet.messageId, granted: codes });
    }
    broker.emit("unsubscribe", filters, connection);
    broker.announce("new/unsubscribes", JSON.stringify({ clientId: connection.id, subs: filters }));
  }
}

function attached(connection: Connection): Device {
  if (connection.device !== null) return connection.device;
  throw new WaypostError("ERR_CLOSED", "the client is not connected");
}

/** Of several subscriptions to one filter in one packet, the last counts, as if they had come one by one [MQTT-3.8.4-4]. */
function lastOfEach(all: readonly Granted[]): Exclude<Granted, number>[] {
  const granted = all.filter((each) => typeof each === "object");
  return [...new Map(granted.map((each) => [each.subscription.topic, each])).values()];
}

/** Whether the subscription wants the retained messages [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]; one that is handed out gets none. */
function callsUp({ rh, topic }: RequestedSubscription, isKnown: boolean): boolean {
  return !isHandedOut(topic) && rh !== 2 && !(rh === 1 && isKnown);
}

function storedOf(
  { topic, qos }: Subscription,
  { nl, rap, rh }: RequestedSubscription,
  subscriptionIdentifier: number | undefined,
): StoredSubscription {
  return { topic, qos, nl, rap, rh, subscriptionIdentifier };
}
