import { ConfigError, formatMistake } from "../config/config-error.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Gateway } from "../gateway.ts";
import type { Log } from "../log.ts";
import { WaypostError } from "../waypost-error.ts";
import type { SignalSource } from "./command-context.ts";
import { exitCodes } from "./exit-code.ts";

export type RunningGateway = Pick<Gateway, "start" | "stop" | "reconfigure" | "addresses" | "failed">;

export interface Supervision {
  readonly gateway: RunningGateway;
  readonly log: Log;
  readonly signals: SignalSource;
  /** Ends the process without waiting for anything: after a second signal, or when stopping takes too long. */
  readonly exit: (code: number) => void;
  /** Reads the configuration again, for SIGHUP. */
  readonly reload: () => LoadedConfig;
  readonly onReady: (gateway: RunningGateway) => void;
}

const stopSecondsMax = 8;
const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Starts a gateway and lives with it until SIGINT or SIGTERM: stops it, within 8 seconds, and resolves to the exit code.
 * A second signal exits at once with 128 + its number. SIGHUP reloads the configuration.
 */
export function superviseGateway(supervision: Supervision): Promise<number> {
  return new GatewaySupervision(supervision).run();
}

class GatewaySupervision {
  readonly #parts: Supervision;
  #starting: Promise<boolean> = Promise.resolve(false);
  #reloading: Promise<void> = Promise.resolve();
  #isStopping = false;
  #finish: (code: number) => void = () => {};

  constructor(parts: Supervision) {
    this.#parts = parts;
  }

  async run(): Promise<number> {
    const { signals } = this.#parts;
    const finished = new Promise<number>((resolve) => {
      this.#finish = resolve;
    });
    signals.on("SIGINT", this.#onStop);
    signals.on("SIGTERM", this.#onStop);
    signals.on("SIGHUP", this.#onReload);
    this.#starting = this.#start();
    const isUp = await this.#starting;
    if (!isUp) this.#finish(exitCodes.runtime);
    void this.#parts.gateway.failed.then((reason) => this.#giveUp(reason));
    const code = await finished;
    signals.off("SIGINT", this.#onStop);
    signals.off("SIGTERM", this.#onStop);
    signals.off("SIGHUP", this.#onReload);
    return code;
  }

  async #start(): Promise<boolean> {
    const { gateway, log, onReady } = this.#parts;
    try {
      await gateway.start();
      onReady(gateway);
      return true;
    } catch (error) {
      log.error(fieldsOf(error), `the gateway did not start: ${messageOf(error)}`);
      await gateway
        .stop()
        .catch((stopError: unknown) => log.debug({ error: stopError }, "stopping after a failed start"));
      return false;
    }
  }

  readonly #onStop = (signal: NodeJS.Signals): void => {
    const { log, exit } = this.#parts;
    if (this.#isStopping) {
      log.warn({ signal }, `${signal} again: exiting at once`);
      exit(128 + (signalNumbers[signal as keyof typeof signalNumbers] ?? 0));
      return;
    }
    this.#isStopping = true;
    log.info({ signal }, `${signal}: stopping`);
    void this.#stop();
  };

  async #stop(): Promise<void> {
    const { gateway, log, exit } = this.#parts;
    const deadline = setTimeout(() => {
      log.error({}, `stopping took longer than ${stopSecondsMax} s: exiting without waiting any longer`);
      exit(exitCodes.runtime);
    }, stopSecondsMax * 1000);
    try {
      if (await this.#starting) await gateway.stop();
      log.info({}, "stopped");
      this.#finish(exitCodes.ok);
    } catch (error) {
      log.error(fieldsOf(error), `stopping failed: ${messageOf(error)}`);
      this.#finish(exitCodes.runtime);
    } finally {
      clearTimeout(deadline);
    }
  }

  /** A part of the gateway failed for good: whoever runs the process is better served by an exit code than by half a gateway. */
  async #giveUp(reason: unknown): Promise<void> {
    const { gateway, log } = this.#parts;
    if (this.#isStopping) return;
    this.#isStopping = true;
    log.error(fieldsOf(reason), `a part of the gateway failed for good: ${messageOf(reason)}`);
    await gateway.stop().catch((error: unknown) => log.error(fieldsOf(error), `stopping failed: ${messageOf(error)}`));
    this.#finish(exitCodes.runtime);
  }

  readonly #onReload = (): void => {
    if (this.#isStopping) return;
    // One after the other: the last file that was written wins.
    this.#reloading = this.#reloading.then(() => this.#reload());
  };

  async #reload(): Promise<void> {
    const { log, reload } = this.#parts;
    const isUp = await this.#starting;
    if (!isUp || this.#isStopping) return;
    let loaded: LoadedConfig;
    try {
      loaded = reload();
    } catch (error) {
      const mistakes = error instanceof ConfigError ? error.mistakes.map(formatMistake) : [messageOf(error)];
      for (const mistake of mistakes) log.error({}, `SIGHUP: nothing was changed: ${mistake}`);
      return;
    }
    try {
      await this.#apply(loaded);
    } catch (error) {
      log.error(fieldsOf(error), `SIGHUP: the configuration was not applied in full: ${messageOf(error)}`);
    }
  }

  async #apply({ config, file, warnings }: LoadedConfig): Promise<void> {
    const { gateway, log } = this.#parts;
    for (const warning of warnings) log.warn({}, warning);
    const { applied, needsRestart } = await gateway.reconfigure(config);
    const what = applied.length === 0 ? "nothing to apply" : `applied ${applied.join(", ")}`;
    log.info({ file, applied, needsRestart }, `SIGHUP: configuration reloaded, ${what}`);
    if (needsRestart.length > 0) log.warn({ needsRestart }, `takes effect after a restart: ${needsRestart.join(", ")}`);
  }
}

/** The text has the message already: what more is worth a field is the code, or for a defect everything. */
function fieldsOf(error: unknown): object {
  return error instanceof WaypostError && error.fault !== "invariant" ? { code: error.code } : { error };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
