import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { exportStore } from "../store/export-store.ts";
import { readStore } from "../store/read-store.ts";
import type { CommandContext } from "./command-context.ts";
import { exitCodes } from "./exit-code.ts";
import { type StoreOptions, storeDirectory } from "./store-directory.ts";
import { version } from "./version.ts";
import { writeFileWhole } from "./write-file-whole.ts";

/**
 * `waypost store export`: exits with 1 where the store is damaged, and has exported what can be read.
 * Errors: ERR_STORE where the store cannot be read or the file not be written.
 */
export async function storeExport(
  file: string | undefined,
  options: StoreOptions,
  context: CommandContext,
  now: () => number = Date.now,
): Promise<number> {
  const state = await readStore(storeDirectory(options, context));
  const lines = exportStore(state, version, now());
  if (file === undefined || file === "-") await pipeline(Readable.from(lines), context.stdout, { end: false });
  else await writeFileWhole(file, lines);
  const damaged = state.segments.filter(({ damage }) => damage.length > 0).map(({ segment }) => segment.name);
  if (damaged.length === 0) return exitCodes.ok;
  const names = damaged.join(", ");
  context.stderr.write(
    `waypost store export: ${names} damaged: what can be read was exported, the rest is missing; see waypost store verify\n`,
  );
  return exitCodes.runtime;
}
