/** Client ids never contain U+0000: no device can have such a session. */
const ID_PREFIX = "\0share/";
const FILTER_PREFIX = "$share/";

/** The id of the session that is the mailbox of a shared subscription, of which `$share/<group>/<filter>` is the name. */
export function sharedSessionId(name: string): string {
  return ID_PREFIX + name.slice(FILTER_PREFIX.length);
}

/** The name of the shared subscription that the session is the mailbox of; undefined where it is a device's. */
export function sharedNameOf(sessionId: string): string | undefined {
  return sessionId.startsWith(ID_PREFIX) ? FILTER_PREFIX + sessionId.slice(ID_PREFIX.length) : undefined;
}
