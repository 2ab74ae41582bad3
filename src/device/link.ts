import type { Client } from "../broker/edge-broker.ts";

/** Something that has no room, so that publishers have to wait. */
export interface Blocker {
  /** The connection that makes room by reading; null where it is not a connection that does. */
  readonly connection: Link | null;
  /** The publisher's connection is gone. */
  abandoned(publisher: Link): void;
}

/** What a device sees of its connection. */
export interface Link extends Client {
  readonly closed: boolean;
  /** Bytes that the peer has not taken. */
  readonly unsentBytes: number;
  /** Whose connection it is; null before and after. */
  readonly device: { readonly depth: number } | null;
  /** What it waits for; while that is anything, the peer is not read. */
  readonly blockers: ReadonlySet<Blocker>;
  /** Sends the bytes of `buffer` from `start` to `end`; they must stay as they are. */
  send(buffer: Buffer, start: number, end: number): void;
  sendAcknowledgement(firstByte: number, packetId: number): void;
  block(by: Blocker): void;
  unblock(by: Blocker): void;
  /** Closes because of an error; a no-op where it is closed. */
  fail(error: unknown): void;
}

/** Whether `publisher` would wait for itself if it waited for `receiver`, maybe around several corners: for ever, then. */
export function waitsForItself(publisher: Link, receiver: Link | null, seen = new Set<Link>()): boolean {
  if (receiver === null || seen.has(receiver)) return false;
  if (receiver === publisher) return true;
  seen.add(receiver);
  for (const { connection } of receiver.blockers) if (waitsForItself(publisher, connection, seen)) return true;
  return false;
}
