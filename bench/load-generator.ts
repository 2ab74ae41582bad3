import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { WaypostError } from "../src/waypost-error.ts";
import type { Child, ChildProcesses } from "./child-processes.ts";
import { parseLoadOutput } from "./parse-load-output.ts";
import { repositoryRoot } from "./repository-root.ts";
import type { Sample } from "./sample.ts";

/** Live traffic whose latency is watched while something else happens to the broker. */
export interface Probe {
  /** The latencies since the start or the end of the phase before. */
  endPhase(): Promise<Sample>;
  stop(): Promise<void>;
}

/** Beyond this a run hangs: the generator gives up by itself after 30 s without progress. */
const runTimeoutMs = 120_000;

/** The options of bench/load.c without their dashes. */
export type LoadOptions = Readonly<Record<string, string | number>>;

/** The C program of bench/load.c, compiled into a folder of this run. */
export class LoadGenerator {
  readonly #children: ChildProcesses;
  readonly program: string;

  /** @throws WaypostError ERR_USAGE when there is no C compiler, or when it fails */
  constructor(children: ChildProcesses, folder: string) {
    this.#children = children;
    this.program = join(folder, "load");
    try {
      execFileSync("cc", ["-O2", "-o", this.program, join(repositoryRoot, "bench/load.c")], { stdio: "pipe" });
    } catch (cause) {
      const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
      const reason = missing
        ? "there is no C compiler `cc` (Debian: apt install gcc libc6-dev)"
        : `cc failed: ${String((cause as { stderr?: Buffer }).stderr).trim()}`;
      throw new WaypostError("ERR_USAGE", `bench/load.c, the load generator, cannot be compiled: ${reason}`, { cause });
    }
  }

  /**
   * Runs to the end and returns its numbers.
   * @param onFirstWords - called when it first says something: in bridge-drain, that it has subscribed
   * @throws WaypostError ERR_UPSTREAM with the generator's last words when it gives up on the broker
   */
  async run(options: LoadOptions, onFirstWords = () => {}): Promise<Sample> {
    const child = this.#children.start(this.program, argumentsOf(options));
    let stdout = "";
    child.process.stdout!.once("data", onFirstWords);
    child.process.stdout!.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    const timer = setTimeout(() => child.process.kill("SIGKILL"), runTimeoutMs);
    const [code, signal] = (await once(child.process, "close")) as [number | null, string | null];
    clearTimeout(timer);
    if (code !== 0) throw new WaypostError("ERR_UPSTREAM", child.lastWords() || `load: killed by ${signal}`);
    return parseLoadOutput(stdout);
  }

  /**
   * Starts publishing at a steady rate to a subscriber of its own, until it is stopped.
   * @throws WaypostError ERR_UPSTREAM, from here or `endPhase`, when the generator gives up on the broker
   */
  async startProbe(options: LoadOptions): Promise<Probe> {
    const child = this.#children.start(this.program, argumentsOf({ ...options, mode: "probe" }));
    const lines = createInterface({ input: child.process.stdout! })[Symbol.asyncIterator]();
    const nextLine = async () => {
      const { done, value } = await lines.next();
      if (done) throw new WaypostError("ERR_UPSTREAM", `probe: ${child.lastWords() || "it exited"}`);
      return value;
    };
    await nextLine(); // both are connected, and messages flow
    return {
      endPhase: async () => {
        child.process.stdin!.write("\n");
        return parseLoadOutput(await nextLine());
      },
      stop: () => child.stop(),
    };
  }

  /** Opens idle connections and resolves when all are accepted; they close when the returned child is stopped. */
  async holdConnections(port: number, connections: number): Promise<Child> {
    const options = { mode: "idle", port, subscribers: connections };
    const child = this.#children.start(this.program, argumentsOf(options));
    await Promise.race([once(child.process.stdout!, "data"), once(child.process, "close")]);
    if (child.exited()) throw new WaypostError("ERR_UPSTREAM", child.lastWords());
    return child;
  }
}

function argumentsOf(options: LoadOptions): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
}
