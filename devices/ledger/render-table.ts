import type { FlowTally } from "./flow-tally.ts";

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
  const rows = [titles, ...tallies.map(cells)];
  const widths = titles.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  return lines.join("\n");
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

function withPermitted(count: number, permitted: number): string {
  return permitted === 0 ? String(count) : `${count} (${permitted} ok)`;
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? "-" : value.toFixed(value < 10 ? 2 : 1);
}
