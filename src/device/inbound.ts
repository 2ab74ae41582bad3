import { isUtf8 } from "node:buffer";
import { firstByte } from "../protocol/packet-type.ts";
import type { PublishPacket } from "../protocol/publish-frame.ts";
import { PublishProperties } from "../protocol/publish-properties.ts";
import { reasonCode, refusalCodeOf } from "../protocol/reason-code.ts";
import type { Message } from "../store/message.ts";
import { isForged, keepsNothing } from "../topic/address.ts";
import { WaypostError } from "../waypost-error.ts";
import type { Acknowledgement } from "./acknowledgement-line.ts";
import type { Connection } from "./connection.ts";
import type { DeviceContext } from "./device-context.ts";
import { ExactlyOnce } from "./exactly-once.ts";
import { guarded, lineOf, Publishing, publishFailed } from "./publishing.ts";

/** What devices publish: may they, was it taken before, and the acknowledgement once the store has accepted it. */
export class Inbound {
  readonly #context: DeviceContext;
  readonly #publishing: Publishing;
  readonly #exactlyOnce: ExactlyOnce;

  constructor(context: DeviceContext) {
    this.#context = context;
    this.#publishing = new Publishing(context);
    this.#exactlyOnce = new ExactlyOnce(context, this.#publishing);
  }

  publish(connection: Connection, packet: PublishPacket): void {
    const { broker } = this.#context;
    // A plain one is at QoS 0, not retained and says nothing of itself: there is nothing to refuse.
    if (connection.version === 5 && !packet.isPlain && !this.#isAcceptable(connection, packet)) return;
    if (packet.retain && keepsNothing(packet.topic)) packet.retain = false;
    const hook = broker.authorizePublishHook;
    if (hook === null && packet.topic.charCodeAt(0) !== 36) return this.#authorized(connection, packet);
    if (isForged(packet.topic)) {
      const why = `publishing to ${packet.topic} was refused: what is below $SYS/ is the gateway's to say`;
      return this.refuse(connection, packet, reasonCode.notAuthorized, why);
    }
    // Whatever the hook does later, this packet is handled before the next one is read.
    let answered = false;
    let waiting = false;
    // The hook may change what it sees; where it does not, the message goes on in the bytes in which it came.
    const came = packet.properties;
    const shown: { properties?: object | undefined } = packet;
    if (came !== undefined && hook !== null) shown.properties = came.toObject();
    broker.authorizePublish(connection, packet as never, (error) => {
      if (answered || connection.closed) return;
      answered = true;
      // The hook may answer in a turn of its own, where nobody would catch what this throws.
      guarded(connection, () => {
        if (error) {
          const why = `publishing to ${packet.topic} was refused: ${error.message}`;
          this.refuse(connection, packet, refusalCodeOf(error), why, error);
        } else {
          if (hook !== null && shown.properties !== came) {
            shown.properties = PublishProperties.afterHook(came, shown.properties);
          }
          this.#authorized(connection, packet);
        }
      });
      if (waiting) connection.resume();
    });
    if (!answered && !connection.closed) {
      waiting = true;
      connection.suspend();
    }
  }

  /**
   * The message is not taken: MQTT 5 says so of this message only, and has no answer at QoS 0; before, all that a server
   * can do is to close the connection [MQTT-3.3.5-2].
   */
  refuse(
    connection: Connection,
    { qos, messageId }: Pick<PublishPacket, "qos" | "messageId">,
    code: number,
    why: string,
    cause?: unknown,
  ): void {
    // A bridge says how it is doing below $SYS/broker/connection/, and must not be closed for that.
    if (connection.version < 5 && !connection.isOutgoing && !connection.isBridge) {
      return connection.fail(new WaypostError("ERR_NOT_AUTHORIZED", why, { cause }));
    }
    if (!connection.isBridge) this.#context.dropped(connection.id, "refused");
    if (qos === 0) return;
    this.#count(connection);
    lineOf(connection)
      .add(qos === 1 ? firstByte.puback : firstByte.pubrec, messageId, code, why)
      .settle();
  }

  /** PUBREL: the sender will not repeat the message. */
  release(connection: Connection, messageId: number): void {
    this.#exactlyOnce.release(connection, messageId);
  }

  /** What MQTT 5 lets a server refuse. */
  #isAcceptable(connection: Connection, packet: PublishPacket): boolean {
    const { qos, retain, properties, payload } = packet;
    const { settings } = this.#context;
    if (qos > settings.qosMax) {
      const why = `a message at QoS ${qos}, where the maximum is ${settings.qosMax}`;
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", why, { reasonCode: reasonCode.qosNotSupported }); // [MQTT-3.2.2-11]
    }
    if (retain && !settings.retainAvailable) {
      const why = "a retained message, which this gateway does not keep";
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", why, { reasonCode: reasonCode.retainNotSupported }); // [MQTT-3.2.2-14]
    }
    if (properties !== undefined && properties.bytes.length > settings.propertiesBytesMax) {
      const why = `properties of ${properties.bytes.length} bytes are over the limit of ${settings.propertiesBytesMax}`;
      this.refuse(connection, packet, reasonCode.quotaExceeded, why);
      return false;
    }
    const isText = settings.payloadFormatChecked && properties?.payloadFormatIndicator === true;
    if (!isText || isUtf8(payload)) return true;
    this.refuse(
      connection,
      packet,
      reasonCode.payloadFormatInvalid,
      "the payload is not the UTF-8 that it is said to be",
    );
    return false;
  }

