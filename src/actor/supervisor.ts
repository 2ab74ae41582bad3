import type { Log } from "../log.ts";
import { WaypostError } from "../waypost-error.ts";
import type { Cancel, Clock } from "./clock.ts";
import { RestartIntensity, type RestartPolicy } from "./restart-intensity.ts";

/** One part of the gateway that is started, stopped and, when it fails, started again. */
export interface Child {
  readonly address: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Entry {
  child: Child;
  intensity: RestartIntensity;
  running: boolean;
  restarts: number;
  cancelRestart: Cancel | null;
}

export interface ChildReport {
  address: string;
  running: boolean;
  restarts: number;
}

/**
 * Starts its children in the order in which they were added and stops them in reverse. A child that fails later is
 * started again with back-off; one that fails too often is given up, and `gaveUp` is told.
 */
export class Supervisor {
  readonly #entries: Entry[] = [];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #policy: RestartPolicy;
  readonly #gaveUp: (child: Child, reason: unknown) => void;
  #stopping = false;

  constructor(parts: {
    clock: Clock;
    log: Log;
    policy: RestartPolicy;
    gaveUp: (child: Child, reason: unknown) => void;
  }) {
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#policy = parts.policy;
    this.#gaveUp = parts.gaveUp;
  }

  /** Adds a child at the end and starts it. */
  async start(child: Child): Promise<void> {
    if (this.#entries.some((entry) => entry.child.address === child.address)) {
      throw new WaypostError("ERR_INVARIANT", `two children of one supervisor share the address ${child.address}`);
    }
    await child.start();
    const intensity = new RestartIntensity(this.#policy, this.#clock);
    this.#entries.push({ child, intensity, running: true, restarts: 0, cancelRestart: null });
  }

  /** Stops one child and forgets it. Unknown addresses are nothing to do. */
  async remove(address: string): Promise<void> {
    const index = this.#entries.findIndex((entry) => entry.child.address === address);
    const [entry] = index < 0 ? [] : this.#entries.splice(index, 1);
    if (entry !== undefined) await this.#stopEntry(entry);
  }

  /** Stops all children, the last started first. A child that cannot stop cleanly is logged and passed over. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const entry of this.#entries.splice(0).reverse()) {
      try {
        await this.#stopEntry(entry);
      } catch (error) {
        this.#log.error({ actor: entry.child.address, error }, "could not stop cleanly");
      }
    }
  }

  /** A child says that it failed while running. */
  failed(address: string, reason: unknown): void {
    const entry = this.#entries.find((each) => each.child.address === address);
    if (entry === undefined || this.#stopping || entry.cancelRestart !== null) return;
    entry.running = false;
    const decision = entry.intensity.decide();
    if (decision.kind === "give-up") {
      this.#log.error({ actor: address, error: reason }, "failed too often; it is not started again");
      this.#gaveUp(entry.child, reason);
      return;
    }
    this.#log.warn({ actor: address, error: reason, delayMs: decision.delayMs }, "failed; it is started again");
    entry.cancelRestart = this.#clock.after(decision.delayMs, () => void this.#restart(entry));
  }

  report(): ChildReport[] {
    return this.#entries.map(({ child, running, restarts }) => ({ address: child.address, running, restarts }));
  }

  async #restart(entry: Entry): Promise<void> {
    try {
      await entry.child.stop();
      if (entry.cancelRestart === null) return;
      await entry.child.start();
      if (entry.cancelRestart === null) return await entry.child.stop(); // stopped or removed meanwhile
      entry.cancelRestart = null;
      entry.running = true;
      entry.restarts++;
    } catch (error) {
      entry.cancelRestart = null;
      this.failed(entry.child.address, error);
    }
  }

  async #stopEntry(entry: Entry): Promise<void> {
    entry.cancelRestart?.();
    entry.cancelRestart = null;
    entry.running = false;
    await entry.child.stop();
  }
}
