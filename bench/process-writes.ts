import { readFile } from "node:fs/promises";

/**
 * Bytes that a process has caused to be written to a disk, as the kernel counts them (write_bytes): whole pages, each
 * time that they must go out. NaN where the kernel does not say.
 */
export async function processWrittenBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/io`, "utf8").catch(() => "");
  return Number(/^write_bytes: (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
}
