import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { type Cast, castFleet } from "./cast-fleet.ts";
import { systemClock } from "./clock.ts";
import { Fleet, type FleetOptions } from "./fleet.ts";
import { FleetError } from "./fleet-error.ts";
import { gatewaySettings } from "./gateway-settings.ts";
import { type KillOptions, killAtRandom } from "./kill-at-random.ts";
import { Ledger } from "./ledger/ledger.ts";
import type { DevicesOptions } from "./options.ts";
import { Outages } from "./outages.ts";
import { OwnGateway } from "./own-gateway.ts";
import { createProgress, silentProgress } from "./progress.ts";
import { createRandom } from "./random.ts";
import { createReport, type Report } from "./report.ts";

export type Surroundings = {
  out: (text: string) => void;
  error: (text: string) => void;
  progressStream: NodeJS.WriteStream;
  /** Path of the gateway's bundle, for --with-gateway. */
  gatewayMain: string;
  /** Aborted by the first Ctrl-C. */
  signal: AbortSignal;
};

/**
 * Plays one scenario from beginning to end, with a gateway of its own if the options say so.
 * @throws FleetError when the gateway cannot be started or reached, or refuses a subscription
 */
export async function play(options: DevicesOptions, surroundings: Surroundings): Promise<Report> {
  const run = randomBytes(3).toString("hex");
  const { alias = run } = options;
  const { permitQos0Loss } = options;
  const lateMsMax = options.lateSeconds * 1_000;
  const ledger = new Ledger({ run, permitQos0Loss, lateMsMax, permitUnacknowledged: options.scenario.enduring });
  const outages = new Outages();
  const cast = castFleet(options, alias);
  for (const queue of cast.queues) ledger.queue(queue);
  for (const group of cast.groups) ledger.group(group);
  const parts = { run, cast, ledger, outages, surroundings };
  if (!options.withGateway) {
    await runFleet(options, { ...parts, gateway: options.gateway, havoc: async () => {} });
    return conclude([]);
  }
  const { settings, storeDirectory } = await gatewaySettings(options, cast.destinations, run);
  const own = new OwnGateway(surroundings.gatewayMain, settings);
  try {
    const gateway = { ...options.gateway, ...(await own.start()) };
    const havoc = () => wreakHavoc(options, { own, outages, ledger, signal: surroundings.signal });
    await runFleet(options, { ...parts, gateway, havoc });
  } catch (error) {
    if (storeDirectory !== undefined) await rm(storeDirectory, { recursive: true, force: true });
    throw error;
  } finally {
    const unclean = await own.stop();
    if (unclean !== undefined) ledger.incident("the gateway did not end well", unclean);
  }
  const report = conclude(own.complaints);
  if (storeDirectory === undefined) return report;
  if (!report.passed && !report.interrupted) return { ...report, storeDirectory };
  await rm(storeDirectory, { recursive: true, force: true });
  return report;

  function conclude(gatewayComplaints: string[]): Report {
    const interrupted = surroundings.signal.aborted;
    const { speakers } = cast;
    return createReport(options, { run, speakers, ledger, kills: outages.kills, interrupted, gatewayComplaints });
  }
}

async function wreakHavoc(
  { kills, seconds, seed }: DevicesOptions,
  parts: Pick<KillOptions, "own" | "outages" | "ledger" | "signal">,
): Promise<void> {
  if (kills === 0) return;
  const random = createRandom(seed, "kills");
  await killAtRandom({ ...parts, kills, liveMs: seconds * 1_000, clock: systemClock, random });
}

async function runFleet(
  options: DevicesOptions,
  parts: Pick<FleetOptions, "run" | "ledger" | "outages" | "gateway" | "havoc"> & {
    cast: Cast;
    surroundings: Surroundings;
  },
): Promise<void> {
  const { surroundings, cast, ...rest } = parts;
  const { root, alias, members, versions } = cast;
  const { seed } = options;
  const liveMs = options.seconds * 1_000;
  const progress = options.quiet ? silentProgress : createProgress(surroundings.progressStream);
  const { signal } = surroundings;
  // What comes after a longer silence would be late, so waiting for it cannot save the verdict.
  const quietMs = options.lateSeconds * 1_000;
  const looksAgain = options.scenario.enduring;
  const fleet = new Fleet(members, {
    ...rest,
    root,
    alias,
    queues: cast.queues.map(({ name }) => name),
    seed,
    versions,
    liveMs,
    quietMs,
    looksAgain,
    clock: systemClock,
    progress,
    signal,
  });
  try {
    await fleet.run();
  } catch (error) {
    if (!(error instanceof FleetError) || error.code !== "ERR_GATEWAY_UNREACHABLE" || options.withGateway) throw error;
    const advice = `is it up? Start it with "npm start", name another by --url and --ws-url, or add --with-gateway`;
    throw new FleetError(error.code, `${error.message}: ${advice}`, { cause: error });
  }
}
