import type { Clock } from "./clock.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { Outages } from "./outages.ts";
import type { OwnGateway } from "./own-gateway.ts";
import type { Random } from "./random.ts";
import { reasonOf } from "./reason-of.ts";

export type KillOptions = {
  own: Pick<OwnGateway, "kill" | "start">;
  kills: number;
  /** The kills are spread over this time, at random moments. */
  liveMs: number;
  outages: Outages;
  ledger: Ledger;
  clock: Clock;
  random: Random;
  signal: AbortSignal;
};

/** The first messages and the last returns have some of the time for themselves. */
const firstPart = 0.1;
const lastPart = 0.9;
const downMsMax = 300;
const lookMs = 200;

/**
 * Kills the gateway again and again, also while it starts, and starts it again. The gateway is up when this returns,
 * or the ledger has an incident.
 */
export async function killAtRandom(options: KillOptions): Promise<void> {
  const { own, kills, liveMs, outages, ledger, clock, random, signal } = options;
  const startedMs = clock.nowMs();
  const sliceMs = (liveMs * (lastPart - firstPart)) / kills;
  let comingUp = Promise.resolve(true);
  for (let slice = 0; slice < kills; slice++) {
    const momentMs = startedMs + liveMs * firstPart + sliceMs * (slice + random.between(0, 1));
    for (let nowMs = clock.nowMs(); nowMs < momentMs && !signal.aborted; nowMs = clock.nowMs()) {
      await clock.sleep(Math.min(lookMs, momentMs - nowMs));
    }
    if (signal.aborted) break;
    outages.begin();
    ledger.gatewayDied(clock.nowMs());
    const endedBefore = await own.kill();
    if (endedBefore !== undefined) ledger.incident("the gateway was gone before it was killed", endedBefore);
    if (!(await comingUp)) {
      outages.end();
      return;
    }
    await clock.sleep(random.between(0, downMsMax));
    comingUp = comeUp(options);
  }
  await comingUp;
}

/** Says whether there is a gateway to kill; one that is killed while it starts counts. */
async function comeUp({ own, outages, ledger }: KillOptions): Promise<boolean> {
  const { kills } = outages;
  let cameUp = true;
  try {
    await own.start();
  } catch (error) {
    if (outages.kills !== kills) return true;
    ledger.incident("the gateway did not come back", reasonOf(error));
    cameUp = false;
  }
  if (outages.kills === kills) outages.end();
  return cameUp;
}
