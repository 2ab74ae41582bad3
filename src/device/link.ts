import type { Client } from "../broker/edge-broker.ts";
import type { WireVersion } from "../store/message.ts";
import type { Terms } from "./terms.ts";

/** Something that has no room, so that publishers have to wait. */
export interface Blocker {
  /** Whether it makes no room before this publisher is read again. `seen`: connections that were asked already. */
  waitsFor(publisher: Link, seen: Set<Link>): boolean;
  /** The publisher's connection is gone. */
  abandoned(publisher: Link): void;
}

/** What a device sees of its connection. */
export interface Link extends Client {
  readonly closed: boolean;
  /** Its peer is a bridge. */
  readonly isBridge: boolean;
  readonly terms: Terms;
  /** Bytes that the peer has not taken. */
  readonly unsentBytes: number;
  /** Whose connection it is; null before and after. */
  readonly device: { readonly depth: number } | null;
  /** What it waits for; while that is anything, the peer is not read. */
  readonly blockers: ReadonlySet<Blocker>;
  /** Sends the bytes of `buffer` from `start` to `end`; they must stay as they are. */
  send(buffer: Buffer, start: number, end: number): void;
  /** `code` is for MQTT 5 peers only. */
  sendAcknowledgement(firstByte: number, packetId: number, code?: number, why?: string): void;
  block(by: Blocker): void;
  unblock(by: Blocker): void;
  /** Closes because of an error; a no-op where it is closed. */
  fail(error: unknown): void;
}

/** The form in which a connection takes messages; that of 3.1.1 where there is none yet. */
export function wireVersionOf(connection: Link | null): WireVersion {
  return connection?.version === 5 ? 5 : 4;
}

/** Whether `publisher` would wait for itself if it waited for `receiver`, maybe around several corners: for ever, then. */
export function waitsForItself(publisher: Link, receiver: Link | null, seen: Set<Link>): boolean {
  if (receiver === null || seen.has(receiver)) return false;
  if (receiver === publisher) return true;
  seen.add(receiver);
  for (const blocker of receiver.blockers) if (blocker.waitsFor(publisher, seen)) return true;
  return false;
}
