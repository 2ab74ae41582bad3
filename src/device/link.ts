import type { Client } from "../broker/edge-broker.ts";

/** What a device sees of its connection. */
export interface Link extends Client {
  /** Bytes that the peer has not taken. */
  readonly unsentBytes: number;
  /** Sends the bytes of `buffer` from `start` to `end`; they must stay as they are. */
  send(buffer: Buffer, start: number, end: number): void;
  sendAcknowledgement(firstByte: number, packetId: number): void;
  /** Closes because of an error; a no-op where it is closed. */
  fail(error: unknown): void;
}
