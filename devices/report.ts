import type { CallTally } from "./ledger/call-tally.ts";
import type { FlowTally } from "./ledger/flow-tally.ts";
import type { JobTally } from "./ledger/job-tally.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { LineTally } from "./ledger/line-book.ts";
import { renderCalls } from "./ledger/render-calls.ts";
import { renderJobs } from "./ledger/render-jobs.ts";
import { renderLine } from "./ledger/render-line.ts";
import { renderTable } from "./ledger/render-table.ts";
import { judge } from "./ledger/verdict.ts";
import type { DevicesOptions } from "./options.ts";
import type { Protocol } from "./protocol-version.ts";

/** What `--json` writes. */
export type Report = {
  scenario: string;
  run: string;
  seed: number;
  devices: number;
  /** What `--protocol` said, and how many devices spoke which version of MQTT. */
  protocol: Protocol;
  speakers: Readonly<Record<string, number>>;
  seconds: number;
  /** How often the run killed its gateway. */
  kills: number;
  interrupted: boolean;
  passed: boolean;
  problems: string[];
  examples: string[];
  /** What the cloud was, and what befell the line to it; of a scenario with a cloud. */
  line?: LineTally & { cloud: string };
  /** Warnings and errors of a gateway that this run started. */
  gatewayComplaints: string[];
  /** Where the store of a gateway that this run started is kept for whoever has to find out why it failed. */
  storeDirectory?: string;
  flows: FlowTally[];
  /** One row per queue, and one per service that was called. */
  jobs: JobTally[];
  calls: CallTally[];
};

const linesMax = 15;

/** How a run went. */
export type Outcome = Pick<Report, "run" | "speakers" | "kills" | "interrupted" | "gatewayComplaints"> & {
  ledger: Ledger;
  /** What the cloud was, if there was one. */
  cloud?: string;
};

export function createReport({ scenario, seed, devices, protocol, seconds }: DevicesOptions, outcome: Outcome): Report {
  const { run, speakers, ledger, kills, interrupted, gatewayComplaints, cloud = "" } = outcome;
  const flows = ledger.tally();
  const [jobs, calls] = [ledger.tallyJobs(), ledger.tallyCalls()];
  // What was on its way when the user stopped the run is not lost, so there is no verdict.
  const verdict = interrupted
    ? { passed: false, problems: [], examples: [] }
    : judge(flows, ledger.incidents, scenario, { jobs, calls });
  const setting = { scenario: scenario.name, run, seed, devices, protocol, speakers, seconds, kills };
  const tally = ledger.tallyLine();
  const line = tally === undefined ? {} : { line: { cloud, ...tally } };
  return { ...setting, interrupted, ...verdict, ...line, gatewayComplaints, flows, jobs, calls };
}

/** The report as text, with a newline at its end. */
export function renderReport(report: Report, quiet: boolean): string {
  const parts: string[] = [];
  if (!quiet) {
    const kills = report.kills === 0 ? "" : `, ${report.kills} kills`;
    // Sorted: an object gives a key that is a number before all others.
    const speakers = Object.entries(report.speakers)
      .sort()
      .map(([version, count]) => `${count} with MQTT ${version}`);
    const who = `${report.devices} devices (${speakers.join(", ")})`;
    const what = `${report.scenario}: ${who}, ${report.seconds} s${kills}, seed ${report.seed}`;
    parts.push(`${what}, run ${report.run}`, "", renderTable(report.flows), "");
    if (report.jobs.length > 0) parts.push(renderJobs(report.jobs), "");
    if (report.calls.length > 0) parts.push(renderCalls(report.calls), "");
    if (report.line !== undefined) parts.push(...renderLine(report.line), "");
    parts.push(...notes(report));
  }
  parts.push(...verdictLines(report));
  return `${parts.join("\n")}\n`;
}

/** What is no breach, and worth a look. */
function notes({ flows }: Report): string[] {
  const lines: string[] = [];
  const sum = (count: (flow: FlowTally) => number) => flows.reduce((total, flow) => total + count(flow), 0);
  const told = sum(({ toldOfNobody }) => toldOfNobody);
  if (told > 0) lines.push(`${told} messages reached nobody, and their senders with MQTT 5 were told so (0x10)`);
  const renumbered = sum((flow) => flow.renumbered);
  const text = "QoS 2 deliveries came again under another packet id before their PUBREL";
  if (renumbered > 0) lines.push(`${renumbered} ${text}: receivers that take them at PUBLISH have them twice`);
  return lines.length > 0 ? [...lines, ""] : [];
}

function verdictLines(report: Report): string[] {
  if (report.interrupted) return ["INTERRUPTED: what arrived so far, not a verdict"];
  if (report.passed) {
    const sum = (count: (flow: FlowTally) => number) => report.flows.reduce((total, flow) => total + count(flow), 0);
    const settled = report.jobs.reduce((total, queue) => total + queue.settled, 0);
    const answered = report.calls.reduce((total, service) => total + service.answered, 0);
    const more = `${settled > 0 ? `, ${settled} jobs settled` : ""}${answered > 0 ? `, ${answered} calls answered` : ""}`;
    const delivered = `${sum((flow) => flow.received)} of ${sum((flow) => flow.expected)} deliveries`;
    return [
      `PASSED: ${delivered} of ${sum((flow) => flow.sent)} messages${more}, nothing beyond what their QoS permits`,
    ];
  }
  const lines = ["FAILED", ...report.problems.map((problem) => `  ${problem}`)];
  if (report.examples.length > 0) lines.push("for example", ...firstOf(report.examples));
  if (report.gatewayComplaints.length > 0) lines.push("the gateway logged", ...firstOf(report.gatewayComplaints));
  if (report.storeDirectory !== undefined) lines.push(`the gateway's store is kept in ${report.storeDirectory}`);
  return lines;
}

function firstOf(texts: readonly string[]): string[] {
  const shown = texts.slice(0, linesMax).map((text) => `  ${text}`);
  return texts.length > linesMax ? [...shown, `  and ${texts.length - linesMax} more`] : shown;
}
