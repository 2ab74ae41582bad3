import { cpSync } from "node:fs";
import { join } from "node:path";
import type { Administration, DeadLetterSummary } from "../../src/admin/administration.ts";
import type { ManualClock } from "../support/manual-clock.ts";
import { type Restarts, restarts } from "../support/restarts.ts";
import { type RunningGateway, startGateway } from "../support/start-gateway.ts";
import { type ConnectChoices, Device5 } from "./mqtt5-device.ts";

/** What queues, groups, requests and dead letters are looked at with, on a store in NeDB. */
export interface House extends Restarts {
  administration: Administration;
  device: (id: string, choices?: ConnectChoices) => Promise<Device5>;
  /** A session with these subscriptions, or none, whose device has left. */
  away: (id: string, filters?: Record<string, 0 | 1 | 2>) => Promise<void>;
  /** Dead letters, oldest first. */
  letters: (reason?: string) => DeadLetterSummary[];
}

export function houseOf(running: Restarts): House {
  const { gateway, port } = running;
  const { administration } = gateway;
  const device = (id: string, choices: ConnectChoices = {}) => Device5.connect(port, id, choices);
  return {
    ...running,
    administration,
    device,
    away: async (id, filters = {}) => {
      const member = await device(id, { livesSeconds: 3600 });
      if (Object.keys(filters).length > 0) await member.subscribe(filters);
      await member.disconnect();
    },
    letters: (reason) => [...administration.deadLetters({ reason, max: 100_000 }).letters].reverse(),
  };
}

export async function house(
  root: string,
  changes: Parameters<typeof restarts>[1] = {},
  clock?: ManualClock,
): Promise<House> {
  return houseOf(await restarts(root, changes, clock));
}

/** A second gateway on what is on the disk at this very moment: as if the first had been killed. */
export function killedNow(root: string, restarts: Restarts, changes: object): Promise<RunningGateway> {
  return startedOn(remainsNow(root, restarts), changes);
}

/** What is on the disk at this very moment: a copy of the directory. */
export function remainsNow(root: string, { directory }: Restarts): string {
  for (;;) {
    const copy = join(root, `now-${++copies}`);
    try {
      // Files that are being written anew have their old ones beside them until they are whole.
      cpSync(directory, copy, { recursive: true, filter: (path) => !/([.]sock|~)$/.test(path) });
      return copy;
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") throw error; // a segment went while it was copied
    }
  }
}

export function startedOn(directory: string, changes: object): Promise<RunningGateway> {
  return startGateway({ ...changes, store: { engine: "nedb", directory } });
}

let copies = 0;

/** Lets work that gives way to other work come to its end. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Publishes all of these at QoS 1, as many at once as a publisher may. */
export async function fill(publisher: Device5, topic: string, payloads: readonly string[]): Promise<void> {
  for (let n = 0; n < payloads.length; n += 500) {
    const some = payloads.slice(n, n + 500);
    for (const payload of some) publisher.publish(topic, payload, { qos: 1 });
    for (const _ of some) await publisher.next("puback");
  }
}
