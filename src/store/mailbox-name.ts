import { queueNameOf, queueSessionId } from "./queue-session.ts";
import { sharedNameOf, sharedSessionId } from "./shared-session.ts";

const QUEUE_PREFIX = "$queue/";

/** What the receiver is called whose mailbox the session is: `$queue/<name>` or `$share/<group>/<filter>`; undefined for a device. */
export function mailboxName(sessionId: string): string | undefined {
  const queue = queueNameOf(sessionId);
  return queue === undefined ? sharedNameOf(sessionId) : QUEUE_PREFIX + queue;
}

/** The id of the session with this `mailboxName`. */
export function mailboxSessionId(name: string): string {
  return name.startsWith(QUEUE_PREFIX) ? queueSessionId(name.slice(QUEUE_PREFIX.length)) : sharedSessionId(name);
}
