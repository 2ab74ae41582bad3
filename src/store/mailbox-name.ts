import { bridgeNameOf, bridgeSessionId } from "./bridge-session.ts";
import { queueNameOf, queueSessionId } from "./queue-session.ts";
import { sharedNameOf, sharedSessionId } from "./shared-session.ts";

const QUEUE_PREFIX = "$queue/";
const BRIDGE_PREFIX = "$bridge/";

/**
 * What the receiver is called whose mailbox the session is: `$queue/<name>`, `$bridge/<name>` or `$share/<group>/<filter>`;
 * undefined for a device.
 */
export function mailboxName(sessionId: string): string | undefined {
  const queue = queueNameOf(sessionId);
  if (queue !== undefined) return QUEUE_PREFIX + queue;
  const bridge = bridgeNameOf(sessionId);
  return bridge === undefined ? sharedNameOf(sessionId) : BRIDGE_PREFIX + bridge;
}

/** The id of the session with this `mailboxName`. */
export function mailboxSessionId(name: string): string {
  if (name.startsWith(QUEUE_PREFIX)) return queueSessionId(name.slice(QUEUE_PREFIX.length));
  if (name.startsWith(BRIDGE_PREFIX)) return bridgeSessionId(name.slice(BRIDGE_PREFIX.length));
  return sharedSessionId(name);
}
