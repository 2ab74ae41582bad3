import type { Client, Subscription } from "../broker/edge-broker.ts";
import type { Log } from "../log.ts";
import type { QoS } from "../protocol/packet-type.ts";
import { FilterTree } from "../topic/filter-tree.ts";
import { filterMistake, isHiddenFrom, levelCount } from "../topic/topic-rules.ts";
import { WaypostError } from "../waypost-error.ts";
import { authorizedSubscription } from "./authorized-subscription.ts";
import type { Connection } from "./connection.ts";
import type { Device } from "./device.ts";
import type { DeviceContext } from "./device-context.ts";

type Subscriptions = Parameters<Client["subscribe"]>[0];
type Unsubscriptions = Parameters<Client["unsubscribe"]>[0];
type Done = ((error?: Error) => void) | undefined;

/** SUBACK return code for a filter that was refused [MQTT-3.9.3-2]. */
const FAILURE = 128;
/** Namespaces whose delivery models are not built yet: subscribing to the literal filter would look like success. */
const RESERVED = ["$share/", "$queue/", "$group/"];

/** SUBSCRIBE and UNSUBSCRIBE, from the wire and from those who embed the broker. */
export class Subscribing {
  readonly #context: DeviceContext;

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  subscribe(connection: Connection, what: Subscriptions, done: Done): void {
    const packet = "subscriptions" in what ? what : { subscriptions: Array.isArray(what) ? what : [what] };
    this.#inTurn(connection, done, () => this.#subscribe(connection, packet));
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

  async #subscribe(
    connection: Connection,
    packet: { subscriptions: Subscription[]; messageId?: number },
  ): Promise<void> {
    const { broker } = this.#context;
    const device = attached(connection);
    const wanted = packet.subscriptions;
    const granted: (Subscription | null)[] = [];
    const filters = new Set(device.session.subscriptions.keys());
    const refused = new Refusals();
    const limit = this.#context.settings.subscriptionsPerDeviceMax;
    for (const subscription of wanted.slice(0, limit)) {
      const answer = await this.#authorize(connection, filters, { ...subscription }, refused);
      if (answer !== null) filters.add(answer.topic);
      granted.push(answer);
    }
    // Nobody is asked about these: a packet of 4 MB may name a million filters.
    for (const { topic } of wanted.slice(limit)) {
      granted.push(null);
      refused.add(`the packet has over ${limit} filters, as many as a device may have`, topic);
    }
    refused.writeTo(this.#context.log, device.id);
    // The store may hold another session of this client id by now, or none.
    if (device.stopped) throw new WaypostError("ERR_CLOSED", "the session ended before it was subscribed");
    const accepted = lastOfEach(granted.filter((each) => each !== null));
    if (!device.session.clean && accepted.length > 0) {
      await broker.store.unlessFailing(broker.store.addSubscriptions(device, accepted));
      const failing = broker.store.report()?.failing;
      if (failing) {
        const why = `the store cannot keep a subscription: ${failing}`;
        this.#context.log.warn({ device: device.id, count: accepted.length }, why);
        void broker.store.removeSubscriptions(
          device,
          accepted.map(({ topic }) => topic).filter((topic) => !device.session.subscriptions.has(topic)),
        );
        granted.fill(null);
        accepted.length = 0;
      }
    }
    // Also where the connection is gone by now: device and store must agree.
    for (const { topic, qos } of accepted) device.tell({ kind: "subscribe", filter: topic, qos: qos as QoS });
    if (connection.closed) return;
    if (packet.messageId !== undefined) {
      // One return code for each filter, in their order [MQTT-3.8.4-5] [MQTT-3.9.3-1].
      const codes = granted.map((each) => each?.qos ?? FAILURE);
      connection.sendControlPacket({ cmd: "suback", messageId: packet.messageId, granted: codes } as never);
    }
    const reported = wanted.map((subscription, i) => ({ ...subscription, qos: granted[i]?.qos ?? FAILURE }));
    broker.emit("subscribe", reported as Subscription[], connection);
    broker.announce("new/subscribes", JSON.stringify({ clientId: connection.id, subs: reported }));
    await this.#sendRetained(device, accepted);
  }

  async #sendRetained(device: Device, accepted: Subscription[]): Promise<void> {
    if (accepted.length === 0) return;
    const packets = await this.#context.broker.store.retainedMatching(accepted.map(({ topic }) => topic));
    if (packets.length === 0) return;
    // A tree, since every retained message may have to be held against every filter.
    const tree = new FilterTree<Subscription>();
    for (const subscription of accepted) tree.set(subscription.topic, subscription);
    const grantedFor = (topic: string): QoS => {
      const visible = tree.matching(topic).filter((each) => !isHiddenFrom(each.topic, topic)); // [MQTT-4.7.2-1]
      return Math.max(...visible.map(({ qos }) => qos)) as QoS;
    };
    const retained = packets.map((packet) => ({ packet, granted: grantedFor(packet.topic) }));
    device.tell({ kind: "replay", retained });
  }

