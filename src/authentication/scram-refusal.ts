import { WaypostError } from "../waypost-error.ts";

/** The client is understood, and not let in. `text` says why; it is for the log. */
export function refused(text: string): WaypostError {
  return new WaypostError("ERR_NOT_AUTHORIZED", `authentication by SCRAM-SHA-256: the client is refused, ${text}`);
}
