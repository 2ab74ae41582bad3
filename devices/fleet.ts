import { clientIdOf } from "./client-id.ts";
import type { Clock } from "./clock.ts";
import { Device } from "./device.ts";
import { drain } from "./drain.ts";
import { eachLimited } from "./each-limited.ts";
import { findLeftovers } from "./find-leftovers.ts";
import { findRemains } from "./find-remains.ts";
import type { Gateway } from "./gateway.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { Link } from "./link.ts";
import { Outages } from "./outages.ts";
import type { Progress } from "./progress.ts";
import type { ProtocolVersion } from "./protocol-version.ts";
import type { Member } from "./scenario/scenario.ts";
import { habitsOf, plainHabits } from "./version5/habits.ts";

export type FleetOptions = {
  run: string;
  /** Client ids begin with it. */
  alias: string;
  /** Queues that must be empty at the end. */
  queues: readonly string[];
  root: string;
  seed: number;
  versions: ReadonlyMap<string, ProtocolVersion>;
  gateway: Gateway;
  /** Of a scenario with a cloud: where the members that are there connect to. Nobody kills it. */
  cloud?: Gateway | undefined;
  liveMs: number;
  /** Gives up on what is outstanding when nothing has come for this long. */
  quietMs: number;
  ledger: Ledger;
  outages: Outages;
  /** What befalls the gateway while the fleet lives. */
  havoc: () => Promise<void>;
  /** The mailboxes must be empty at the end. */
  looksAgain: boolean;
  clock: Clock;
  progress: Progress;
  /** Aborted: the fleet stops, tidies up, and the ledger holds what there is so far. */
  signal: AbortSignal;
};

/** MQTT.js needs a few milliseconds of this machine for each; more at once only makes all of them slow. */
const connectionsAtOnce = 50;
const drainMsMax = 60_000;
/** After Ctrl-C: enough for what is on its way, short for who waits. */
const interruptedDrainMsMax = 1_000;
const lookMs = 200;

/** The life of a fleet, from the first CONNECT to the last DISCONNECT. What happened is in the ledger. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #devices: readonly Device[];
  #lost = 0;

  constructor(members: readonly Member[], options: FleetOptions) {
    this.#options = options;
    this.#devices = members.map((member) => this.#build(member));
  }

  /** @throws FleetError when the gateway cannot be reached or refuses a subscription; the fleet has left by then */
  async run(): Promise<void> {
    try {
      await this.#arrive();
      if (this.#over) return;
      // Opened only here: who must receive a message is whoever has its SUBACK by this moment.
      for (const device of this.#devices) device.openStreams(this.#options.ledger);
      await Promise.all([this.#live(), this.#options.havoc()]);
      await Promise.all(this.#devices.map((device) => device.rest()));
      await this.#drain();
      if (this.#options.looksAgain && !this.#over && this.#options.ledger.awaited === 0) await this.#lookAgain();
      await Promise.all(this.#devices.map((device) => device.stopListening()));
    } finally {
      await this.#leave();
      this.#options.progress.end();
    }
    await this.#lookBack();
  }

  get #everyoneLost(): boolean {
    return this.#lost === this.#devices.length;
  }

  get #over(): boolean {
    return this.#options.signal.aborted || this.#everyoneLost;
  }

  #build({ name, behaviour, at }: Member): Device {
    const { run, alias, seed, versions, gateway, cloud = gateway, ledger, clock } = this.#options;
    const { url, wsUrl, ...credentials } = at === "cloud" ? cloud : gateway;
    const outages = at === "cloud" ? new Outages() : this.#options.outages;
    const { persistent = false, asks = false, clockErrorMs = 0, work } = behaviour;
    // What a cloud makes of odd habits is not the question.
    const habits = at === "cloud" ? plainHabits : habitsOf(name, seed);
    const voice = { version: versions.get(name) ?? 4, habits, asks, clockErrorMs };
    const way = { url: behaviour.transport === "tcp" ? url : wsUrl, clientId: clientIdOf(alias, name) };
    const link = new Link(
      { name, run, persistent, holdsJobs: work !== undefined, ...way, ...voice, ...credentials },
      { ledger, clock, outages, lost: () => this.#lost++ },
    );
    return new Device(behaviour, link);
  }

  async #arrive(): Promise<void> {
    const { progress, signal } = this.#options;
    let arrived = 0;
    progress.step("connecting", this.#devices.length);
    await eachLimited(this.#devices, connectionsAtOnce, async (device) => {
      if (signal.aborted) return;
      await device.arrive();
      progress.at(++arrived);
    });
  }

  async #live(): Promise<void> {
    const { progress, clock, liveMs } = this.#options;
    progress.step("living", Math.ceil(liveMs / 1_000));
    const startedMs = clock.nowMs();
    for (const device of this.#devices) device.live();
    for (;;) {
      const livedMs = clock.nowMs() - startedMs;
      // A fleet whose gateway is gone would only wait for its time to pass.
      if (livedMs >= liveMs || this.#over) return;
      progress.at(Math.floor(livedMs / 1_000), "s");
      await clock.sleep(Math.min(lookMs, liveMs - livedMs));
    }
  }

  async #drain(): Promise<void> {
    const { progress, clock, ledger, signal, quietMs } = this.#options;
    const outstandingAtStart = Math.max(1, ledger.outstanding);
    progress.step("draining", outstandingAtStart);
    await drain(ledger, {
      clock,
      quietMs,
      drainMsMax: () => (signal.aborted ? interruptedDrainMsMax : drainMsMax),
      pointless: () => this.#everyoneLost,
      busy: () => this.#devices.some((device) => device.isBusy),
      waiting: (outstanding) => progress.at(outstandingAtStart - outstanding, "messages"),
    });
  }

  async #lookAgain(): Promise<void> {
    await eachLimited(this.#devices, connectionsAtOnce, (device) => device.lookAgain());
  }

  async #leave(): Promise<void> {
    this.#options.progress.step("leaving", this.#devices.length);
    let left = 0;
    await eachLimited(this.#devices, connectionsAtOnce, async (device) => {
      await device.leave();
      this.#options.progress.at(++left);
    });
  }

  async #lookBack(): Promise<void> {
    const { root, gateway, ledger, queues } = this.#options;
    if (this.#everyoneLost) return;
    try {
      // What was interrupted may leave jobs behind.
      for (const job of this.#over ? [] : await findLeftovers(queues, gateway)) {
        ledger.incident("a queue was not empty although all of its jobs were settled", job);
      }
      for (const topic of await findRemains(root, gateway)) {
        ledger.incident("something stayed retained that had been cleared", topic);
      }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      ledger.incident("nobody could look for what stayed retained or queued", text);
    }
  }
}
