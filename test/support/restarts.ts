import { cpSync } from "node:fs";
import { join } from "node:path";
import type { ManualClock } from "./manual-clock.ts";
import { RawClient } from "./raw-client.ts";
import { type RunningGateway, startGateway } from "./start-gateway.ts";

let directories = 0;

/** A gateway on a directory of its own below `root`, and others on what it leaves behind. */
export interface Restarts extends RunningGateway {
  directory: string;
  /** Stops the gateway and starts another on its directory, changed as told. */
  stopped: (changes?: Changes) => Promise<Restarts>;
  /** Starts another one on what the first would leave behind if it were killed here. It lives on, and is not heard of. */
  killed: (changes?: Changes) => Promise<Restarts>;
  /** What it would leave behind: a copy of its directory. */
  remains: () => Promise<string>;
}

/** What is to be set in the configuration. */
type Changes = { store?: object; [section: string]: unknown };

/** Starts such a gateway for one test. */
export function restarts(root: string, changes: Changes = {}, clock?: ManualClock): Promise<Restarts> {
  return on(join(root, `${++directories}`), root, changes, clock);
}

async function on(directory: string, root: string, changes: Changes, clock?: ManualClock): Promise<Restarts> {
  const store = { engine: "nedb", directory, ...changes.store };
  const running = await startGateway({ ...changes, store }, clock);
  const next = (other: Changes) => ({ ...changes, ...other, store: { ...changes.store, ...other.store } });
  const remains = async () => {
    await onTheDisk(running.port, clock);
    const copy = join(root, `${++directories}`);
    // A gateway that is killed leaves no socket that anybody answers.
    cpSync(directory, copy, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    return copy;
  };
  return {
    ...running,
    directory,
    stopped: async (other = {}) => {
      await running.gateway.stop();
      return on(directory, root, next(other), clock);
    },
    killed: async (other = {}) => on(await remains(), root, next(other), clock),
    remains,
  };
}

/** Everything that was told the store before is on the disk: a SUBACK comes after a commit. */
async function onTheDisk(port: number, clock?: ManualClock): Promise<void> {
  clock?.advance(1000); // what nobody waits for is written within a second
  const client = await RawClient.connected(port, { clientId: "bystander", clean: false });
  await client.subscribe({ nothing: 1 });
  await client.cut();
}
