import { GatewayProcess } from "./gateway-process.ts";

/** A gateway that lives as long as the run, and may die and start again in between with the same settings. */
export class OwnGateway {
  readonly #main: string;
  readonly #settings: readonly string[];
  readonly #earlierComplaints: string[] = [];
  #process: GatewayProcess | undefined;

  /** `settings` are those of the gateway's `--set`, such as `store.engine=memory`. */
  constructor(main: string, settings: readonly string[]) {
    this.#main = main;
    this.#settings = settings;
  }

  /**
   * Starts it and waits until it listens; gives the addresses.
   * @throws FleetError ERR_GATEWAY_START
   */
  async start(): Promise<{ url: string; wsUrl: string }> {
    if (this.#process !== undefined) this.#earlierComplaints.push(...this.#process.log.complaints);
    const launched = GatewayProcess.launch(this.#main, this.#settings);
    this.#process = launched;
    await launched.ready();
    return launched.log.ready;
  }

  /** Ends it by SIGKILL, started or starting. Says how it had ended if it was gone already. */
  async kill(): Promise<string | undefined> {
    return this.#process?.kill();
  }

  /** Stops it, and says how it ended if that was not cleanly, of its own or by SIGTERM. */
  async stop(): Promise<string | undefined> {
    return this.#process?.stop();
  }

  /** The last warnings and errors of each of its lives. */
  get complaints(): string[] {
    return [...this.#earlierComplaints, ...(this.#process?.log.complaints ?? [])];
  }
}
