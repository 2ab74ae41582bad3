/** Does a pattern of a group's members match this client id? `*` stands for any characters, `?` for one. */
export function memberMatches(pattern: string, clientId: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "su").test(clientId);
}
