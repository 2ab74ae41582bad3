import { closeSync, openSync, readSync } from "node:fs";
import { WaypostError } from "../waypost-error.ts";
import { formatByteSize } from "./byte-size.ts";

/** What a file is read for, in the words of its messages. */
interface Purpose {
  /** What it holds: "configuration". */
  readonly holds: string;
  /** Where its path was given: "--config". */
  readonly givenWith: string;
  readonly bytesMax: number;
}

const configuration: Purpose = {
  holds: "configuration",
  givenWith: "--config or WAYPOST_CONFIG",
  bytesMax: 1024 * 1024,
};

/**
 * The text of a configuration file, or of another one, without its byte order mark. Reads no more than it may hold, so
 * that a pipe works and an endless device file does no harm.
 *
 * Errors: ERR_CONFIG_UNREADABLE if there is no such file, it is a directory, not permitted, too large or not UTF-8.
 */
export function readConfigFile(file: string, purpose = configuration): string {
  const { holds, bytesMax } = purpose;
  const bytes = readBytes(file, purpose);
  const advice = `give the file that holds the ${holds}`;
  if (bytes.length > bytesMax) {
    throw unreadable(file, `is larger than ${formatByteSize(bytesMax)}, which no ${holds} is: ${advice}`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw unreadable(file, `is not UTF-8 text: save it as UTF-8, or ${advice}`, error);
  }
}

function readBytes(file: string, purpose: Purpose): Buffer {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    const chunks: Buffer[] = [];
    let total = 0;
    while (total <= purpose.bytesMax) {
      const chunk = Buffer.allocUnsafe(64 * 1024);
      const count = readSync(descriptor, chunk);
      if (count === 0) break;
      total += count;
      chunks.push(chunk.subarray(0, count));
    }
    return Buffer.concat(chunks);
  } catch (error) {
    throw unreadable(file, reasonOf(error, purpose), error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function reasonOf(error: unknown, { holds, givenWith }: Purpose): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return `does not exist: check the path given with ${givenWith}`;
    case "EISDIR":
      return `is a directory: give the ${holds} file in it`;
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
