import type { EdgeBroker } from "../broker/edge-broker.ts";
import type { MailboxControl } from "../device/mailbox-control.ts";
import { AT_ONCE, nextTurn } from "./in-turns.ts";

/** Forgets what waits. Returns how many. */
export async function purge(mailbox: MailboxControl): Promise<number> {
  let messages = 0;
  // What comes meanwhile stays, or this might never end.
  for (let left = mailbox.waiting.messages; left > 0; await nextTurn()) {
    const some = mailbox.drain(Math.min(left, AT_ONCE));
    if (some.length === 0) break;
    for (const message of some) mailbox.forget(message);
    messages += some.length;
    left -= some.length;
  }
  mailbox.putBack([]);
  return messages;
}

/**
 * Moves what waits, oldest first and at most `max`, to the end of the other line, as far as there is room. Each message is in
 * one of them at any moment, on the disk too.
 */
export async function move(
  from: MailboxControl,
  to: MailboxControl,
  broker: EdgeBroker,
  max: number,
): Promise<{ messages: number; left: number }> {
  let messages = 0;
  let isFull = false;
  for (let left = Math.min(max, from.waiting.messages); left > 0 && !isFull; await nextTurn()) {
    const some = from.drain(Math.min(left, AT_ONCE));
    if (some.length === 0) break;
    const stay: typeof some = [];
    for (const message of some) {
      // Under a number of its own: both may have had the message, and a session knows no number from before it began.
      isFull ||= !to.offer(message.sentOn(broker.id, ++broker.counter).forOne());
      if (isFull) stay.push(message);
      else {
        from.forget(message);
        messages++;
      }
    }
    from.putBack(stay);
    left -= some.length;
  }
  return { messages, left: from.waiting.messages };
}
