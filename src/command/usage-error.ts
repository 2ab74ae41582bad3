import { WaypostError } from "../waypost-error.ts";

/** What was asked for cannot be meant: exit code 2. `text` names the option and what to do. */
export function usageError(text: string): WaypostError {
  return new WaypostError("ERR_USAGE", text);
}