  /** One more message has to be acknowledged. @throws ERR_LIMIT_EXCEEDED with 0x93 [MQTT-3.3.4-7] */
  #count(connection: Connection): void {
    const limit = connection.terms.inboundInFlightMax;
    if (++connection.unacknowledged <= limit) return;
    const why = `${connection.unacknowledged} messages wait for their acknowledgement, and the receive maximum is ${limit}`;
    throw new WaypostError("ERR_LIMIT_EXCEEDED", why, { reasonCode: reasonCode.receiveMaximumExceeded });
  }

  #authorized(connection: Connection, packet: PublishPacket): void {
    if (packet.qos === 0) return this.#publishUnacknowledged(connection, packet);
    this.#count(connection);
    if (packet.qos === 2) return this.#exactlyOnce.publish(connection, packet);
    const { router } = this.#context.broker;
    let published = false;
    let place: Acknowledgement | null = null;
    let message: Message | null = null;
    router.handOver(packet.payload);
    router.watch(packet.payload);
    this.#publishing.publish(connection, packet, (error) => {
      if (error) return connection.fail(publishFailed(error, packet.topic));
      published = true;
      if (place !== null) this.#publishing.whenCertain(message, this.#publishing.toldStore(packet), place.settle);
    });
    message = router.handedOver();
    const code = this.#publishing.outcome(packet);
    if (connection.closed) return;
    this.#publishing.holdBackIfCongested(connection);
    const isAccepted = published && message === null && !this.#publishing.toldStore(packet);
    // Nearly always the store accepts at once and nothing waits [MQTT-3.3.4-1] [MQTT-4.3.2-2].
    if (isAccepted && (connection.acknowledgements?.empty ?? true)) {
      return connection.sendAcknowledgement(firstByte.puback, packet.messageId, code);
    }
    place = lineOf(connection).add(firstByte.puback, packet.messageId, code);
    if (isAccepted) place.settle();
    else if (published) this.#publishing.whenCertain(message, this.#publishing.toldStore(packet), place.settle);
  }

  #publishUnacknowledged(connection: Connection, packet: PublishPacket): void {
    this.#publishing.publish(connection, packet, (error) => {
      if (error) connection.fail(publishFailed(error, packet.topic));
    });
  }
}
