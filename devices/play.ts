import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { type Cast, castFleet } from "./cast-fleet.ts";
import { systemClock } from "./clock.ts";
import { Fleet, type FleetOptions } from "./fleet.ts";
import { FleetError } from "./fleet-error.ts";
import { gatewaySettings } from "./gateway-settings.ts";
import { killAtRandom } from "./kill-at-random.ts";
import { Ledger } from "./ledger/ledger.ts";
import { LineBook } from "./ledger/line-book.ts";
import type { DevicesOptions } from "./options.ts";
import { Outages } from "./outages.ts";
import { OwnGateway } from "./own-gateway.ts";
import { createProgress, silentProgress } from "./progress.ts";
import { createRandom } from "./random.ts";
import { createReport, type Report } from "./report.ts";
import { inFlightMax } from "./uplink/bridge-plan.ts";
import { Uplink } from "./uplink/uplink.ts";

export type Surroundings = {
  out: (text: string) => void;
  error: (text: string) => void;
  progressStream: NodeJS.WriteStream;
  /** Path of the gateway's bundle, for --with-gateway. */
  gatewayMain: string;
  /** Aborted by the first Ctrl-C. */
  signal: AbortSignal;
};

type Parts = Pick<FleetOptions, "run" | "ledger" | "outages"> & {
  cast: Cast;
  line: LineBook | undefined;
  surroundings: Surroundings;
};

/**
 * Plays one scenario from beginning to end, with a gateway of its own, and a cloud, if the options say so.
 * @throws FleetError when the gateway cannot be started or reached, or refuses a subscription
 */
export async function play(options: DevicesOptions, surroundings: Surroundings): Promise<Report> {
  const run = randomBytes(3).toString("hex");
  const { alias = run } = options;
  const { permitQos0Loss } = options;
  const lateMsMax = options.lateSeconds * 1_000;
  const outages = new Outages();
  const cast = castFleet(options, alias);
  const line = cast.bridge === undefined ? undefined : lineBookOf(cast);
  const ledger = new Ledger({ run, permitQos0Loss, lateMsMax, permitUnacknowledged: options.scenario.enduring, line });
  for (const queue of cast.queues) ledger.queue(queue);
  for (const group of cast.groups) ledger.group(group);
  const parts = { run, cast, ledger, line, outages, surroundings };
  if (options.withGateway) return playAtOwnGateway(options, parts);
  await runFleet(options, { ...parts, gateway: options.gateway, havoc: async () => {} });
  return conclude(options, parts, []);
}

async function playAtOwnGateway(options: DevicesOptions, parts: Parts): Promise<Report> {
  const { run, cast, ledger, surroundings } = parts;
  const uplink = await openUplink(options, parts);
  const { settings, storeDirectory } = await gatewaySettings(options, cast.destinations, run, uplink?.settings);
  const own = new OwnGateway(surroundings.gatewayMain, settings);
  try {
    const gateway = { ...options.gateway, ...(await own.start()) };
    await uplink?.ready(gateway, () => own.complaints);
    const havoc = () => wreakHavoc(options, own, uplink, parts);
    await runFleet(options, { ...parts, gateway, cloud: uplink?.cloud, havoc });
  } catch (error) {
    if (storeDirectory !== undefined) await rm(storeDirectory, { recursive: true, force: true });
    throw error;
  } finally {
    await uplink?.closeLine();
    const unclean = await own.stop();
    if (unclean !== undefined) ledger.incident("the gateway did not end well", unclean);
    const uncleanCloud = await uplink?.stop();
    if (uncleanCloud !== undefined) ledger.incident("the cloud did not end well", uncleanCloud);
  }
  const report = conclude(options, parts, own.complaints, uplink?.cloudName);
  if (storeDirectory === undefined) return report;
  if (!report.passed && !report.interrupted) return { ...report, storeDirectory };
  await rm(storeDirectory, { recursive: true, force: true });
  return report;
}

function conclude(options: DevicesOptions, parts: Parts, gatewayComplaints: string[], cloud?: string): Report {
  const { run, cast, ledger, outages, surroundings } = parts;
  const interrupted = surroundings.signal.aborted;
  const outcome = { run, speakers: cast.speakers, ledger, kills: outages.kills, interrupted, gatewayComplaints };
  return createReport(options, { ...outcome, ...(cloud === undefined ? {} : { cloud }) });
}

function lineBookOf({ members }: Cast): LineBook {
  const atCloud = members.flatMap(({ name, at }) => (at === "cloud" ? [name] : []));
  return new LineBook({ atCloud: new Set(atCloud), inFlightMax });
}

async function openUplink({ cloud }: DevicesOptions, parts: Parts): Promise<Uplink | undefined> {
  const { run, cast, ledger, line, outages, surroundings } = parts;
  if (cast.bridge === undefined || line === undefined) return undefined;
  const { gatewayMain, signal } = surroundings;
  const rest = { run, ledger, outages, gatewayMain, signal };
  return Uplink.open({ ...rest, plan: cast.bridge, cloud, book: line, clock: systemClock });
}

async function wreakHavoc(
  options: DevicesOptions,
  own: OwnGateway,
  uplink: Uplink | undefined,
  { outages, ledger, surroundings: { signal } }: Parts,
): Promise<void> {
  const { kills, seconds, seed } = options;
  const liveMs = seconds * 1_000;
  const random = createRandom(seed, "kills");
  const killing = async () => {
    if (kills > 0) await killAtRandom({ own, kills, liveMs, outages, ledger, clock: systemClock, random, signal });
  };
  await Promise.all([uplink?.wreakHavoc(options), killing()]);
}

async function runFleet(
  options: DevicesOptions,
  parts: Parts & Pick<FleetOptions, "gateway" | "cloud" | "havoc">,
): Promise<void> {
  const { surroundings, cast, line: _, ...rest } = parts;
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
