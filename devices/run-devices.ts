import { writeFile } from "node:fs/promises";
import { FleetError } from "./fleet-error.ts";
import { parseOptions } from "./options.ts";
import { play, type Surroundings } from "./play.ts";
import { type Report, renderReport } from "./report.ts";

const interruptedExitCode = 130;

/** The whole command: arguments in, exit code out. Every failure is one clear line. */
export async function runDevices(args: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    const options = parseOptions(args);
    if ("help" in options) {
      surroundings.out(options.help);
      return 0;
    }
    if (!("all" in options)) {
      const report = await play(options, surroundings);
      surroundings.out(renderReport(report, options.quiet));
      if (options.jsonFile !== undefined) await writeReport(options.jsonFile, report);
      return exitCodeOf([report]);
    }
    const reports: Report[] = [];
    for (const each of options.all) {
      if (surroundings.signal.aborted) break;
      reports.push(await play(each, surroundings));
      surroundings.out(
        `${options.quiet ? `${each.scenario.name}: ` : ""}${renderReport(reports.at(-1)!, options.quiet)}\n`,
      );
    }
    const passed = reports.length === options.all.length && reports.every((report) => report.passed);
    const names = reports.flatMap(({ scenario, passed: itPassed }) => (itPassed ? [] : [scenario]));
    surroundings.out(passed ? `PASSED: all ${reports.length} scenarios\n` : `FAILED: ${names.join(", ")}\n`);
    const interrupted = reports.some((report) => report.interrupted);
    const whole = { scenario: "all", interrupted, passed, reports };
    if (options.jsonFile !== undefined) await writeReport(options.jsonFile, whole);
    return exitCodeOf(reports);
  } catch (error) {
    if (!(error instanceof FleetError) || error.code === "ERR_INVARIANT") throw error;
    if (surroundings.signal.aborted) return interruptedExitCode;
    surroundings.error(`devices: ${error.message}\n`);
    return error.code === "ERR_USAGE" ? 2 : 1;
  }
}

async function writeReport(file: string, report: object): Promise<void> {
  try {
    await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FleetError("ERR_REPORT", `the report could not be written to ${file} (${reason})`, { cause: error });
  }
}

function exitCodeOf(reports: readonly Report[]): number {
  if (reports.some(({ interrupted }) => interrupted)) return interruptedExitCode;
  return reports.every(({ passed }) => passed) ? 0 : 1;
}
