import { expect, it } from "vitest";
import { NedbStore } from "../../src/store/nedb-store.ts";
import { SeededRandom } from "../scenario/seeded-random.ts";
import { LogRecorder } from "../support/log-recorder.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { PowerCutDirectory } from "../support/power-cut-directory.ts";
import { StoreWorld } from "../support/store-world.ts";

const SEEDS = Number(process.env.WAYPOST_POWER_CUT_SEEDS ?? 120);
const FIRST_SEED = Number(process.env.WAYPOST_POWER_CUT_SEED ?? 1);
/** Small enough that a few hundred messages fill segments, and what still counts of old ones is written anew. */
const limits = {
  segmentBytesMax: 6000,
  segmentDocumentsMax: 60,
  appendAtOnce: 7,
  garbageBytesMax: 8000,
  copyAtOnce: 5,
};
const TURNS_MAX = 200_000;

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Life {
  store: NedbStore;
  log: LogRecorder;
  clock: ManualClock;
  /** Resolves when the devices are back; fails where the store does not start. */
  started: Promise<void>;
}

/** The gateway starts on what is on the disk. */
function begin(directory: PowerCutDirectory, world: StoreWorld): Life {
  const log = new LogRecorder();
  const clock = new ManualClock();
  const store = new NedbStore({ directory, durability: "synced", clock, log, limits });
  const broker = { id: "gateway", counter: 0 };
  const started = store.setup(broker).then(() => world.start({ store, broker }));
  return { store, log, clock, started };
}

/** Lets things happen until the power goes. */
async function live({ clock, started }: Life, directory: PowerCutDirectory, world: StoreWorld, random: SeededRandom) {
  let isUp = false;
  let failure: unknown;
  const up = () => {
    isUp = true;
  };
  started.then(up, (error) => {
    failure = error;
  });
  let actionsMax = 4;
  while (!directory.isOff && failure === undefined) {
    if (random.below(100) === 0) actionsMax = random.below(5); // busy times, and quiet ones
    if (isUp) for (let actions = random.below(actionsMax + 1); actions > 0; actions--) world.act();
    clock.advance(random.below(12));
    await nextTurn();
  }
  world.die();
  if (failure !== undefined) throw failure;
}

/** A disk that fails now and then, for a while. */
function failNowAndThen(directory: PowerCutDirectory, random: SeededRandom): void {
  let left = 0;
  directory.failure = (operation) => {
    if (operation === "read") return null;
    if (left > 0) left--;
    else if (random.below(25) === 0) left = 1 + random.below(4);
    if (left === 0) return null;
    return operation === "sync" ? "EIO" : "ENOSPC";
  };
}

async function proof(seed: number): Promise<{ cuts: number; created: number; removed: number; faults: string[] }> {
  const random = new SeededRandom(seed);
  const directory = new PowerCutDirectory(random);
  const world = new StoreWorld(random);
  const cuts = 1 + random.below(3);
  for (let cut = 0; cut < cuts; cut++) {
    const life = begin(directory, world);
    if (random.below(3) === 0) void life.started.then(() => failNowAndThen(directory, random)).catch(() => {});
    directory.offAfter(20 + random.below(random.below(3) === 0 ? 200 : 4000));
    await live(life, directory, world, random);
    const isKill = random.below(4) === 0;
    if (isKill) directory.afterKill();
    else directory.afterPowerCut();
  }
  const life = begin(directory, world);
  await life.started;
  for (let turn = 0; !world.settle(); turn++) {
    if (turn > TURNS_MAX) throw new Error("it does not come to its end");
    life.clock.advance(20);
    await nextTurn();
  }
  const faults = [...world.verdict()];
  world.die();
  await life.store.destroy();
  return { cuts, created: directory.created, removed: directory.removed, faults };
}

it("loses nothing that was accepted, and delivers nothing twice at QoS 2, wherever the power is cut", async () => {
  let cuts = 0;
  let removed = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const outcome = await proof(seed).catch((error) => expect.fail(`seed ${seed}: ${error.stack}`));
    expect(outcome.faults, `seed ${seed}`).toEqual([]);
    cuts += outcome.cuts;
    removed += outcome.removed;
  }
  // Else it proves little.
  if (SEEDS >= 100) expect(cuts).toBeGreaterThanOrEqual(200);
  if (SEEDS >= 100) expect(removed).toBeGreaterThan(1000);
}, 300_000);
