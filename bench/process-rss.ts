import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { WaypostError } from "../src/waypost-error.ts";

/** Resident memory of a process in kB, as the kernel counts it (VmRSS). */
export async function processRssKb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kb === undefined) throw new WaypostError("ERR_UPSTREAM", `process ${pid} has no resident memory: it has exited`);
  return Number(kb);
}

/** The same once it has come to rest: two readings 300 ms apart that differ by less than 1 %, or the fifteenth. */
export async function settledRssKb(pid: number): Promise<number> {
  let before = await processRssKb(pid);
  for (let reading = 1; reading < 15; reading++) {
    await delay(300);
    const rssKb = await processRssKb(pid);
    if (Math.abs(rssKb - before) < before / 100) return rssKb;
    before = rssKb;
  }
  return before;
}
