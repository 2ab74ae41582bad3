import type { Client, PublishFrom } from "../broker/edge-broker.ts";
import { firstByte } from "../protocol/packet-type.ts";
import type { PublishPacket } from "../protocol/publish-frame.ts";
import { settled } from "../store/settled.ts";
import type { StoredPublish } from "../store/store.ts";
import { WaypostError } from "../waypost-error.ts";
import type { Connection } from "./connection.ts";
import type { Device } from "./device.ts";
import type { DeviceContext } from "./device-context.ts";

const NO_PAYLOAD = Buffer.alloc(0);

/** What devices publish: may they, was it taken before, and the acknowledgement once the store has accepted it. */
export class Inbound {
  readonly #context: DeviceContext;

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  publish(connection: Connection, packet: PublishPacket): void {
    const { broker } = this.#context;
    const hook = broker.authorizePublishHook;
    if (hook === null && packet.topic.charCodeAt(0) !== 36) return this.#authorized(connection, packet);
    // Whatever the hook does later, this packet is handled before the next one is read.
    let answered = false;
    let waiting = false;
    broker.authorizePublish(connection, packet, (error) => {
      if (answered || connection.closed) return;
      answered = true;
      if (error) {
        const why = `publishing to ${packet.topic} was refused: ${error.message}`;
        return connection.fail(new WaypostError("ERR_NOT_AUTHORIZED", why, { cause: error })); // [MQTT-3.3.5-2]
      }
      this.#authorized(connection, packet);
      if (waiting) connection.resume();
    });
    if (!answered && !connection.closed) {
      waiting = true;
      connection.suspend();
    }
  }

  /** PUBREL: the sender will not repeat the message. It is always answered [MQTT-4.3.3-2]. */
  release(connection: Connection, messageId: number): void {
    const device = connection.device as Device;
    const known = device.session.inbound?.delete(messageId) ?? false;
    const complete = () => connection.sendAcknowledgement(firstByte.pubcomp, messageId);
    if (device.session.clean) return complete();
    const deleted = this.#context.broker.store.incomingDelPacket(device, { messageId });
    // An id that is not known here may be in the store since before a crash; that it is not there either is no fault.
    deleted.then(complete, (error) => (known ? connection.fail(storeFailed(error)) : complete()));
  }

  #authorized(connection: Connection, packet: PublishPacket): void {
    if (packet.qos === 2) return this.#publishOnce(connection, packet);
    const publish = this.#context.broker.publish as unknown as PublishFrom;
    publish.call(this.#context.broker, packet, connection as Client, (error) => {
      if (error) return connection.fail(publishFailed(error, packet.topic));
      // [MQTT-3.3.4-1] [MQTT-4.3.2-2]; the connection may be gone by now.
      if (packet.qos === 1 && !connection.closed) connection.sendAcknowledgement(firstByte.puback, packet.messageId);
    });
  }

  /** QoS 2: the packet id is noted before the message is published, so that a repetition is recognised [MQTT-4.3.3-2]. */
  #publishOnce(connection: Connection, packet: PublishPacket): void {
    const device = connection.device as Device;
    const { session } = device;
    const { messageId } = packet;
    session.inbound ??= new Set();
    if (session.inbound.has(messageId)) return connection.sendAcknowledgement(firstByte.pubrec, messageId);
    const limit = this.#context.settings.inboundInFlightMax;
    if (limit > 0 && session.inbound.size >= limit) {
      const why = `${session.inbound.size} QoS 2 messages wait for PUBREL, and the limit is ${limit}`;
      return connection.fail(new WaypostError("ERR_LIMIT_EXCEEDED", why));
    }
    session.inbound.add(messageId);
    if (packet.dup && !session.clean) return this.#publishUnlessStored(connection, device, packet);
    this.#note(connection, device, packet);
  }

  /** A repetition may belong to a message that was taken before the device crashed or the gateway restarted. */
  #publishUnlessStored(connection: Connection, device: Device, packet: PublishPacket): void {
    this.#context.broker.store.incomingGetPacket(device, packet).then(
      () => connection.sendAcknowledgement(firstByte.pubrec, packet.messageId),
      () => this.#note(connection, device, packet),
    );
  }

  #note(connection: Connection, device: Device, packet: PublishPacket): void {
    const noted = device.session.clean
      ? settled
      : this.#context.broker.store.incomingStorePacket(device, receipt(packet));
    noted.then(
      () => this.#publishNoted(connection, device, packet),
      (error) => this.#withdraw(connection, device, packet, error),
    );
  }

  #publishNoted(connection: Connection, device: Device, packet: PublishPacket): void {
    const publish = this.#context.broker.publish as unknown as PublishFrom;
    publish.call(this.#context.broker, packet, connection as Client, (error) => {
      if (error) return this.#withdraw(connection, device, packet, error);
      if (!connection.closed) connection.sendAcknowledgement(firstByte.pubrec, packet.messageId); // [MQTT-4.3.3-2]
    });
  }

  /** The message was not published: the sender will repeat it, and then it must not be taken for known. */
  #withdraw(connection: Connection, device: Device, { messageId, topic }: PublishPacket, error: unknown): void {
    device.session.inbound?.delete(messageId);
    if (!device.session.clean) {
      this.#context.broker.store.incomingDelPacket(device, { messageId }).then(
        () => {},
        () => {},
      );
    }
    connection.fail(publishFailed(error, topic));
  }
}

/** What has to be remembered of a QoS 2 message until PUBREL: its id. */
function receipt({ topic, messageId }: PublishPacket): StoredPublish {
  const common = { cmd: "publish" as const, brokerId: "", brokerCounter: 0, dup: false, retain: false };
  return { ...common, topic, payload: NO_PAYLOAD, qos: 2, messageId };
}

function publishFailed(error: unknown, topic: string): WaypostError {
  if (error instanceof WaypostError) return error;
  const why = `a message to ${topic} was not accepted: ${error instanceof Error ? error.message : String(error)}`;
  return new WaypostError("ERR_STORE", why, { cause: error });
}

function storeFailed(error: unknown): WaypostError {
  const why = `the store failed: ${error instanceof Error ? error.message : String(error)}`;
  return new WaypostError("ERR_STORE", why, { cause: error });
}
