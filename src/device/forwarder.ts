import { type PublishFields, publishBytes, writePublish } from "../protocol/publish-frame.ts";
import type { Message } from "../store/message.ts";
import type { StoredPublish } from "../store/stored-packets.ts";
import type { DeviceContext } from "./device-context.ts";
import { type Link, wireVersionOf } from "./link.ts";
import type { Grant, Session } from "./session.ts";
import { extrasOf } from "./wire-forms.ts";

/** Brings one message to the connection of one device: may it be forwarded, and in which bytes? */
export class Forwarder {
  readonly #context: DeviceContext;
  readonly #session: Session;
  readonly #id: string;
  readonly #now: () => number;

  constructor(context: DeviceContext, { id, session }: { readonly id: string; readonly session: Session }) {
    this.#context = context;
    this.#session = session;
    this.#id = id;
    this.#now = () => context.clock.now();
  }

  /** Asks `authorizeForward`, where someone has set it: null for no, else the message or what it was changed into. */
  authorized(message: Message, connection: Link): Message | null {
    const hook = this.#context.broker.authorizeForwardHook;
    if (hook === null) return message;
    const packet = message.toPacket();
    const { payload } = packet;
    const answer = hook.call(this.#context.broker, connection, packet as never) as StoredPublish | null | undefined;
    if (!answer) return null;
    return message.changedInto(packet, payload, answer);
  }

  /** In the bytes that all its receivers get, where this one can take them. False where it is too large for the client. */
  send(message: Message, connection: Link): boolean {
    const { terms } = connection;
    const version = wireVersionOf(connection);
    const mayBeTold = message.properties !== undefined || this.#session.isSpecial;
    const isTold = version === 5 && (terms.outboundAliases !== null || (mayBeTold && this.#isTold(message)));
    if (isTold || connection.isBridge) {
      return this.sendApart(message, message.packetId, false, connection);
    }
    if (message.write(version)) {
      if (message.wireEnd - message.wireStart > terms.packetBytesMax) return false;
      connection.send(message.wire as Buffer, message.wireStart, message.wireEnd);
    } else {
      const { buffer, start, end } = this.#context.wireForms.of(message, version, this.#now);
      if (end - start > terms.packetBytesMax) return false;
      connection.send(buffer, start, end);
    }
    this.#context.counters.publishesSent++;
    return true;
  }

  /** In bytes of its own: under another packet id, again, or with what only this receiver is told. False as in `send`. */
  sendApart(message: Message, packetId: number, dup: boolean, connection: Link): boolean {
    const { terms } = connection;
    if (connection.version !== 5) {
      const { topic, payload, qos } = message;
      // A bridge keeps retained as retained, and before MQTT 5 it need not ask for that.
      const retain = message.retain || (connection.isBridge && message.publishedRetained);
      const place = writePublish(this.#context.frames, { topic, payload, qos, retain }, packetId, dup, null);
      connection.send(place.buffer, place.start, place.end);
      this.#context.counters.publishesSent++;
      return true;
    }
    const { properties } = message;
    const grant = this.#grantOf(message);
    const extras = extrasOf(message, properties?.expiryAt(this.#now()));
    if (connection.isBridge)
      extras.properties = this.#context.broker.provenance?.passedOn(properties) ?? extras.properties;
    extras.subscriptionIdentifiers = properties?.subscriptionIdentifier
      ? [properties.subscriptionIdentifier]
      : (grant?.subscriptionIdentifiers ?? null);
    const retain = message.retain || (message.publishedRetained && grant?.retainAsPublished === true); // [MQTT-3.3.1-13]
    const { topic, payload, qos } = message;
    const fields: PublishFields = { topic, payload, qos, retain };
    // An alias is at most five bytes more, and it must not be set in a packet that is then not sent.
    if (terms.packetBytesMax < 2 ** 28 && publishBytes(fields, extras) + 5 > terms.packetBytesMax) {
      if (publishBytes(fields, extras) > terms.packetBytesMax) return false; // [MQTT-3.1.2-25]
    } else extras.topicAlias = terms.outboundAliases?.of(topic) ?? 0;
    const place = writePublish(this.#context.frames, fields, packetId, dup, extras);
    connection.send(place.buffer, place.start, place.end);
    this.#context.counters.publishesSent++;
    return true;
  }

  /** Whether this receiver is told more of the message than others. */
  #isTold(message: Message): boolean {
    if (message.properties?.subscriptionIdentifier) return true;
    const grant = this.#grantOf(message);
    if (grant === undefined) return false;
    return grant.subscriptionIdentifiers !== null || (grant.retainAsPublished && message.publishedRetained);
  }

  /** What the subscriptions that brought the message say of it; undefined where that is nothing, or settled already. */
  #grantOf({ topic, properties, clientId }: Message): Grant | undefined {
    const session = this.#session;
    if (!session.isSpecial || properties?.subscriptionIdentifier !== undefined) return undefined;
    return session.hasNoLocal && clientId === this.#id ? session.grantForOwn(topic) : session.grantFor(topic);
  }
}
