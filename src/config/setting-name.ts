import { userNameMistake } from "../authentication/user-name.ts";
import { destinationNameMistake } from "../topic/destination-name.ts";

/** Listener names: they become parts of environment variable names and of log lines. */
export const listenerNamePattern = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;

/** Sections that are maps of destinations, and what such a name is called. */
const destinations: ReadonlyMap<string, string> = new Map([
  ["queues", "queue"],
  ["groups", "group"],
  ["bridges", "bridge"],
]);

/** Why a name that the user chose cannot stand at this path (`["listeners"]`, `["authentication", "users"]`); undefined where it can. */
export function settingNameMistake(name: string, path: readonly string[]): string | undefined {
  if (path.join(".") === "authentication.users") {
    const mistake = userNameMistake(name);
    return mistake === undefined ? undefined : `is no user name: ${mistake}`;
  }
  const destination = destinations.get(path.join("."));
  if (destination !== undefined) {
    const mistake = destinationNameMistake(name);
    return mistake === undefined ? undefined : `is no ${destination} name: ${mistake}`;
  }
  if (path.join(".") !== "listeners" || listenerNamePattern.test(name)) return undefined;
  return "is no listener name: use letters, digits and hyphens, a letter first";
}

/** Whether the keys at this path are names of queues, groups or bridges, which may be any, `__proto__` too. */
export function areDestinationNames(path: readonly string[]): boolean {
  return path.length === 1 && destinations.has(path[0] ?? "");
}
