import { firstByte } from "../protocol/packet-type.ts";
import type { PublishPacket } from "../protocol/publish-frame.ts";
import { isFailure, reasonCode } from "../protocol/reason-code.ts";
import { settled } from "../store/settled.ts";
import type { StoredPublish } from "../store/stored-packets.ts";
import { WaypostError } from "../waypost-error.ts";
import type { Acknowledgement } from "./acknowledgement-line.ts";
import type { Connection } from "./connection.ts";
import type { Device } from "./device.ts";
import type { DeviceContext } from "./device-context.ts";
import { guarded, lineOf, type Publishing, publishFailed } from "./publishing.ts";
import type { Receipt } from "./session.ts";

const NO_PAYLOAD = Buffer.alloc(0);

/** What devices publish at QoS 2: taken once, however often it comes, from PUBLISH to PUBCOMP. */
export class ExactlyOnce {
  readonly #context: DeviceContext;
  readonly #publishing: Publishing;

  constructor(context: DeviceContext, publishing: Publishing) {
    this.#context = context;
    this.#publishing = publishing;
  }

  /** The packet id is noted before the message is published, so that a repetition is recognised [MQTT-4.3.3-2]. */
  publish(connection: Connection, packet: PublishPacket): void {
    const device = connection.device as Device;
    const { session } = device;
    const { messageId } = packet;
    session.inbound ??= new Map();
    const known = session.inbound.get(messageId);
    if (known !== undefined) return this.#repeated(connection, messageId, known);
    const { version, terms } = connection;
    const { inboundInFlightMax } = this.#context.settings;
    const limit = Number.isFinite(terms.inboundInFlightMax) ? terms.inboundInFlightMax : inboundInFlightMax;
    if (limit > 0 && session.inbound.size >= limit) {
      const why = `${session.inbound.size} QoS 2 messages wait for PUBREL, and the limit is ${limit}`;
      if (version === 5) {
        lineOf(connection).add(firstByte.pubrec, messageId, reasonCode.quotaExceeded, why).settle();
        return;
      }
      return connection.fail(new WaypostError("ERR_LIMIT_EXCEEDED", why));
    }
    const place = lineOf(connection).add(firstByte.pubrec, messageId);
    // A store that cannot list what it has was not asked when the session was loaded.
    if (packet.dup && !session.clean && this.#context.broker.store.shared)
      return this.#publishUnlessStored(connection, device, packet, place);
    this.#note(connection, device, packet, place);
  }

  /** A repetition is answered when the store has accepted the message, maybe at the hands of an earlier connection. */
  #repeated(connection: Connection, messageId: number, { waiting, connection: first }: Receipt): void {
    const line = lineOf(connection);
    if (connection.version === 5 && first === connection.serial) {
      // On one connection nothing is repeated [MQTT-4.4.0-1]: this is another message under an id that is in use.
      const why = `the packet id ${messageId} is in use until its PUBREL`;
      return line.add(firstByte.pubrec, messageId, reasonCode.packetIdentifierInUse, why).settle();
    }
    const place = line.add(firstByte.pubrec, messageId);
    if (waiting === null) return line.due(place);
    waiting.push((error) => {
      if (connection.closed) return;
      if (error) connection.fail(error);
      else line.due(place);
    });
  }

