import type { Log } from "../log.ts";
import { exitCodes } from "./exit-code.ts";

/** After an error that nobody handled, the state of the process is unknown: log it and exit 1, so that it is restarted. */
export function logCrashes(log: Log): void {
  let crashed = false;
  const crash = (kind: string) => (error: unknown) => {
    // Writing the log line can fail too (a terminal that is gone).
    if (!crashed) {
      crashed = true;
      log.error({ error, fatal: true }, `fatal: ${kind}, the gateway ends: this is a defect, please report it`);
    }
    process.exit(exitCodes.runtime);
  };
  process.on("uncaughtException", crash("uncaught exception"));
  process.on("unhandledRejection", crash("unhandled rejection"));
}
