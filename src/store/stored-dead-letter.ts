import type { Message } from "./message.ts";

/** A message that could not be delivered, and why. */
export interface StoredDeadLetter {
  /** Counted on its own: no number of a message. */
  id: number;
  reason: string;
  /** When, in milliseconds since the Unix epoch. */
  at: number;
  destination: { kind: string; name: string };
  /** How often it was sent on its way again. */
  requeues: number;
  message: Message;
}
