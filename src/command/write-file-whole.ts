import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { WaypostError } from "../waypost-error.ts";

/** Lines that go to the file in one write. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * Writes a file so that under its name there is all of it, synced, or what was there before.
 * @throws ERR_STORE with the reason of the system
 */
export async function writeFileWhole(path: string, lines: Iterable<string>): Promise<void> {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(aside, "w", 0o600); // what devices publish is not for every user of the machine
    try {
      for (const chunk of chunksOf(lines)) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
    const directory = await open(dirname(path), "r");
    await directory.sync().finally(() => directory.close());
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {});
    throw new WaypostError("ERR_STORE", `${path} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

function* chunksOf(lines: Iterable<string>): Generator<string> {
  let chunk = "";
  for (const line of lines) {
    chunk += line;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    yield chunk;
    chunk = "";
  }
  yield chunk;
}
