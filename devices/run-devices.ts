import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { systemClock } from "./clock.ts";
import { Fleet } from "./fleet.ts";
import { FleetError } from "./fleet-error.ts";
import { Ledger } from "./ledger/ledger.ts";
import { type DevicesOptions, parseOptions } from "./options.ts";
import { OwnGateway } from "./own-gateway.ts";
import { createProgress, silentProgress } from "./progress.ts";
import { createReport, type Report, renderReport } from "./report.ts";

export type Surroundings = {
  out: (text: string) => void;
  error: (text: string) => void;
  progressStream: NodeJS.WriteStream;
  /** Path of the gateway's bundle, for --with-gateway. */
  gatewayMain: string;
  /** Aborted by the first Ctrl-C. */
  signal: AbortSignal;
};

const interruptedExitCode = 130;

/** The whole command: arguments in, exit code out. Every failure is one clear line. */
export async function runDevices(args: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    const options = parseOptions(args);
    if ("help" in options) {
      surroundings.out(options.help);
      return 0;
    }
    const report = await play(options, surroundings);
    surroundings.out(renderReport(report, options.quiet));
    if (options.jsonFile !== undefined) await writeReport(options.jsonFile, report);
    if (report.interrupted) return interruptedExitCode;
    return report.passed ? 0 : 1;
  } catch (error) {
    if (!(error instanceof FleetError) || error.code === "ERR_INVARIANT") throw error;
    if (surroundings.signal.aborted) return interruptedExitCode;
    surroundings.error(`devices: ${error.message}\n`);
    return error.code === "ERR_USAGE" ? 2 : 1;
  }
}

async function play(options: DevicesOptions, surroundings: Surroundings): Promise<Report> {
  const run = randomBytes(3).toString("hex");
  const { permitQos0Loss } = options;
  const ledger = new Ledger({ run, permitQos0Loss, lateMsMax: options.lateSeconds * 1_000 });
  const own = options.withGateway ? await OwnGateway.start(surroundings.gatewayMain) : undefined;
  try {
    await runFleet(options, { run, ledger, own, surroundings });
  } finally {
    const unclean = await own?.stop();
    if (unclean !== undefined) ledger.incident("the gateway did not end well", unclean);
  }
  const gatewayComplaints = own?.log.complaints ?? [];
  return createReport(options, { run, ledger, interrupted: surroundings.signal.aborted, gatewayComplaints });
}

async function runFleet(
  options: DevicesOptions,
  parts: { run: string; ledger: Ledger; own: OwnGateway | undefined; surroundings: Surroundings },
): Promise<void> {
  const { run, ledger, own, surroundings } = parts;
  const root = `${options.prefix}/${run}`;
  const liveMs = options.seconds * 1_000;
  const members = options.scenario.cast(options.devices, { root, seed: options.seed, liveMs });
  const gateway = { ...options.gateway, ...(await own?.log.ready) };
  const progress = options.quiet ? silentProgress : createProgress(surroundings.progressStream);
  const { signal } = surroundings;
  // What comes after a longer silence would be late, so waiting for it cannot save the verdict.
  const quietMs = options.lateSeconds * 1_000;
  const clock = systemClock;
  const fleet = new Fleet(members, { run, root, gateway, liveMs, quietMs, ledger, clock, progress, signal });
  try {
    await fleet.run();
  } catch (error) {
    if (!(error instanceof FleetError) || error.code !== "ERR_GATEWAY_UNREACHABLE" || own !== undefined) throw error;
    const advice = `is it up? Start it with "npm start", name another by --url and --ws-url, or add --with-gateway`;
    throw new FleetError(error.code, `${error.message}: ${advice}`, { cause: error });
  }
}

async function writeReport(file: string, report: Report): Promise<void> {
  try {
    await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FleetError("ERR_REPORT", `the report could not be written to ${file} (${reason})`, { cause: error });
  }
}
