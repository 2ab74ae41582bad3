import { saslPrepared } from "./sasl-prepared.ts";

const charactersMax = 128;

/** Why a name cannot be that of a user in a configuration, to follow "is no user name: "; undefined where it can. */
export function userNameMistake(name: string): string | undefined {
  if (name === "" || name.length > charactersMax) return `it must have 1 to ${charactersMax} characters`;
  if (name === "__proto__") return "a configuration cannot hold it, choose another";
  const prepared = saslPrepared(name);
  if (prepared === undefined) return "it has characters that cannot be printed, leave them out";
  return prepared === name
    ? undefined
    : `clients that authenticate by SCRAM send it as ${JSON.stringify(prepared)}, write that`;
}
