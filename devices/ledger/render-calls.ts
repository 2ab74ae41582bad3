import type { CallTally } from "./call-tally.ts";
import { milliseconds, renderRows, withPermitted } from "./render-rows.ts";

const titles = [
  "calls",
  "made",
  "answered",
  "nobody",
  "failed honestly",
  "unanswered",
  "wrong",
  "foreign",
  "twice",
  "late",
  "p50 ms",
  "p99 ms",
];

/** The report's table of calls. */
export function renderCalls(tallies: readonly CallTally[]): string {
  return renderRows([titles, ...tallies.map(cells)]);
}

function cells(tally: CallTally): string[] {
  return [
    tally.service,
    String(tally.calls),
    String(tally.answered),
    String(tally.nobody),
    String(tally.failedHonestly),
    String(tally.unanswered),
    String(tally.wrong),
    String(tally.foreign),
    withPermitted(tally.answeredTwice, tally.answeredTwicePermitted),
    String(tally.late),
    milliseconds(tally.latencyMsP50),
    milliseconds(tally.latencyMsP99),
  ];
}
