import type { FlowTally } from "./flow-tally.ts";
import { milliseconds, renderRows, withPermitted } from "./render-rows.ts";

const titles = [
  "flow",
  "QoS",
  "sent",
  "expected",
  "received",
  "waited",
  "lost",
  "duplicated",
  "out of order",
  "late",
  "foreign",
  "corrupted",
  "altered",
  "unacked",
  "p50 ms",
  "p99 ms",
];

/** The report's table, without a newline at its end. `1 (1 ok)` is a count whose part in brackets MQTT permits. */
export function renderTable(tallies: readonly FlowTally[]): string {
  return renderRows([titles, ...tallies.map(cells)]);
}

function cells(tally: FlowTally): string[] {
  return [
    tally.flow,
    tally.qos === undefined ? "-" : String(tally.qos),
    String(tally.sent),
    String(tally.expected),
    String(tally.received),
    String(tally.waited),
    withPermitted(tally.lost, tally.lostPermitted),
    withPermitted(tally.duplicated, tally.duplicatedPermitted),
    String(tally.reordered),
    String(tally.late),
    String(tally.foreign),
    String(tally.corrupted),
    String(tally.altered),
    withPermitted(tally.unacknowledged, tally.unacknowledgedPermitted),
    milliseconds(tally.latencyMsP50),
    milliseconds(tally.latencyMsP99),
  ];
}
