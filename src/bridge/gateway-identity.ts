import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WaypostError } from "../waypost-error.ts";

const NAME = "gateway.id";

/** What no other gateway is called: 16 hexadecimal digits, for this process only. */
export function passingIdentity(): string {
  return randomBytes(8).toString("hex");
}

/**
 * The same, kept in a file of the store's directory, which is this process's own: it is made where it is missing.
 * @throws ERR_STORE where the file can be neither read nor made, or holds something else
 */
export function keptIdentity(directory: string): string {
  const path = join(directory, NAME);
  try {
    mkdirSync(directory, { recursive: true });
    if (!existsSync(path) || statSync(path).size === 0) {
      // Whole or not at all: the power may be cut meanwhile.
      writeFileSync(`${path}.new`, `${passingIdentity()}\n`, { flush: true });
      renameSync(`${path}.new`, path);
    }
    const identity = readFileSync(path, "utf8").trim();
    if (/^[0-9a-f]{16}$/.test(identity)) return identity;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new WaypostError("ERR_STORE", `the identity of the gateway in ${path} is not there: ${why}`, {
      cause: error,
    });
  }
  throw new WaypostError("ERR_STORE", `${path} holds no identity of a gateway: remove it, and it is made anew`);
}
