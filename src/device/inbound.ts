import type { Client, PublishFrom } from "../broker/edge-broker.ts";
import { firstByte } from "../protocol/packet-type.ts";
import type { PublishPacket } from "../protocol/publish-frame.ts";
import type { Message } from "../store/message.ts";
import { settled } from "../store/settled.ts";
import type { StoredPublish } from "../store/stored-packets.ts";
import { WaypostError } from "../waypost-error.ts";
import { type Acknowledgement, AcknowledgementLine } from "./acknowledgement-line.ts";
import type { Connection } from "./connection.ts";
import type { Device } from "./device.ts";
import type { DeviceContext } from "./device-context.ts";
import type { Blocker, Link } from "./link.ts";

const NO_PAYLOAD = Buffer.alloc(0);

/** What devices publish: may they, was it taken before, and the acknowledgement once the store has accepted it. */
export class Inbound {
  readonly #context: DeviceContext;
  /** What publishers wait for while the disk is slow or full. */
  readonly #disk: Blocker = {
    connection: null,
    abandoned: (publisher) => void this.#heldBack.delete(publisher),
  };
  readonly #heldBack = new Set<Link>();

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
    if (packet.qos === 0) return this.#publishUnacknowledged(connection, packet);
    if (packet.qos === 2) return this.#publishOnce(connection, packet);
    const { router, store } = this.#context.broker;
    let published = false;
    let place: Acknowledgement | null = null;
    const publish = this.#context.broker.publish as unknown as PublishFrom;
    router.handOver(packet.payload);
    publish.call(this.#context.broker, packet, connection as Client, (error) => {
      if (error) return connection.fail(publishFailed(error, packet.topic));
      published = true;
      if (place !== null) this.#whenCertain(null, this.#toldStore(packet), place.settle);
    });
    const message = router.handedOver();
    if (connection.closed) return;
    if (store.congested) this.#holdBack(connection);
    const isAccepted = published && message === null && !this.#toldStore(packet);
    // Nearly always the store accepts at once and nothing waits [MQTT-3.3.4-1] [MQTT-4.3.2-2].
    if (isAccepted && (connection.acknowledgements?.empty ?? true)) {
      return connection.sendAcknowledgement(firstByte.puback, packet.messageId);
    }
    place = lineOf(connection).add(firstByte.puback, packet.messageId);
    if (isAccepted) place.settle();
    else if (published) this.#whenCertain(message, this.#toldStore(packet), place.settle);
  }

  /** Aedes may have told the store of the message itself: to retain it, or for sessions that have no device just now. */
  #toldStore({ retain }: PublishPacket): boolean {
    return retain || !this.#context.broker.residence.hostsAll;
  }

  /** What aedes told the store, that takes at once; it is not on the disk yet. */
  #whenCertain(message: Message | null, toldStore: boolean, done: (error?: unknown) => void): void {
    const taken = toldStore
      ? (error?: unknown) => (error ? done(error) : this.#context.broker.store.durable().then(() => done()))
      : done;
    if (message === null) taken();
    else message.whenAccepted(taken);
  }

  /** So much waits to be written that this publisher had better wait too. */
  #holdBack(connection: Connection): void {
    if (this.#heldBack.size === 0) {
      this.#context.broker.store.whenRelieved(() => {
        const all = [...this.#heldBack];
        this.#heldBack.clear();
        for (const each of all) each.unblock(this.#disk);
      });
    }
    this.#heldBack.add(connection);
    connection.block(this.#disk);
  }

  #publishUnacknowledged(connection: Connection, packet: PublishPacket): void {
    const publish = this.#context.broker.publish as unknown as PublishFrom;
    publish.call(this.#context.broker, packet, connection as Client, (error) => {
      if (error) connection.fail(publishFailed(error, packet.topic));
    });
  }

  /** QoS 2: the packet id is noted before the message is published, so that a repetition is recognised [MQTT-4.3.3-2]. */
  #publishOnce(connection: Connection, packet: PublishPacket): void {
    const device = connection.device as Device;
    const { session } = device;
    const { messageId } = packet;
    session.inbound ??= new Map();
    const known = session.inbound.get(messageId);
    if (known !== undefined) return this.#repeated(connection, messageId, known);
    const limit = this.#context.settings.inboundInFlightMax;
    if (limit > 0 && session.inbound.size >= limit) {
      const why = `${session.inbound.size} QoS 2 messages wait for PUBREL, and the limit is ${limit}`;
      return connection.fail(new WaypostError("ERR_LIMIT_EXCEEDED", why));
    }
    const place = lineOf(connection).add(firstByte.pubrec, messageId);
    // A store that cannot list what it has was not asked when the session was loaded.
    if (packet.dup && !session.clean && this.#context.broker.store.shared)
      return this.#publishUnlessStored(connection, device, packet, place);
    this.#note(connection, device, packet, place);
  }

  /** A repetition is answered when the store has accepted the message, maybe at the hands of an earlier connection. */
  #repeated(connection: Connection, messageId: number, known: ((error?: unknown) => void)[] | null): void {
    const line = lineOf(connection);
    const place = line.add(firstByte.pubrec, messageId);
    if (known === null) return line.due(place);
    known.push((error) => {
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
        device.session.inbound?.set(packet.messageId, null);
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
    device.session.inbound?.set(packet.messageId, []);
    const noted = device.session.clean
      ? settled
      : this.#context.broker.store.incomingStorePacket(device, receipt(packet));
    let outstanding = 2;
    const oneDone = (error?: unknown) => {
      if (outstanding === 0) return; // it was withdrawn
      outstanding = error ? 0 : outstanding - 1;
      if (error) return this.#withdraw(connection, device, packet, error);
      if (outstanding > 0) return;
      const repetitions = device.session.inbound?.get(packet.messageId);
      device.session.inbound?.set(packet.messageId, null);
      place.settle(); // [MQTT-4.3.3-2]
      for (const answer of repetitions ?? []) answer();
    };
    const publish = () => {
      const published = this.#context.broker.publish as unknown as PublishFrom;
      published.call(this.#context.broker, packet, connection as Client, (error) => {
        if (error) oneDone(error);
        else this.#whenCertain(null, this.#toldStore(packet), oneDone);
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
      publish();
    } catch (error) {
      return oneDone(error); // a hook threw: nobody would ever settle it
    }
    noted.then(() => oneDone(), oneDone);
    if (this.#context.broker.store.congested && !connection.closed) this.#holdBack(connection);
  }

  /** The message was not published: the sender will repeat it, and then it must not be taken for known. */
  #withdraw(connection: Connection, device: Device, { messageId, topic }: PublishPacket, error: unknown): void {
    const failure = publishFailed(error, topic);
    const repetitions = device.session.inbound?.get(messageId);
    device.session.inbound?.delete(messageId);
    if (!device.session.clean) {
      this.#context.broker.store.incomingDelPacket(device, { messageId }).then(
        () => {},
        () => {},
      );
    }
    connection.fail(failure);
    for (const answer of repetitions ?? []) answer(failure);
  }
}

/** For what is done in a promise's turn: a hook that throws there costs its client the connection, as it does elsewhere. */
function guarded(connection: Connection, work: () => void): void {
  try {
    work();
  } catch (error) {
    connection.fail(error);
  }
}

function lineOf(connection: Connection): AcknowledgementLine {
  connection.acknowledgements ??= new AcknowledgementLine(connection);
  return connection.acknowledgements;
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
