import type { FrameReader } from "../protocol/frame-reader.ts";
import type { QoS } from "../protocol/packet-type.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import { Message, type WireVersion } from "../store/message.ts";
import type { StoredPublish } from "../store/stored-packets.ts";
import { keepsNothing } from "../topic/address.ts";
import { FilterTree } from "../topic/filter-tree.ts";
import { hasWildcard, isHiddenFrom } from "../topic/topic-rules.ts";
import { WaypostError } from "../waypost-error.ts";

/** Whoever has a mailbox: a device, a queue. */
export interface Receiver {
  /** Puts the message, at most at the granted QoS, into the mailbox. */
  deliver(message: Message, granted: QoS): void;
  /** `deliver` threw: the receiver is broken and must not break its publisher. */
  crashed(reason: unknown, message: Message, granted: QoS): void;
  /** It hands messages on, and for this topic there is nobody: a publisher is told that there are no subscribers. */
  reachesNobody?(topic: string): boolean;
}

/** What aedes subscribes: a function that is told of packets. One that stands for a receiver says so. */
export interface Listener {
  (packet: StoredPublish, done: () => void): void;
  receiver?: Receiver;
  qos?: QoS;
}

/** Who gets the messages of one topic. */
interface Route {
  receivers: Receiver[];
  granted: QoS[];
  listeners: Listener[];
}

interface Subscribed {
  filter: string;
  listeners: Listener[];
}

/** Topics whose routes are remembered. A topic beyond that costs a walk through the tree of filters. */
const ROUTES_MAX = 10_000;
/** Receivers in all these routes together: a thousand devices that subscribe to everything are in every route. */
const ROUTED_MAX = 1_000_000;

/**
 * The `mq` of the broker: topic -> receivers. It remembers the route of each topic until a subscription changes it.
 * A receiver with overlapping subscriptions is in a route once, with the highest granted QoS [MQTT-3.3.5-1].
 */
export class Router {
  closed = false;
  /** Messages being handed out. */
  current = 0;
  readonly #tree = new FilterTree<Subscribed>();
  readonly #routes = new Map<string, Route>();
  #routed = 0;
  // The bytes of the QoS 0 frame that is being published. Recognised by its topic and the identity of its payload, so a
  // packet that was replaced, delayed or published again under another topic is simply written anew.
  #passingTopic = "";
  #passingPayload: Buffer | null = null;
  #passingFrame: Buffer | null = null;
  #passingStart = 0;
  #passingEnd = 0;
  #passingVersion: WireVersion = 4;
  #watched: Buffer | null = null;
  #reasonCode: number = reasonCode.success;
  #isReached = false;
  #waitedFor: Buffer | null = null;
  #handedOver: Message | null = null;

  /**
   * Says that the publisher of the packet with just this payload waits by itself for what its message depends on:
   * `handedOver` then has the message, and `emit` does not wait. What aedes holds for a publish under way is more than
   * the message itself, and it would be held for as long as the receivers take.
   */
  handOver(payload: Buffer): void {
    this.#waitedFor = payload;
    this.#handedOver = null;
  }

  /** The message that came of the packet, where something has to be waited for; to be asked right after publishing. */
  handedOver(): Message | null {
    const message = this.#handedOver;
    this.#waitedFor = null;
    this.#handedOver = null;
    return message;
  }

  /** Says that the packet that is being published has reached somebody otherwise than by its topic. */
  reachedOtherwise(): void {
    this.#isReached = true;
  }

  /** Says that the outcome of publishing the packet with just this payload is going to be asked for. */
  watch(payload: Buffer): void {
    this.#watched = payload;
    this.#isReached = false;
    this.#reasonCode = reasonCode.success;
  }

  /** What an MQTT 5 publisher is told of it: that there are no subscribers, that none had room, or success. */
  outcome(): number {
    this.#watched = null;
    const isReached = this.#isReached && this.#reasonCode === reasonCode.noMatchingSubscribers;
    return isReached ? reasonCode.success : this.#reasonCode;
  }

  /** Says that this packet arrived as the frame that `frames` stands on, whose bytes are fit to be sent on as they are. */
  passing(packet: { topic: string; payload: Buffer }, frames: FrameReader, version: WireVersion): void {
    this.#passingTopic = packet.topic;
    this.#passingPayload = packet.payload;
    this.#passingFrame = frames.chunk;
    this.#passingStart = frames.start;
    this.#passingEnd = frames.end;
    this.#passingVersion = version;
  }

  on(filter: string, listener: Listener, done?: () => void): this {
    let subscribed = this.#tree.get(filter);
    if (subscribed === undefined) {
      subscribed = { filter, listeners: [] };
      this.#tree.set(filter, subscribed);
    }
    subscribed.listeners.push(listener);
    this.#forgetRoutes(filter);
    if (done !== undefined) queueMicrotask(done);
    return this;
  }

  removeListener(filter: string, listener: Listener, done?: () => void): this {
    const subscribed = this.#tree.get(filter);
    const index = subscribed?.listeners.indexOf(listener) ?? -1;
    if (subscribed !== undefined && index >= 0) {
      subscribed.listeners.splice(index, 1);
      if (subscribed.listeners.length === 0) this.#tree.delete(filter);
      this.#forgetRoutes(filter);
    }
    if (done !== undefined) queueMicrotask(done);
    return this;
  }

