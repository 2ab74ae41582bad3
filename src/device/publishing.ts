import type { Client, PublishFrom } from "../broker/edge-broker.ts";
import type { PublishPacket } from "../protocol/publish-frame.ts";
import { isFailure, reasonCode, reasonCodeOf } from "../protocol/reason-code.ts";
import type { Message } from "../store/message.ts";
import { WaypostError } from "../waypost-error.ts";
import { AcknowledgementLine } from "./acknowledgement-line.ts";
import type { Connection } from "./connection.ts";
import type { DeviceContext } from "./device-context.ts";
import type { Blocker, Link } from "./link.ts";

/** Brings what devices publish to aedes, and knows what of it has to be waited for before it is acknowledged. */
export class Publishing {
  readonly #context: DeviceContext;
  /** What publishers wait for while the disk is slow or full. */
  readonly #disk: Blocker = {
    waitsFor: () => false,
    abandoned: (publisher) => void this.#heldBack.delete(publisher),
  };
  readonly #heldBack = new Set<Link>();

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  /** Calls back once aedes and its `published` hook are through. */
  publish(connection: Connection, packet: PublishPacket, done: (error?: unknown) => void): void {
    const { broker } = this.#context;
    const publish = packet.properties === undefined ? broker.publishPlain : (broker.publish as unknown as PublishFrom);
    publish.call(broker, packet as never, connection as Client, done);
  }

  /** What an MQTT 5 publisher is told of the message that was published just before. */
  outcome({ retain }: PublishPacket): number {
    const { router, residence } = this.#context.broker;
    const code = router.outcome();
    // There may be more receivers than the router knows; and a message that is retained was taken.
    if (!residence.hostsAll || (retain && isFailure(code))) return reasonCode.success;
    return code;
  }

  /** Aedes may have told the store of the message itself: to retain it, or for sessions that have no device just now. */
  toldStore({ retain }: PublishPacket): boolean {
    return retain || !this.#context.broker.residence.hostsAll;
  }

  /** What aedes told the store, that takes at once; it is not on the disk yet. */
  whenCertain(message: Message | null, toldStore: boolean, done: (error?: unknown) => void): void {
    const taken = toldStore
      ? (error?: unknown) => (error ? done(error) : this.#context.broker.store.durable().then(() => done()))
      : done;
    if (message === null) taken();
    else message.whenAccepted(taken);
  }

  /** So much may wait to be written that this publisher had better wait too. */
  holdBackIfCongested(connection: Connection): void {
    if (!this.#context.broker.store.congested || connection.closed) return;
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
}

/** For what is done in a promise's turn: a hook that throws there costs its client the connection, as it does elsewhere. */
export function guarded(connection: Connection, work: () => void): void {
  try {
    work();
  } catch (error) {
    connection.fail(error);
  }
}

/** Where the acknowledgements of a connection wait for their turn. */
export function lineOf(connection: Connection): AcknowledgementLine {
  connection.acknowledgements ??= new AcknowledgementLine(connection);
  return connection.acknowledgements;
}

export function publishFailed(error: unknown, topic: string): WaypostError {
  if (error instanceof WaypostError) return error;
  const why = `a message to ${topic} was not accepted: ${error instanceof Error ? error.message : String(error)}`;
  // The `published` hook may say what the peer is to be told.
  return new WaypostError("ERR_STORE", why, { cause: error, reasonCode: reasonCodeOf(error) });
}
