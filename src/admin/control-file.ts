import { chmod, link, lstat, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { WaypostError } from "../waypost-error.ts";

/** What the kernels allow for the path of a socket. */
const PATH_BYTES_MAX = process.platform === "linux" ? 107 : 103;
/** Begins the name of the folder in which a socket is made. */
const FOLDER = ".ctl";
/** Bytes of what replaces the name of the socket while it is made, `.ctlXXXXXX/s`. */
const ASIDE_BYTES = FOLDER.length + 8;
const ATTEMPTS_MAX = 5;

/**
 * The file of a Unix domain socket. It is made in a folder that only its owner may enter, and gets its name when only its
 * owner may connect. Node, which removes the file that a server was bound to when that closes, whoever's it is by then,
 * knows it by a path that is gone.
 */
export class ControlFile {
  readonly #path: string;
  readonly #device: number;
  readonly #inode: number;

  private constructor(path: string, { dev, ino }: { dev: number; ino: number }) {
    this.#path = path;
    this.#device = dev;
    this.#inode = ino;
  }

  /** Has the server listen there. @throws ERR_LISTEN with what to do about it */
  static async place(server: Server, path: string): Promise<ControlFile> {
    checkLength(path);
    let folder: string | null = null;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      folder = await mkdtemp(join(dirname(path), FOLDER));
      const aside = join(folder, "s");
      await listen(server, aside);
      await chmod(aside, 0o600);
      const file = new ControlFile(path, await lstat(aside));
      await giveName(aside, path, join(folder, "o"));
      return file;
    } catch (error) {
      server.close();
      throw error instanceof WaypostError ? error : cannotListen(path, adviceFor(error), error);
    } finally {
      if (folder !== null) await rm(folder, { recursive: true, force: true });
    }
  }

  /** Removes it, if it is still this one. To be called before the server closes: until then nobody gets its inode number. */
  async remove(): Promise<void> {
    const there = await lstat(this.#path).catch(() => null);
    if (there?.dev === this.#device && there.ino === this.#inode) await rm(this.#path, { force: true });
  }
}

function checkLength(path: string): void {
  const bytesMax = PATH_BYTES_MAX - Math.max(0, ASIDE_BYTES - Buffer.byteLength(basename(path)));
  const bytes = Buffer.byteLength(path);
  if (bytes <= bytesMax) return;
  const why = `its path has ${bytes} bytes, and the system allows ${bytesMax} here: set a shorter control.path`;
  throw cannotListen(path, why);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

/** Links, which never replaces anything: of two gateways that start at once, one finds the other. */
async function giveName(aside: string, path: string, oldAside: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await link(aside, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt === ATTEMPTS_MAX) throw error;
    }
    await clearAway(path, oldAside);
  }
}

/**
 * Makes room where nobody listens. Another gateway may have taken the place since we looked: so what is there is moved
 * aside first, and put back where somebody answers after all.
 */
async function clearAway(path: string, oldAside: string): Promise<void> {
  const there = await lstat(path).catch(() => null);
  if (there === null) return;
  if (!there.isSocket())
    throw cannotListen(path, "something else has this name: remove it, or set another control.path");
  await refuseIfHeld(path, path);
  await rename(path, oldAside).catch(() => {}); // somebody else cleared it away
  await refuseIfHeld(oldAside, path).catch(async (error: unknown) => {
    await link(oldAside, path).catch(() => {});
    throw error;
  });
}

/** @throws ERR_LISTEN unless it is sure that nobody listens */
async function refuseIfHeld(at: string, path: string): Promise<void> {
  const code = await connectError(at);
  if (code === "ECONNREFUSED" || code === "ENOENT") return;
  const why =
    code === "EACCES" || code === "EPERM"
      ? "it belongs to another user: remove it, or set another control.path"
      : "another gateway answers there: stop it, or give this one a control.path of its own";
  throw cannotListen(path, why);
}

/** The code of the error; null where somebody answered. */
function connectError(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(null);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
  });
}

function adviceFor(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const what = code === undefined ? message : (reasons[code] ?? message);
  return `${what}: set control.path to a place where the gateway may make a socket, or control.enabled to false`;
}

const reasons: Record<string, string> = {
  EACCES: "the gateway may not write in its folder",
  EROFS: "its folder is read-only",
  ENOTDIR: "a part of its path is no folder",
  EEXIST: "a part of its path is no folder",
  ENOSPC: "the disk is full",
};

function cannotListen(path: string, why: string, cause?: unknown): WaypostError {
  return new WaypostError("ERR_LISTEN", `cannot listen on the control socket ${path}: ${why}`, { cause });
}