  /**
   * Hands the packet to everyone whose filter matches. `done` is called when all listeners are done and all receivers
   * have accepted: before `emit` returns, if none of them has to wait.
   */
  emit(packet: StoredPublish, done: (error?: unknown) => void = () => {}): this {
    if (this.closed) {
      done(new WaypostError("ERR_CLOSED", "the gateway is stopping and takes no more messages"));
      return this;
    }
    // Once only: a listener may publish the same payload again under another topic.
    const isWaitedFor = packet.payload === this.#waitedFor;
    if (isWaitedFor) this.#waitedFor = null;
    const isWatched = packet.payload === this.#watched;
    if (isWatched) this.#watched = null;
    const route = this.#routes.get(packet.topic) ?? this.#find(packet.topic);
    const receivers = route.receivers;
    let message: Message | null = null;
    if (receivers.length > 0) {
      message = this.#messageOf(packet);
      const granted = route.granted;
      for (let i = 0; i < receivers.length; i++) {
        const receiver = receivers[i] as Receiver;
        try {
          receiver.deliver(message, granted[i] as QoS);
        } catch (reason) {
          receiver.crashed(reason, message, granted[i] as QoS);
        }
      }
    }
    if (isWatched) this.#reasonCode = this.#reasonFor(route, message);
    if (route.listeners.length === 0) {
      if (message === null || message.accepted) {
        done();
        return this;
      }
      if (isWaitedFor) {
        this.#handedOver = message;
        done();
        return this;
      }
    }
    this.#tellListeners(route.listeners, packet, message, done);
    return this;
  }

  /** The same for a topic that will not come again. */
  reachesOnce(topic: string): boolean {
    return this.#tree.matching(topic).some(({ filter }) => !isHiddenFrom(filter, topic));
  }

  /** Whether anybody gets what is published to this topic. */
  reaches(topic: string): boolean {
    const { receivers, listeners } = this.#routes.get(topic) ?? this.#find(topic);
    return receivers.length + listeners.length > 0;
  }

  close(done: () => void = () => {}): this {
    this.closed = true;
    setImmediate(done);
    return this;
  }

  #reasonFor({ receivers, listeners }: Route, message: Message | null): number {
    if (listeners.length > 0) return reasonCode.success;
    if (message === null) return reasonCode.noMatchingSubscribers;
    const [first] = receivers;
    if (receivers.length === 1 && first?.reachesNobody?.(message.topic)) return reasonCode.noMatchingSubscribers;
    return message.refusals === receivers.length ? reasonCode.quotaExceeded : reasonCode.success;
  }

  #messageOf(packet: StoredPublish): Message {
    const message = new Message(packet, packet.qos, false); // not retained [MQTT-3.3.1-9]
    if (packet.payload === this.#passingPayload && packet.qos === 0 && packet.topic === this.#passingTopic) {
      message.passThrough(this.#passingFrame as Buffer, this.#passingStart, this.#passingEnd, this.#passingVersion);
    }
    return message;
  }

  #tellListeners(
    listeners: Listener[],
    packet: StoredPublish,
    message: Message | null,
    done: (error?: unknown) => void,
  ): void {
    let outstanding = listeners.length + 1;
    let failure: unknown;
    this.current++;
    const oneDone = () => {
      if (--outstanding > 0) return;
      this.current--;
      done(failure);
    };
    for (const listener of listeners) listener.call(this, packet, oneDone);
    if (message === null) oneDone();
    else {
      message.whenAccepted((error) => {
        failure = error;
        oneDone();
      });
    }
  }

  #find(topic: string): Route {
    const granted = new Map<Receiver, QoS>();
    const listeners: Listener[] = [];
    for (const subscribed of this.#tree.matching(topic)) {
      const hidden = isHiddenFrom(subscribed.filter, topic); // [MQTT-4.7.2-1]
      for (const listener of subscribed.listeners) {
        const { receiver, qos = 0 } = listener;
        if (receiver === undefined) listeners.push(listener);
        else if (!hidden) granted.set(receiver, Math.max(qos, granted.get(receiver) ?? 0) as QoS);
      }
    }
    const route: Route = { receivers: [...granted.keys()], granted: [...granted.values()], listeners };
    if (keepsNothing(topic)) return route; // nearly each is another: they would push out what is wanted again
    if (this.#routes.size >= ROUTES_MAX || this.#routed >= ROUTED_MAX) this.#forgetAllRoutes();
    this.#routes.set(topic, route);
    this.#routed += route.receivers.length;
    return route;
  }

  #forgetRoutes(filter: string): void {
    if (hasWildcard(filter)) return this.#forgetAllRoutes();
    this.#routed -= this.#routes.get(filter)?.receivers.length ?? 0;
    this.#routes.delete(filter);
  }

  #forgetAllRoutes(): void {
    this.#routes.clear();
    this.#routed = 0;
  }
}
