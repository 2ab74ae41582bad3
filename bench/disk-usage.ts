import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const lookEveryMs = 200;

/** Bytes that the files under `folder` occupy, as `du` counts them; 0 where there is no such folder. */
export async function diskUsageBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true }).catch(absent<string[]>([]));
  // A store deletes files while it is looked at: what is gone occupies nothing.
  const sizes = await Promise.all(
    entries.map((entry) => stat(join(folder, entry)).then(({ blocks }) => blocks * 512, absent(0))),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** Looks five times a second until it is stopped; `stop` returns the most that it saw. */
export function watchDiskPeak(folder: string): { stop(): Promise<number> } {
  const stopped = new AbortController();
  let peak = 0;
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      peak = Math.max(peak, await diskUsageBytes(folder));
      await delay(lookEveryMs, undefined, { signal: stopped.signal }).catch(() => {}); // aborted: the last look was it
    }
  })();
  return {
    stop: async () => {
      stopped.abort();
      await watching;
      return Math.max(peak, await diskUsageBytes(folder));
    },
  };
}

function absent<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return instead;
    throw error;
  };
}
