import { Duplex } from "node:stream";

/** Of the protocol level in a CONNECT: the client is a bridge (a convention of Mosquitto's). */
const BRIDGE_BIT = 0x80;

/**
 * What MQTT.js sees of the connection to an upstream: all but PUBLISH and what acknowledges it.
 */
export class HandshakeStream extends Duplex {
  readonly #send: (bytes: Buffer) => void;
  readonly #ended: () => void;
  /** The beginning of CONNECT, which is to say that a bridge connects; null where that is done, or not to be. */
  #connect: Buffer | null;

  constructor(parts: { isBridge: boolean; send: (bytes: Buffer) => void; ended: () => void }) {
    super();
    this.#send = parts.send;
    this.#ended = parts.ended;
    this.#connect = parts.isBridge ? Buffer.alloc(0) : null;
  }

  /** A frame came. It is copied: the chunk that it lies in may live shorter. */
  came(chunk: Buffer, start: number, end: number): void {
    this.push(Buffer.from(chunk.subarray(start, end)));
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#connect === null) this.#send(chunk);
    else this.#sendMarked(Buffer.concat([this.#connect, chunk]));
    done();
  }

  override _final(done: () => void): void {
    this.#ended();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#ended();
    done(error);
  }

  /** The level stands behind the fixed header and the protocol's name. */
  #sendMarked(bytes: Buffer): void {
    let at = 1;
    while (at < bytes.length && (bytes[at] as number) & 0x80) at++;
    at++;
    const levelAt = at + 2 + (at + 2 <= bytes.length ? bytes.readUInt16BE(at) : 0);
    if (levelAt >= bytes.length) {
      this.#connect = bytes;
      return;
    }
    bytes[levelAt] = (bytes[levelAt] as number) | BRIDGE_BIT;
    this.#connect = null;
    this.#send(bytes);
  }
}
