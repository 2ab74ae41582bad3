import { writePublish } from "../protocol/publish-frame.ts";
import type { Message } from "../store/message.ts";
import type { StoredPublish } from "../store/stored-packets.ts";
import type { DeviceContext } from "./device-context.ts";
import type { Link } from "./link.ts";

/** Brings one message to one connection: may it be forwarded, and in which bytes? */
export class Forwarder {
  readonly #context: DeviceContext;

  constructor(context: DeviceContext) {
    this.#context = context;
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

  /** In the bytes that all its receivers get. */
  send(message: Message, connection: Link): void {
    message.write();
    connection.send(message.wire as Buffer, message.wireStart, message.wireEnd);
    this.#context.counters.publishesSent++;
  }

  /** In bytes of its own: under another packet id, or again. */
  sendApart(message: Message, packetId: number, dup: boolean, connection: Link): void {
    const place = writePublish(this.#context.frames, message, packetId, dup);
    connection.send(place.buffer, place.start, place.end);
    this.#context.counters.publishesSent++;
  }
}
