import { setMaxListeners } from "node:events";
import fc from "fast-check";
import { anyScript } from "./any-script.ts";
import type { FuzzOptions } from "./fuzz-options.ts";
import { FuzzedGateway, type Memory } from "./fuzzed-gateway.ts";
import { GoodPair } from "./good-pair.ts";
import { play } from "./play.ts";
import { narrow, shorten } from "./replay.ts";
import type { Script } from "./script.ts";
import { keepSeed } from "./seed-file.ts";
import { sweep } from "./sweep.ts";
import { Tally } from "./tally.ts";

/** How long a message of the good pair may take while the others rage. */
const GOOD_MS_MAX = 10_000;
/** Scripts that ended last and are kept with a failure, beside those that were being played. */
const ENDED_KEPT = 60;
/** Different kinds of faults that are told apart. */
const SEEN_MAX = 20;
const SCRIPTS_A_SAMPLE = 20;
/** Memory that has grown by less need not settle any further. */
const SETTLED_BYTES = 3 * 1024 * 1024;
/** What settled memory may grow from the end of the warm-up to the end of the run. */
const GROWTH_BYTES_MAX = 24 * 1024 * 1024;
const RSS_GROWTH_BYTES_MAX = 96 * 1024 * 1024;
/** The gateway looks for expired sessions once a minute. */
const SETTLE_MS_MAX = 75_000;

export interface FuzzResult {
  faults: string[];
  tally: Tally;
  pairs: GoodPair[];
  /** Settled memory after the warm-up and at the end. */
  before: Memory | null;
  after: Memory | null;
  logLines: ReadonlyMap<string, number>;
  /** Where what is needed to replay a failure was written. */
  kept: string[];
}

/** Fuzzes a gateway of its own; `say` is told how it goes. */
export function runFuzz(options: FuzzOptions, say: (line: string) => void): Promise<FuzzResult> {
  return new FuzzRun(options, say).run();
}

class FuzzRun {
  readonly #options: FuzzOptions;
  readonly #say: (line: string) => void;
  readonly #faults: string[] = [];
  readonly #tally = new Tally();
  readonly #stop = new AbortController();
  readonly #open = new Set<Script>();
  readonly #ended: Script[] = [];
  readonly #samples: Script[] = [];
  /** What single connections saw, each kind of it once, and the script that led to it. */
  readonly #seen = new Map<string, { fault: string; script: Script }>();
  #sampled = 0;