  /** The subscription as it is granted, or null where it is refused. `filters` are those that the device has by then. */
  async #authorize(
    connection: Connection,
    filters: ReadonlySet<string>,
    subscription: Subscription,
    refused: Refusals,
  ): Promise<Subscription | null> {
    const { broker, settings } = this.#context;
    const filter = subscription.topic;
    const mistake = filterMistake(filter);
    if (mistake !== undefined) {
      throw new WaypostError("ERR_TOPIC_INVALID", `the topic filter ${JSON.stringify(filter)} is invalid: ${mistake}`);
    }
    const refuse = (why: string): null => {
      refused.add(why, filter);
      return null;
    };
    if (Buffer.byteLength(filter) > settings.topicBytesMax)
      return refuse(`the filter is over ${settings.topicBytesMax} bytes`);
    if (levelCount(filter) > settings.topicLevelsMax)
      return refuse(`the filter has over ${settings.topicLevelsMax} levels`);
    if (RESERVED.some((prefix) => filter.startsWith(prefix)))
      return refuse("shared subscriptions and queues are not built yet");
    if (!filters.has(filter) && filters.size >= settings.subscriptionsPerDeviceMax) {
      return refuse(`the device has ${filters.size} subscriptions, which is the limit`);
    }
    const answer = await authorizedSubscription(broker, connection, subscription);
    return answer ? { ...answer } : refuse("authorizeSubscribe said no");
  }

  async #unsubscribe(connection: Connection, packet: { unsubscriptions: string[]; messageId?: number }): Promise<void> {
    const { broker } = this.#context;
    const device = attached(connection);
    const filters = packet.unsubscriptions;
    for (const filter of filters) {
      const mistake = filterMistake(filter);
      if (mistake !== undefined) throw new WaypostError("ERR_TOPIC_INVALID", `the topic filter is invalid: ${mistake}`);
    }
    if (!device.session.clean) await broker.store.unlessFailing(broker.store.removeSubscriptions(device, filters));
    for (const filter of filters) device.tell({ kind: "unsubscribe", filter });
    if (connection.closed) return;
    // Answered also where nothing was subscribed [MQTT-3.10.4-5].
    if (packet.messageId !== undefined)
      connection.sendControlPacket({ cmd: "unsuback", messageId: packet.messageId } as never);
    broker.emit("unsubscribe", filters, connection);
    broker.announce("new/unsubscribes", JSON.stringify({ clientId: connection.id, subs: filters }));
  }
}

/** Filters that one SUBSCRIBE asked for and did not get, by reason: one line in the log for each reason, however many. */
class Refusals {
  readonly #filters = new Map<string, { count: number; first: string }>();

  add(why: string, filter: string): void {
    const known = this.#filters.get(why);
    if (known === undefined) this.#filters.set(why, { count: 1, first: filter.slice(0, 200) });
    else known.count++;
  }

  writeTo(log: Log, device: string): void {
    for (const [why, { count, first }] of this.#filters) {
      log.warn({ device, filter: first, count }, `a subscription was refused: ${why}`);
    }
  }
}

function attached(connection: Connection): Device {
  if (connection.device !== null) return connection.device;
  throw new WaypostError("ERR_CLOSED", "the client is not connected");
}

/** Of several subscriptions to one filter in one packet, the last counts, as if they had come one by one [MQTT-3.8.4-4]. */
function lastOfEach(subscriptions: Subscription[]): Subscription[] {
  return [...new Map(subscriptions.map((each) => [each.topic, each])).values()];
}
