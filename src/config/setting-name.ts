import { userNameMistake } from "../authentication/user-name.ts";

/** Listener names: they become parts of environment variable names and of log lines. */
export const listenerNamePattern = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;

/** Why a name that the user chose cannot stand at this path (`["listeners"]`, `["authentication", "users"]`); undefined where it can. */
export function settingNameMistake(name: string, path: readonly string[]): string | undefined {
  if (path.join(".") === "authentication.users") {
    const mistake = userNameMistake(name);
    return mistake === undefined ? undefined : `is no user name: ${mistake}`;
  }
  if (path.join(".") !== "listeners" || listenerNamePattern.test(name)) return undefined;
  return "is no listener name: use letters, digits and hyphens, a letter first";
}