  /**
   * A repetition may belong to a message that was taken before the device crashed or the gateway restarted. Messages
   * behind it must not overtake it meanwhile [MQTT-4.6.0-6].
   */
  #publishUnlessStored(connection: Connection, device: Device, packet: PublishPacket, place: Acknowledgement): void {
    connection.suspend();
    this.#context.broker.store.incomingGetPacket(device, packet).then(
      () => {
        device.session.inbound?.set(packet.messageId, { waiting: null, connection: 0 });
        place.settle();
        connection.resume();
      },
      () => {
        if (connection.closed) return; // not taken yet: it comes again
        guarded(connection, () => this.#note(connection, device, packet, place));
        connection.resume();
      },
    );
  }

  /**
   * That the message came and what it means for its receivers go to the store in one turn, and so to the disk together:
   * after a power cut it has both, or the publisher sends the message again as one that is not known.
   */
  #note(connection: Connection, device: Device, packet: PublishPacket, place: Acknowledgement): void {
    const noteOf: Receipt = { waiting: [], connection: connection.serial };
    device.session.inbound?.set(packet.messageId, noteOf);
    const noted = device.session.clean
      ? settled
      : this.#context.broker.store.incomingStorePacket(device, receipt(packet));
    let outstanding = 2;
    const oneDone = (error?: unknown) => {
      if (outstanding === 0) return; // it was withdrawn
      outstanding = error ? 0 : outstanding - 1;
      if (error) return this.#withdraw(connection, device, packet, error);
      if (outstanding > 0) return;
      const repetitions = noteOf.waiting;
      noteOf.waiting = null;
      place.settle(); // [MQTT-4.3.3-2]
      for (const answer of repetitions ?? []) answer();
    };
    const publish = () => {
      this.#publishing.publish(connection, packet, (error) => {
        if (error) oneDone(error);
        else this.#publishing.whenCertain(null, this.#publishing.toldStore(packet), oneDone);
      });
    };
    if (this.#context.broker.store.shared) {
      // It may refuse, and then nothing shall have happened.
      const publishNoted = () => {
        oneDone();
        guarded(connection, publish);
      };
      noted.then(publishNoted, oneDone);
      return;
    }
    try {
      this.#context.broker.router.watch(packet.payload);
      publish();
      place.code = this.#publishing.outcome(packet);
      // In one turn with the receipt, which then never gets to the disk: the client may use the packet id again.
      if (isFailure(place.code)) this.#forgetReceipt(device, packet.messageId);
    } catch (error) {
      return oneDone(error); // a hook threw: nobody would ever settle it
    }
    noted.then(() => oneDone(), oneDone);
    this.#publishing.holdBackIfCongested(connection);
  }

  /** The message was not published: the sender will repeat it, and then it must not be taken for known. */
  #withdraw(connection: Connection, device: Device, { messageId, topic }: PublishPacket, error: unknown): void {
    const failure = publishFailed(error, topic);
    const repetitions = device.session.inbound?.get(messageId)?.waiting;
    this.#forgetReceipt(device, messageId);
    connection.fail(failure);
    for (const answer of repetitions ?? []) answer(failure);
  }

  /** The packet id is free again: no PUBREL will come. */
  #forgetReceipt(device: Device, messageId: number): void {
    device.session.inbound?.delete(messageId);
    if (device.session.clean) return;
    this.#context.broker.store.incomingDelPacket(device, { messageId }).then(
      () => {},
      () => {},
    );
  }

  /** PUBREL: the sender will not repeat the message. It is always answered [MQTT-4.3.3-2]. */
  release(connection: Connection, messageId: number): void {
    const device = connection.device as Device;
    const known = device.session.inbound?.delete(messageId) ?? false;
    if (known) connection.answered();
    // A PUBREL that comes again after a lost connection is no error (MQTT 5, 3.7.2.1), but MQTT.js would take 0x92 for one.
    const isExpected = known || connection.resumed;
    const code = isExpected ? reasonCode.success : reasonCode.packetIdentifierNotFound;
    const complete = () => connection.sendAcknowledgement(firstByte.pubcomp, messageId, code);
    if (device.session.clean) return complete();
    const deleted = this.#context.broker.store.incomingDelPacket(device, { messageId });
    // An id that is not known here may be in the store since before a crash; that it is not there either is no fault.
    deleted.then(complete, (error) => (known ? connection.fail(storeFailed(error)) : complete()));
  }
}

/** What has to be remembered of a QoS 2 message until PUBREL: its id. */
function receipt({ topic, messageId }: PublishPacket): StoredPublish {
  const common = { cmd: "publish" as const, brokerId: "", brokerCounter: 0, dup: false, retain: false };
  return { ...common, topic, payload: NO_PAYLOAD, qos: 2, messageId };
}

function storeFailed(error: unknown): WaypostError {
  const why = `the store failed: ${error instanceof Error ? error.message : String(error)}`;
  return new WaypostError("ERR_STORE", why, { cause: error });
}
