import type { Acceptance } from "./acceptance.ts";
import type { MessageRecord } from "./message-record.ts";
import { settled } from "./settled.ts";

/** What a store does with what it is told beside holding it in memory. */
export interface Journal {
  /** A message has to be written, unless all its receivers settle it before. */
  add(record: MessageRecord): void;
  /** One more receiver of a message that is written: accepted as the record of a message is. */
  addReceiver(record: MessageRecord, clientId: string): Acceptance;
  /** A receiver was taken off the record: it need not get the message any more. */
  settled(record: MessageRecord, clientId: string): void;
  /** The message was sent to this receiver, which has not acknowledged it. */
  sent(record: MessageRecord, clientId: string): void;
  /** What is kept under these keys has changed; it is written before long. */
  changed(...keys: string[]): void;
  /** As `changed`, at once: resolves when it is as durable as the store promises. */
  commit(...keys: string[]): PromiseLike<void>;
  /** Resolves when everything that was told before is as durable as the store promises. */
  durable(): PromiseLike<void>;
  /** Writes at once what was told and nobody waits for; resolves when it is as durable as the store promises. */
  written(): PromiseLike<void>;
}

/** That of a store in memory. */
export const noJournal: Journal = {
  add: (record) => record.accept(),
  addReceiver: (record) => record,
  settled: () => {},
  sent: () => {},
  changed: () => {},
  commit: () => settled,
  durable: () => settled,
  written: () => settled,
};
