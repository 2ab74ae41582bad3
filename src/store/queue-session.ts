/** Client ids never contain U+0000: no device can have such a session. */
const ID_PREFIX = "\0queue/";

/** The id of the session that is the mailbox of the queue of this name. */
export function queueSessionId(name: string): string {
  return ID_PREFIX + name;
}

/** The name of the queue that the session is the mailbox of; undefined where it is another's. */
export function queueNameOf(sessionId: string): string | undefined {
  return sessionId.startsWith(ID_PREFIX) ? sessionId.slice(ID_PREFIX.length) : undefined;
}
