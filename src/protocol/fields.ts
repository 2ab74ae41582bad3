import { WaypostError } from "../waypost-error.ts";
import { reasonCode } from "./reason-code.ts";
import { readText } from "./text.ts";

/** Walks the fields of a frame's body; every read past its end is a malformed packet. */
export class Fields {
  readonly chunk: Buffer;
  readonly #packet: string;
  #at: number;
  #end: number;

  /** The bytes of `chunk` from `body` to `end`; `packet` names it in errors. */
  constructor(chunk: Buffer, body: number, end: number, packet: string) {
    this.chunk = chunk;
    this.#at = body;
    this.#end = end;
    this.#packet = packet;
  }

  get at(): number {
    return this.#at;
  }

  get done(): boolean {
    return this.#at === this.#end;
  }

  malformed(why: string): never {
    throw new WaypostError("ERR_MALFORMED_PACKET", `malformed ${this.#packet}: ${why}`);
  }

  violation(why: string, code: number = reasonCode.protocolError): never {
    throw new WaypostError("ERR_PROTOCOL_VIOLATION", `protocol error in ${this.#packet}: ${why}`, { reasonCode: code });
  }

  skip(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#end) this.malformed("it ends in the middle of a field");
    this.#at += bytes;
    return at;
  }

  byte(): number {
    return this.chunk[this.skip(1)] as number;
  }

  uint16(): number {
    return this.chunk.readUInt16BE(this.skip(2));
  }

  uint32(): number {
    return this.chunk.readUInt32BE(this.skip(4));
  }

  /** [MQTT-1.5.5-1]: the shortest form only. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) {
        if (byte === 0 && shift > 0) this.malformed("a variable byte integer is longer than it need be");
        return value;
      }
    }
    return this.malformed("a variable byte integer has more than four bytes");
  }

  packetId(): number {
    const packetId = this.uint16();
    if (packetId === 0) this.malformed("the packet id is 0"); // [MQTT-2.3.1-1]
    return packetId;
  }

  /** Binary data, as a slice of the chunk. */
  bytes(): Buffer {
    const length = this.uint16();
    const at = this.skip(length);
    return this.chunk.subarray(at, at + length);
  }

  text(what: string): string {
    const length = this.uint16();
    return readText(this.chunk, this.skip(length), length, what);
  }

  /** Calls back for what lies in the next `length` bytes: they must be read to their end, and no further. */
  within(length: number, read: () => void): void {
    const outer = this.#end;
    const end = this.#at + length;
    if (end > outer) this.malformed("it ends in the middle of its properties");
    this.#end = end;
    read();
    this.#end = outer;
  }
}
