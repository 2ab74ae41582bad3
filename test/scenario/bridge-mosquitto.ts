import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Whether Debian's mosquitto, the broker, is installed. */
export const hasMosquittoBroker = spawnSync("mosquitto", ["-h"]).error === undefined;

/** Mosquitto as the upstream of a bridge, in a process of its own; it is ended by whoever started it. */
export class MosquittoBroker {
  /** Of what it keeps, and of files for it. */
  readonly directory = mkdtempSync(join(tmpdir(), "waypost-test-"));
  readonly #config = join(this.directory, "mosquitto.conf");
  #child: ChildProcess | null = null;

  /** `lines` of its configuration; without any listener among them it opens none. */
  constructor(lines: (directory: string) => readonly string[]) {
    // Started by root it would become a user who cannot read what is in the directory.
    const common = [
      `user ${userInfo().username}`,
      "allow_anonymous true",
      "max_queued_messages 0",
      "set_tcp_nodelay true",
    ];
    writeFileSync(this.#config, [...common, ...lines(this.directory), ""].join("\n"));
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn("mosquitto", ["-c", this.#config], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    const output = createInterface({ input: child.stderr! });
    const said: string[] = [];
    await new Promise<void>((resolve, reject) => {
      output.on("line", (line) => {
        said.push(line);
        if (line.includes(" running")) resolve();
      });
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`mosquitto did not start: ${said.join("; ")}`)));
    });
  }

  /** It writes what it keeps first. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** Ends it, and removes its directory. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }
}
