import { createReadStream } from "node:fs";
import { linesOf } from "../client/lines.ts";
import { entryTypes } from "../store/export-entry.ts";
import { importStore } from "../store/import-store.ts";
import { type ReadExport, readExport } from "../store/read-export.ts";
import { WaypostError } from "../waypost-error.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { exitCodes } from "./exit-code.ts";
import { type StoreOptions, storeDirectory } from "./store-directory.ts";

export interface ImportOptions extends StoreOptions {
  readonly merge?: boolean;
}

/** The largest payload in base64, and what is beside it. */
const LINE_BYTES_MAX = 384 * 1024 * 1024;

/**
 * `waypost store import`: exits with 1 where the export has mistakes, all of which it lists.
 * Errors: ERR_STORE_IN_USE; ERR_STORE where the file cannot be read, or the directory is not empty, is damaged or cannot be written.
 */
export async function storeImport(file: string, options: ImportOptions, context: CommandContext): Promise<number> {
  const directory = storeDirectory(options, context);
  const name = file === "-" ? "standard input" : file;
  const source = await read(file, name, context);
  if (source.mistakes.length > 0) {
    const count = counted(source.mistakes.length, "mistake");
    const lines = [...source.mistakes, `waypost store import: ${count} in ${name}: nothing was imported`, ""];
    context.stderr.write(lines.join("\n"));
    return exitCodes.runtime;
  }
  const { counts, leftOut } = await importStore(directory, source, { merge: options.merge === true, name });
  const list = entryTypes.flatMap((type) => (counts.has(type) ? [`${counts.get(type)} of type ${type}`] : []));
  const rest = leftOut > 0 ? `; ${leftOut} left out, whose place was taken` : "";
  context.stdout.write(`imported into ${directory}: ${list.join(", ") || "nothing, the export is empty"}${rest}\n`);
  return exitCodes.ok;
}

async function read(file: string, name: string, context: CommandContext): Promise<ReadExport> {
  const bytes = file === "-" ? context.stdin : createReadStream(file);
  try {
    return await readExport(linesOf(bytes, LINE_BYTES_MAX), name);
  } catch (error) {
    if (error instanceof WaypostError) throw error;
    throw new WaypostError("ERR_STORE", `${name} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
