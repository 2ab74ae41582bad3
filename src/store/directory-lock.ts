import { randomBytes } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { WaypostError } from "../waypost-error.ts";

const NAME = "gateway.sock";
/** What the kernel allows for the path of a socket. */
const PATH_BYTES_MAX = 107;

/**
 * Keeps a directory to one gateway. The lock is a socket that listens in it: unlike a file with a process id it vanishes
 * with its holder, however that ends, and works between containers that share the directory.
 */
export class DirectoryLock {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws ERR_STORE_IN_USE where another process has it */
  static async take(directory: string): Promise<DirectoryLock> {
    const path = join(directory, NAME);
    if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
      const why = `the path ${path} is over ${PATH_BYTES_MAX} bytes, which the system does not allow for a socket: choose a shorter store.directory`;
      throw new WaypostError("ERR_STORE", why);
    }
    for (let attempt = 0; attempt < 5; attempt++) {
      const server = await listen(path);
      if (server !== null) return new DirectoryLock(server);
      const holder = await holderOf(path);
      if (holder !== null) throw inUse(directory, holder);
      await clearAway(path, directory);
    }
    throw inUse(directory, "unknown");
  }

  release(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

/** Null where something is there already. */
function listen(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end(String(process.pid));
    });
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") return resolve(null);
      const why = `the store directory could not be locked: ${error.message}`;
      reject(new WaypostError("ERR_STORE", why, { cause: error }));
    });
    server.listen(path, () => resolve(server.unref()));
  });
}

/** The process id of whoever listens there; null where nobody does. */
function holderOf(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let text = "";
    socket.setTimeout(1000, () => {
      socket.destroy();
      resolve("unknown");
    });
    socket.setEncoding("utf8").on("data", (some) => {
      text += some;
    });
    socket.on("error", () => resolve(null));
    socket.on("close", () => resolve(text || "unknown"));
  });
}

/**
 * Removes a socket that nobody listens on. Another gateway may have taken its place since we looked: so it is moved
 * aside first, and put back where somebody answers after all.
 */
async function clearAway(path: string, directory: string): Promise<void> {
  const aside = `${path}.${randomBytes(4).toString("hex")}`;
  try {
    await rename(path, aside);
  } catch {
    return; // somebody else cleared it away
  }
  const holder = await holderOf(aside);
  if (holder === null) return rm(aside, { force: true });
  await rename(aside, path);
  throw inUse(directory, holder);
}

function inUse(directory: string, holder: string): WaypostError {
  const why = `the store directory ${directory} is in use by another gateway (process ${holder}): stop it, or give this one a store.directory of its own`;
  return new WaypostError("ERR_STORE_IN_USE", why);
}
