import { WaypostError } from "../waypost-error.ts";

/** What `waypost` exits with. A second signal exits with 128 + its number at once: 130 for SIGINT, 143 for SIGTERM. */
export const exitCodes = { ok: 0, runtime: 1, usage: 2, configuration: 3, timeout: 27 } as const;

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof WaypostError)) return exitCodes.runtime;
  switch (error.code) {
    case "ERR_USAGE":
      return exitCodes.usage;
    case "ERR_CONFIG_INVALID":
    case "ERR_CONFIG_UNREADABLE":
      return exitCodes.configuration;
    default:
      return exitCodes.runtime;
  }
}
