import type { Load } from "./lane.ts";
import type { Storing } from "./storing.ts";

/** More than is ever on its way where consumers are there: a queue that refused would be measured as a fast one. */
const messagesMax = 100_000;

/** What a broker is asked to have for a load on the queue `bench`. */
export function queueStoring(load: Load): Storing {
  return {
    mailboxMessagesMax: load.messagesMax ?? messagesMax,
    queue: load.keys === undefined ? "least-busy" : "by-key",
  };
}
