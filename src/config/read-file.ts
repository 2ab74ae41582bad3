import { closeSync, openSync, readSync } from "node:fs";
import { WaypostError } from "../waypost-error.ts";

const fileBytesMax = 1024 * 1024;

/**
 * The text of a configuration file, without its byte order mark. Reads at most 1 MiB, so that a pipe works and an
 * endless device file does no harm.
 *
 * Errors: ERR_CONFIG_UNREADABLE if there is no such file, it is a directory, not permitted, too large or not UTF-8.
 */
export function readConfigFile(file: string): string {
  const bytes = readBytes(file);
  if (bytes.length > fileBytesMax) {
    throw unreadable(
      file,
      "is larger than 1 MiB, which no configuration is: give the file that holds the configuration",
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw unreadable(file, "is not UTF-8 text: save it as UTF-8, or give the file that holds the configuration", error);
  }
}

function readBytes(file: string): Buffer {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    const chunks: Buffer[] = [];
    let total = 0;
    while (total <= fileBytesMax) {
      const chunk = Buffer.allocUnsafe(64 * 1024);
      const count = readSync(descriptor, chunk);
      if (count === 0) break;
      total += count;
      chunks.push(chunk.subarray(0, count));
    }
    return Buffer.concat(chunks);
  } catch (error) {
    throw unreadable(file, reasonOf(error), error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return "does not exist: check the path given with --config or WAYPOST_CONFIG";
    case "EISDIR":
      return "is a directory: give the configuration file in it";
    case "EACCES":
    case "EPERM":
      return "may not be read by this user: change its permissions or its owner";
    default:
      return `cannot be read: ${message}`;
  }
}

function unreadable(file: string, text: string, cause?: unknown): WaypostError {
  return new WaypostError("ERR_CONFIG_UNREADABLE", `${file === "" ? "the configuration file" : file} ${text}`, {
    cause,
  });
}
