const PREFIX = "$reply/";

/** Below it a client finds the answers to its requests; nobody else may subscribe there. Ends with a slash. */
export function replyPrefixOf(clientId: string): string {
  return `${PREFIX}${levelOf(clientId)}/`;
}

/** Whether a filter asks for answers to somebody else's requests. */
export function isForeignReply(filter: string, clientId: string): boolean {
  return filter.startsWith(PREFIX) && !filter.startsWith(replyPrefixOf(clientId));
}

/** A client id as a level of a topic: whatever would be more than that is percent-encoded. */
function levelOf(clientId: string): string {
  return clientId.replace(
    /[%/+#$\p{Cc}]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
