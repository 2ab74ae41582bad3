import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";

/** How much of what a child says is kept, for the message when it fails. */
const tailBytesMax = 4096;

export interface Child {
  readonly process: ChildProcess;
  /** The end of what it wrote to stderr, or to stdout if stderr stayed empty. */
  lastWords(): string;
  exited(): boolean;
  /** Asks with SIGTERM, insists with SIGKILL after `graceMs`; resolves when it is gone. */
  stop(graceMs?: number): Promise<void>;
  /** Ends it with SIGKILL, as a power cut would; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Every child of the benchmark, so that none outlives it: not after a failure, not after Ctrl-C. */
export class ChildProcesses {
  readonly #alive = new Set<ChildProcess>();

  start(command: string, args: readonly string[], options: SpawnOptions = {}): Child {
    const child = spawn(command, args, { ...options, stdio: "pipe" });
    this.#alive.add(child);
    let out = "";
    let err = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      out = (out + chunk.toString()).slice(-tailBytesMax);
    });
    child.stderr!.on("data", (chunk: Buffer) => {
      err = (err + chunk.toString()).slice(-tailBytesMax);
    });
    child.stdin!.on("error", () => {}); // it may be gone before it has read; its exit says so
    child.on("error", (error) => {
      err += error.message;
      this.#alive.delete(child);
    });
    child.on("exit", () => this.#alive.delete(child));
    const exited = () => !this.#alive.has(child);
    const kill = async () => {
      if (exited()) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    };
    return {
      process: child,
      lastWords: () => (err.trim() || out.trim()).split("\n").at(-1) ?? "",
      exited,
      kill,
      stop: async (graceMs = 3000) => {
        if (exited()) return;
        const gone = once(child, "exit");
        child.kill("SIGTERM");
        const insist = setTimeout(() => child.kill("SIGKILL"), graceMs);
        await gone;
        clearTimeout(insist);
      },
    };
  }

  /** For the way out of the process: at once, and by process id only. */
  killAll(): void {
    for (const child of this.#alive) child.kill("SIGKILL");
    this.#alive.clear();
  }
}
