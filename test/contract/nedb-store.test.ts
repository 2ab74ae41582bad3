import { cpSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe } from "vitest";
import { type Clock, systemClock } from "../../src/actor/clock.ts";
import { silentLog } from "../../src/log.ts";
import type { Durability } from "../../src/store/durability.ts";
import { NedbStore } from "../../src/store/nedb-store.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { deliveryContract } from "./delivery-contract.ts";
import { durableDeliveryContract } from "./durable-delivery-contract.ts";
import { type DurableStore, durableStoreContract } from "./durable-store-contract.ts";
import { nodeTest } from "./node-test-context.ts";
import { storeContract } from "./store-contract.ts";

const abstractPersistence = createRequire(import.meta.url)("aedes-persistence/abstract.js");
const root = temporaryDirectory();
let count = 0;

function open(durability: Durability, clock: Clock = systemClock): NedbStore {
  return new NedbStore({ directory: join(root, String(++count)), durability, clock, log: silentLog });
}

describe("NedbStore keeps the contract of aedes-persistence", () => {
  abstractPersistence({ test: nodeTest(), persistence: () => open("synced"), testAsync: true });
});

for (const durability of ["synced", "written", "memory"] as const) {
  storeContract(`NedbStore (${durability})`, async (clock) => open(durability, clock));
  deliveryContract(`NedbStore (${durability})`, () => open(durability));
}

const clock = new ManualClock();
const fresh = () => join(root, String(++count));
const durable: DurableStore = {
  open: (directory) => new NedbStore({ directory, durability: "synced", clock, log: silentLog }),
  fresh,
  copy: (directory) => {
    const to = fresh();
    cpSync(directory, to, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    return to;
  },
  letTimePass: () => clock.advance(2000),
  now: () => clock.now(),
  advance: (ms) => clock.advance(ms),
};
durableStoreContract("NedbStore", durable);
durableDeliveryContract("NedbStore", durable);
