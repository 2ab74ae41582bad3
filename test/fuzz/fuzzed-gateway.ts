import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { WaypostError } from "../../src/waypost-error.ts";

/** Bytes that a process uses after its garbage was collected. */
export interface Memory {
  rss: number;
  used: number;
}

// Small limits: what is kept of fuzzed connections must be little next to what would be a leak.
const settings = [
  "listeners.mqtt.port=0",
  "listeners.web.enabled=false",
  "limits.connectSeconds=1",
  "limits.packetBytesMax=256KiB",
  "mailboxes.messagesMax=200",
  "mailboxes.bytesMax=256KiB",
  "store.bytesMax=16MiB",
  "retained.messagesMax=200",
  "retained.bytesMax=1MiB",
  "sessions.expirySecondsMax=5",
  "log.format=json",
];
const READY_MS_MAX = 20_000;
const STOP_MS_MAX = 12_000;
const LINES_KEPT = 30;

/** Collects garbage and tells how much memory is left in use, whenever a message comes. */
const measuring = `process.on("message", () => {
  for (let i = 0; i < 3; i++) gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ rss, used: heapUsed + external });
});
process.channel.unref();`;

/** A gateway in a process of its own, whose log is watched. */
export class FuzzedGateway {
  port = 0;
  /** Lines of the log, by level. */
  readonly lines = new Map<string, number>();
  /** The last lines of the log. */
  readonly last: string[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<string>;
  #isStopping = false;
  #failed: (why: string) => void = () => {};
  #ready = () => {};

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    void this.#exited.then((how) => {
      if (!this.#isStopping) this.#failed(`the gateway ended: ${how}`);
    });
    createInterface({ input: child.stdout! }).on("line", (line) => this.#line(line));
    createInterface({ input: child.stderr! }).on("line", (line) => this.#stray(line));
  }

  /** Starts one; `failed` is told of each error in its log, and of its end. It is to be stopped. */
  static async start(main: string, store: "memory" | "nedb", failed: (why: string) => void): Promise<FuzzedGateway> {
    if (!existsSync(main))
      throw new WaypostError("ERR_USAGE", `there is no gateway at ${main}: build it with "node build.js"`);
    const directory = await mkdtemp(join(tmpdir(), "waypost-fuzz-"));
    const all = [...settings, `store.engine=${store}`, `store.directory=${directory}`].flatMap((each) => [
      "--set",
      each,
    ]);
    const measure = `data:text/javascript,${encodeURIComponent(measuring)}`;
    const environment = Object.entries(process.env).filter(([name]) => !/^(WAYPOST|VITEST|NODE_OPTIONS)/.test(name));
    const child = spawn(process.execPath, ["--expose-gc", "--import", measure, main, "start", ...all], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: Object.fromEntries(environment),
    });
    const gateway = new FuzzedGateway(child);
    void gateway.#exited.then(() => rm(directory, { recursive: true, force: true }));
    gateway.#failed = failed;
    const ready = new Promise<void>((resolve) => {
      gateway.#ready = resolve;
    });
    if (await gateway.#within(READY_MS_MAX, ready)) return gateway;
    child.kill("SIGKILL");
    throw new WaypostError("ERR_LISTEN", `the gateway did not get ready:\n${gateway.last.join("\n")}`);
  }

  /** Asks it to collect its garbage and say what is left; null when it does not answer, because it hangs or is gone. */
  async memory(limitMs = 20_000): Promise<Memory | null> {
    let found: Memory | null = null;
    const answer = new Promise<void>((resolve) => {
      this.#child.once("message", (memory) => {
        found = memory as Memory;
        resolve();
      });
    });
    if (!this.#child.connected) return null;
    this.#child.send("measure");
    await this.#within(limitMs, answer);
    return found;
  }

  /** Stops it, and says how it ended if that was not cleanly. */
  async stop(): Promise<string | undefined> {
    this.#isStopping = true;
    this.#child.kill("SIGTERM");
    const left = await this.#within(STOP_MS_MAX, this.#exited);
    if (!left) {
      this.#child.kill("SIGKILL");
      await this.#exited;
      return `the gateway was still there ${STOP_MS_MAX} ms after SIGTERM`;
    }
    const how = await this.#exited;
    return how === "exit code 0" ? undefined : `the gateway ended with ${how} on SIGTERM`;
  }

  #line(line: string): void {
    this.#keep(line);
    const { level, msg, listeners } = parsed(line);
    this.lines.set(level, (this.lines.get(level) ?? 0) + 1);
    if (level === "error" || level === "none" || /the device (crashed|failed)/.test(msg))
      this.#failed(`its log: ${line.slice(0, 2000)}`);
    if (listeners !== undefined) {
      this.port = listeners.mqtt?.port ?? 0;
      this.#ready();
    }
  }

  /** Nothing is to be written beside the log. */
  #stray(line: string): void {
    this.#keep(line);
    if (!/Warning: .*(loader|import)/.test(line)) this.#failed(`on its standard error: ${line.slice(0, 500)}`);
  }

  #keep(line: string): void {
    this.last.push(line);
    if (this.last.length > LINES_KEPT) this.last.shift();
  }

  /** Whether it happens in time, and while the process is there. */
  async #within(ms: number, happens: Promise<unknown>): Promise<boolean> {
    let timeout: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timeout = setTimeout(() => resolve(false), ms);
    });
    const exited = this.#exited.then(() => happens === this.#exited);
    const inTime = await Promise.race([happens.then(() => true), exited, late]);
    clearTimeout(timeout);
    return inTime;
  }
}

function parsed(line: string): { level: string; msg: string; listeners?: Record<string, { port: number }> } {
  try {
    return JSON.parse(line);
  } catch {
    return { level: "none", msg: line };
  }
}
