import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { percentile } from "./percentile.ts";
import type { Sample } from "./sample.ts";

const appends = 200;
const block = Buffer.alloc(4096, 0x5a);

/**
 * What the disk under `folder` needs to append 4 KiB and sync it, one after another; no store can commit faster.
 * Times are as Node sees them: its thread pool is on the way of every store that it carries.
 */
export async function fdatasyncTime(folder: string): Promise<Sample> {
  const path = join(folder, "fdatasync-time");
  const file = await open(path, "a");
  const timesUs: number[] = [];
  try {
    for (let append = 0; append < appends; append++) {
      const started = process.hrtime.bigint();
      await file.write(block);
      await file.datasync();
      timesUs.push(Number(process.hrtime.bigint() - started) / 1000);
    }
  } finally {
    await file.close();
    await rm(path);
  }
  return { fdatasyncP50Us: percentile(timesUs, 0.5), fdatasyncP99Us: percentile(timesUs, 0.99) };
}