  constructor(options: FuzzOptions, say: (line: string) => void) {
    this.#options = options;
    this.#say = say;
    setMaxListeners(0, this.#stop.signal); // one for each connection
  }

  async run(): Promise<FuzzResult> {
    const { main, store, seconds, scriptsMax } = this.#options;
    const gateway = await FuzzedGateway.start(main, store, (why) => this.#failed(why));
    const pairs = await this.#startPairs(gateway.port);
    // Code is compiled and tables are filled before memory is compared.
    await this.#play(gateway.port, seconds * 100, Math.ceil(scriptsMax / 3));
    const before = await this.#settled(gateway, null);
    if (before !== null) this.#say(`warmed up: ${this.#tally.played} connections, ${mebibytes(before)}`);
    await this.#play(gateway.port, seconds * 900, scriptsMax);
    const after = before === null ? null : await this.#settled(gateway, before);
    for (const pair of pairs) await pair.stop();
    const how = await gateway.stop();
    if (how !== undefined) this.#failed(how);
    const kept = await this.#keep();
    const { lines: logLines } = gateway;
    return { faults: this.#faults, tally: this.#tally, pairs, before, after, logLines, kept };
  }

  async #startPairs(port: number): Promise<GoodPair[]> {
    const { versions } = this.#options;
    const old = versions.includes(4) ? 4 : versions[0];
    const young = versions.includes(5) ? 5 : old;
    if (old === undefined || young === undefined) return [];
    const start = (...pair: [typeof old, typeof young]) =>
      GoodPair.start(port, pair, GOOD_MS_MAX, (why) => this.#failed(why));
    return old === young ? [await start(old, young)] : [await start(old, young), await start(young, old)];
  }

  /** Plays scripts for so long (without an end if 0), or until so many were played. */
  async #play(port: number, ms: number, scriptsMax: number): Promise<void> {
    const until = ms === 0 ? Number.POSITIVE_INFINITY : performance.now() + ms;
    const goesOn = () =>
      !this.#stop.signal.aborted && performance.now() < until && this.#tally.played + this.#open.size < scriptsMax;
    const worker = async () => {
      while (goesOn()) await this.#playOne(this.#next(), port);
    };
    await Promise.all(Array.from({ length: this.#options.connections }, worker));
  }

  async #playOne(script: Script, port: number): Promise<void> {
    this.#open.add(script);
    const played = await play(script, port, this.#stop.signal);
    this.#open.delete(script);
    if (this.#stop.signal.aborted) return;
    this.#ended.push(script);
    if (this.#ended.length > ENDED_KEPT) this.#ended.shift();
    this.#tally.add(script.kind, played);
    if (this.#tally.played % 10_000 === 0) this.#say(`${this.#tally.played} connections`);
    for (const fault of played.faults) this.#saw(`the gateway ${fault}`, script);
  }

  #next(): Script {
    if (this.#samples.length === 0) {
      // Each sample has a seed of its own, so that the run does the same again whichever connection takes which script.
      const seed = (this.#options.seed + 0x9e3779b9 * this.#sampled++) | 0;
      this.#samples.push(...fc.sample(anyScript(this.#options.versions), { seed, numRuns: SCRIPTS_A_SAMPLE }));
    }
    return this.#samples.pop() as Script;
  }

  /** Memory once nothing is left of fuzzed clients: after a long run that takes until their sessions have expired. */
  async #settled(gateway: FuzzedGateway, before: Memory | null): Promise<Memory | null> {
    if (this.#stop.signal.aborted) return null;
    for (const fault of await sweep(gateway.port)) this.#failed(fault);
    const until = performance.now() + (this.#options.seconds < 60 ? 0 : SETTLE_MS_MAX);
    for (;;) {
      const memory = await gateway.memory();
      if (memory === null) {
        this.#failed("the gateway does not answer: it hangs, or is gone");
        return null;
      }
      if (before === null || this.#stop.signal.aborted) return memory;
      const grown = memory.used - before.used;
      if (grown < SETTLED_BYTES || performance.now() > until) {
        if (grown < GROWTH_BYTES_MAX && memory.rss - before.rss < RSS_GROWTH_BYTES_MAX) return memory;
        this.#failed(`its memory grew from ${mebibytes(before)} to ${mebibytes(memory)}`);
        return memory;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  /** A fault of one connection does not end the run: there may be others to find. */
  #saw(fault: string, script: Script): void {
    const kind = fault.replaceAll(/\d+/g, "N");
    if (this.#seen.has(kind) || this.#seen.size === SEEN_MAX) return;
    this.#seen.set(kind, { fault, script });
    this.#faults.push(fault);
    this.#say(`found: ${fault}`);
  }

  /** A failure of the gateway as a whole ends the run: what was going on then is what led to it. */
  #failed(why: string): void {
    if (this.#stop.signal.aborted) return;
    this.#faults.push(why);
    this.#say(`failed: ${why}`);
    this.#stop.abort();
  }

  async #keep(): Promise<string[]> {
    const { main, store, seed, seedDirectory } = this.#options;
    const kept: string[] = [];
    const keep = async (what: string, scripts: Script[]) => {
      kept.push(await keepSeed(seedDirectory, `failed-${seed}-${kept.length + 1}`, { what, seed, store, scripts }));
    };
    for (const { fault, script } of this.#seen.values()) await keep(fault, [await shorten(main, store, script)]);
    if (!this.#stop.signal.aborted) return kept;
    const suspects = [...this.#open, ...this.#ended.reverse()];
    this.#say(`looking for the one among ${suspects.length} scripts that did it`);
    const what = this.#faults.at(-1) as string;
    await keep(what, await narrow(main, store, suspects));
    return kept;
  }
}

/** For people. */
export function mebibytes({ rss, used }: Memory): string {
  const of = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  return `${of(used)} in use, ${of(rss)} resident`;
}
