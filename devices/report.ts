import type { FlowTally } from "./ledger/flow-tally.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { renderTable } from "./ledger/render-table.ts";
import { judge } from "./ledger/verdict.ts";
import type { DevicesOptions } from "./options.ts";

/** What `--json` writes. */
export type Report = {
  scenario: string;
  run: string;
  seed: number;
  devices: number;
  seconds: number;
  interrupted: boolean;
  passed: boolean;
  problems: string[];
  examples: string[];
  /** Warnings and errors of a gateway that this run started. */
  gatewayComplaints: string[];
  flows: FlowTally[];
};

const linesMax = 15;

export function createReport(
  { scenario, seed, devices, seconds }: DevicesOptions,
  outcome: { run: string; ledger: Ledger; interrupted: boolean; gatewayComplaints: string[] },
): Report {
  const { run, ledger, interrupted, gatewayComplaints } = outcome;
  const flows = ledger.tally();
  // What was on its way when the user stopped the run is not lost, so there is no verdict.
  const verdict = interrupted ? { passed: false, problems: [], examples: [] } : judge(flows, ledger.incidents);
  return { scenario: scenario.name, run, seed, devices, seconds, interrupted, ...verdict, gatewayComplaints, flows };
}

/** The report as text, with a newline at its end. */
export function renderReport(report: Report, quiet: boolean): string {
  const parts: string[] = [];
  if (!quiet) {
    const what = `${report.scenario}: ${report.devices} devices, ${report.seconds} s, seed ${report.seed}`;
    parts.push(`${what}, run ${report.run}`, "", renderTable(report.flows), "");
  }
  parts.push(...verdictLines(report));
  return `${parts.join("\n")}\n`;
}

function verdictLines(report: Report): string[] {
  if (report.interrupted) return ["INTERRUPTED: what arrived so far, not a verdict"];
  if (report.passed) {
    const sum = (count: (flow: FlowTally) => number) => report.flows.reduce((total, flow) => total + count(flow), 0);
    const delivered = `${sum((flow) => flow.received)} of ${sum((flow) => flow.expected)} deliveries`;
    return [`PASSED: ${delivered} of ${sum((flow) => flow.sent)} messages, nothing beyond what their QoS permits`];
  }
  const lines = ["FAILED", ...report.problems.map((problem) => `  ${problem}`)];
  if (report.examples.length > 0) lines.push("for example", ...firstOf(report.examples));
  if (report.gatewayComplaints.length > 0) lines.push("the gateway logged", ...firstOf(report.gatewayComplaints));
  return lines;
}

function firstOf(texts: readonly string[]): string[] {
  const shown = texts.slice(0, linesMax).map((text) => `  ${text}`);
  return texts.length > linesMax ? [...shown, `  and ${texts.length - linesMax} more`] : shown;
}
