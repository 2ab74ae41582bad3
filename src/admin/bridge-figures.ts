import type { BridgeReport } from "../bridge/bridge-report.ts";

/** Begins the names of all figures of bridges. */
export const bridgeFiguresBelow = "connection/";

/**
 * Bridges as names below `$SYS/broker/`, and values. `state` is Mosquitto's: `1` while messages pass, else `0`, so that a
 * bridge that is connected to an upstream which acknowledges nothing has `0`.
 */
export function bridgeFigures(reports: readonly BridgeReport[]): Record<string, number | string> {
  return Object.fromEntries(
    reports.flatMap((report) =>
      Object.entries(figuresOf(report)).map(([name, value]) => [`${bridgeFiguresBelow}${report.name}/${name}`, value]),
    ),
  );
}

function figuresOf(report: BridgeReport): Record<string, number | string> {
  const { state, totals, messages, bytes, oldestSeconds, inFlight, drops, lastError, since, url } = report;
  return {
    state: state === "connected" ? 1 : 0,
    since,
    ...(url === null ? {} : { url }),
    ...(lastError === null ? {} : { "last-error": lastError.message }),
    "messages/forwarded": totals.forwarded,
    "messages/received": totals.received,
    "backlog/messages": messages,
    "backlog/bytes": bytes,
    "backlog/oldest": oldestSeconds ?? 0,
    "in-flight": inFlight,
    ...Object.fromEntries(Object.entries(drops).map(([reason, count]) => [`drops/${reason}`, count])),
  };
}
