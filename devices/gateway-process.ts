import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { FleetError } from "./fleet-error.ts";
import { GatewayLog } from "./gateway-log.ts";
import { within } from "./within.ts";

const startMsMax = 15_000;
/** The gateway promises to be gone within 8 s of SIGTERM. */
const stopMsMax = 10_000;

/** One run of a gateway's program, from its start to its end. */
export class GatewayProcess {
  readonly log = new GatewayLog();
  readonly #child: ChildProcess;
  readonly #exited: Promise<string>;
  #ended = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    void this.#exited.then(() => {
      this.#ended = true;
    });
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface({ input: stream }).on("line", (line) => this.log.read(line));
    }
    // Also when the fleet ends by an exception or an impatient second Ctrl-C.
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    void this.#exited.then(() => process.removeListener("exit", kill));
  }

  /**
   * Starts `main` (the gateway's bundle) with settings such as `store.engine=memory`; wait for `ready` then.
   * @throws FleetError ERR_GATEWAY_START when there is no such file
   */
  static launch(main: string, settings: readonly string[]): GatewayProcess {
    if (!existsSync(main)) {
      throw new FleetError("ERR_GATEWAY_START", `there is no gateway at ${main}: build it with "npm run build"`);
    }
    const child = spawn(process.execPath, [main, "start", ...settings.flatMap((setting) => ["--set", setting])], {
      stdio: ["ignore", "pipe", "pipe"],
      env: withoutSettings(process.env),
      // In a process group of its own, Ctrl-C reaches the fleet alone, which still has to say goodbye to the gateway.
      detached: true,
    });
    return new GatewayProcess(child);
  }

  /**
   * Fulfilled when it listens.
   * @throws FleetError ERR_GATEWAY_START when it does not start or is killed before; it is gone by then
   */
  async ready(): Promise<void> {
    const exitedEarly = this.#exited.then((how) => {
      throw new FleetError("ERR_GATEWAY_START", `it ended with ${how}`);
    });
    try {
      await within(startMsMax, `its "ready"`, Promise.race([this.log.ready, exitedEarly]));
    } catch (error) {
      await this.stop();
      const text = error instanceof Error ? error.message : String(error);
      const hints = this.log.lastLines.map((line) => `\n  ${line}`).join("");
      throw new FleetError("ERR_GATEWAY_START", `the gateway did not start: ${text}${hints}`, { cause: error });
    }
  }

  /** Ends it by SIGKILL, as by a power failure. Says how it had ended if it was gone already. */
  async kill(): Promise<string | undefined> {
    if (this.#ended) return `it ended of itself with ${await this.#exited}`;
    this.#child.kill("SIGKILL");
    await this.#exited;
    return undefined;
  }

  /** Stops it, and says how it ended if that was not cleanly, of its own or by SIGTERM. */
  async stop(): Promise<string | undefined> {
    if (this.#ended) return `it ended of itself with ${await this.#exited}`;
    this.#child.kill("SIGTERM");
    try {
      const how = await within(stopMsMax, "its end", this.#exited);
      return how === "exit code 0" ? undefined : `it ended with ${how} on SIGTERM`;
    } catch {
      this.#child.kill("SIGKILL");
      await this.#exited;
      return `it was still there ${stopMsMax} ms after SIGTERM`;
    }
  }
}

/** What the user's environment sets for another gateway must not change this one. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("WAYPOST_")));
}
