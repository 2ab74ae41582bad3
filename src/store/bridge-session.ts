/** Client ids never contain U+0000: no device can have such a session. */
export const BRIDGE_ID_PREFIX = "\0bridge/";

/** The id of the session that is the mailbox of the bridge of this name. */
export function bridgeSessionId(name: string): string {
  return BRIDGE_ID_PREFIX + name;
}

/** The name of the bridge that the session is the mailbox of; undefined where it is another's. */
export function bridgeNameOf(sessionId: string): string | undefined {
  return sessionId.startsWith(BRIDGE_ID_PREFIX) ? sessionId.slice(BRIDGE_ID_PREFIX.length) : undefined;
}
