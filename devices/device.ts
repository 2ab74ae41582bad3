import type { Job } from "./job.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { Link } from "./link.ts";
import type { Message } from "./message.ts";
import type { Channel } from "./outgoing.ts";
import type { ProtocolVersion } from "./protocol-version.ts";
import type { Random } from "./random.ts";
import { Timetable } from "./timetable.ts";

/** What a device finds when it is put into its place. */
export type Place = {
  name: string;
  /** Topics begin with it. */
  root: string;
  random: Random;
  /** How long the fleet lives; a device does all that it does at least once within it. */
  liveMs: number;
};

/** What makes a thermometer a thermometer: a kind of device, without its connection. */
export type Behaviour = {
  readonly transport: "tcp" | "websocket";
  readonly persistent?: boolean;
  /** What it speaks, whatever the command line says. */
  readonly speaks?: ProtocolVersion;
  /** Asks the gateway where answers to its calls can come, and subscribes below it. */
  readonly asks?: boolean;
  /** By how much its clock is wrong, in milliseconds. */
  readonly clockErrorMs?: number;
  readonly subscriptions?: Readonly<Record<string, 0 | 1 | 2>>;
  readonly channels: readonly Channel[];
  /** Plans what it does of itself. */
  live?(link: Link, timetable: Timetable): void;
  heard?(message: Message, link: Link): void;
  /** Takes a job from a queue, and settles it itself. Without this, jobs are settled as they come. */
  work?(job: Job, link: Link): void;
  /** The fleet's life is over: what it has in hand it still finishes. `"away"` if it is not to come back for that. */
  rest?(): "away" | undefined;
};

/** One simulated device: a behaviour at the end of its link. Its methods are called in the order in which they stand. */
export class Device {
  readonly name: string;
  readonly #behaviour: Behaviour;
  readonly #link: Link;
  readonly #timetable = new Timetable();

  constructor(behaviour: Behaviour, link: Link) {
    this.name = link.name;
    this.#behaviour = behaviour;
    this.#link = link;
    link.onMessage = (message) => behaviour.heard?.(message, link);
    link.onJob = (job) => behaviour.work?.(job, link);
  }

  get lost(): boolean {
    return this.#link.state === "lost";
  }

  get isBusy(): boolean {
    return this.#link.isBusy;
  }

  /** Connects and has its SUBACK. @throws FleetError */
  async arrive(): Promise<void> {
    await this.#link.connect();
    const { replyPrefix } = this.#link;
    const replies = replyPrefix === undefined ? {} : { [`${replyPrefix}#`]: 1 as const };
    await this.#link.subscribe({ ...this.#behaviour.subscriptions, ...replies });
  }

  openStreams(ledger: Ledger): void {
    const { version } = this.#link;
    for (const { retain: _, ...channel } of this.#behaviour.channels) {
      const responseTopic = this.#link.responseTopic(channel);
      const wording = responseTopic === undefined ? {} : { responseTopic };
      ledger.open({ ...channel, ...wording, sender: this.name, version });
    }
  }

  live(): void {
    this.#behaviour.live?.(this.#link, this.#timetable);
  }

  /** Does nothing of itself any more, still answers, and is back if it was away. */
  async rest(): Promise<void> {
    this.#timetable.stop();
    if (this.#behaviour.rest?.() === "away") await this.#link.drop("cut");
    else await this.#link.comeBack();
  }

  /** Goes and returns once more, to find that nothing is left for it. */
  async lookAgain(): Promise<void> {
    await this.#link.lookAgain();
  }

  /** Hears nothing any more, and everything that was on its way has arrived. */
  async stopListening(): Promise<void> {
    await this.#link.unsubscribe();
  }

  /** Leaves nothing behind: no retained message, no session, no connection. Also when it never arrived. */
  async leave(): Promise<void> {
    this.#timetable.stop();
    await this.#link.clearRetained(this.#behaviour.channels.filter(({ retain }) => retain).map(({ topic }) => topic));
    await this.#link.leave();
  }
}
