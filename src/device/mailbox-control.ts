import type { Message } from "../store/message.ts";

/** A mailbox as those see it who look after a running gateway. */
export interface MailboxControl {
  readonly waiting: {
    readonly messages: number;
    readonly bytes: number;
    /** When the oldest came, in seconds since the Unix epoch; undefined where none waits. */
    readonly oldestAt: number | undefined;
    /** Sent and not acknowledged. */
    readonly inFlight: number;
  };
  /** What waits stays there, and what comes waits too; QoS 0, which does not wait, passes. */
  isPaused: boolean;
  /** Takes out what waits, oldest first and at most `max`; the store still has it. To be put back, or forgotten, in the same turn. */
  drain(max: number): Message[];
  /** Takes back in what `drain` took out. */
  putBack(messages: readonly Message[]): void;
  /** What was taken out need not be delivered any more. */
  forget(message: Message): void;
  /** Takes a message in if it is there for more, and if there is room for it without another one going; says whether it did. */
  offer(message: Message): boolean;
}
