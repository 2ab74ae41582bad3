import type { Duplex } from "node:stream";
import { Connection, type ConnectionOwner } from "../device/connection.ts";
import type { DeviceContext } from "../device/device-context.ts";
import type { Pace } from "./pace.ts";

/** A connection that the gateway opened itself, and on which it keeps below its ceiling of bytes. */
export class UpstreamConnection extends Connection {
  override isBridge = true;
  override readonly isOutgoing = true;
  readonly #pace: Pace;
  bytesSent = 0;
  #hasCome = false;
  /** Bytes that the peer had taken when it was last looked. */
  #taken = 0;

  constructor(id: string, stream: Duplex, context: DeviceContext, owner: ConnectionOwner, pace: Pace) {
    super(stream, undefined, context, owner);
    this.id = id;
    this.clean = false;
    this.#pace = pace;
    stream.on("data", () => {
      this.#hasCome = true;
    });
  }

  /**
   * Whether bytes have come since this was last asked, a packet or a part of one; or the peer, that has not taken all that was
   * sent, has taken some of it: on a slow line an answer may be long in coming.
   */
  takeSignOfLife(): boolean {
    const unsent = super.unsentBytes;
    const taken = this.bytesSent - unsent;
    const isAlive = this.#hasCome || (unsent > 0 && taken > this.#taken);
    this.#hasCome = false;
    this.#taken = taken;
    return isAlive;
  }

  /** While nothing may be sent, it is as if the peer took nothing. */
  override get unsentBytes(): number {
    return this.#pace.isOpen ? super.unsentBytes : Number.POSITIVE_INFINITY;
  }

  override send(buffer: Buffer, start: number, end: number): void {
    this.#spend(end - start);
    super.send(buffer, start, end);
  }

  override sendAnswer(buffer: Buffer, start: number, end: number): void {
    this.#spend(end - start);
    super.sendAnswer(buffer, start, end);
  }

  #spend(bytes: number): void {
    this.bytesSent += bytes;
    this.#pace.spend(bytes);
  }
}
