import type { Clock } from "../clock.ts";
import { FleetError } from "../fleet-error.ts";
import { freePort } from "../free-port.ts";
import type { Gateway } from "../gateway.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { LineBook } from "../ledger/line-book.ts";
import type { DevicesOptions } from "../options.ts";
import type { Outages } from "../outages.ts";
import { createRandom } from "../random.ts";
import { awaitBridge } from "./await-bridge.ts";
import { type BridgePlan, bridgeSettings } from "./bridge-plan.ts";
import type { Cloud, CloudKind } from "./cloud.ts";
import { Line } from "./line.ts";
import type { Ended } from "./proxied.ts";
import { startCloud } from "./start-cloud.ts";
import { planTroubles } from "./trouble.ts";
import { troubleAtRandom } from "./trouble-at-random.ts";

export type UplinkOptions = {
  plan: BridgePlan;
  run: string;
  cloud: CloudKind | undefined;
  gatewayMain: string;
  ledger: Ledger;
  book: LineBook;
  outages: Outages;
  clock: Clock;
  signal: AbortSignal;
};

type Havoc = Pick<DevicesOptions, "cuts" | "troubles" | "seed" | "seconds">;

/** A cloud of this run's own, the line to it, and what the gateway must know to have a bridge over it. */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #cloud: Cloud;
  readonly #line: Line;

  private constructor(options: UplinkOptions, cloud: Cloud, linePort: number) {
    this.#options = options;
    this.#cloud = cloud;
    const { host, port } = cloud;
    const { clock } = options;
    this.#line = new Line({ port: linePort, cloud: { host, port }, clock, opened: () => this.#opened() });
  }

  /** @throws FleetError ERR_CLOUD_START, ERR_GATEWAY_START */
  static async open(options: UplinkOptions): Promise<Uplink> {
    // By the run and not by its seed: runs of the same seed at the same time must not meet.
    const random = createRandom(0, `${options.run}, cloud`);
    const cloud = await startCloud(options.cloud, options.gatewayMain, random);
    try {
      const uplink = new Uplink(options, cloud, await freePort(random));
      await uplink.#line.open();
      return uplink;
    } catch (error) {
      await cloud.stop();
      throw error;
    }
  }

  get cloud(): Gateway {
    return this.#cloud.gateway;
  }

  get cloudName(): string {
    return this.#cloud.name;
  }

  /** As the gateway's `--set` takes them. */
  get settings(): string[] {
    return bridgeSettings(this.#options.plan, this.#line.port);
  }

  /** `complaints`: those of the gateway so far. @throws FleetError ERR_BRIDGE_SILENT */
  async ready(gateway: Gateway, complaints: () => readonly string[]): Promise<void> {
    const { plan, signal } = this.#options;
    try {
      await awaitBridge(plan, { gateway, cloud: this.#cloud.gateway, signal });
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      const hints = complaints().map((line) => `\n  ${line}`);
      throw new FleetError(error.code, `${error.message}${hints.join("")}`, { cause: error });
    }
  }

  /** Spoils the line so often at random moments. It is in order when this returns. */
  async wreakHavoc({ cuts, troubles: kinds, seed, seconds }: Havoc): Promise<void> {
    const { book, clock, signal } = this.#options;
    const troubles = planTroubles(cuts, seconds * 1_000, createRandom(seed, "troubles of the line"), kinds);
    await troubleAtRandom({ line: this.#line, book, troubles, clock, signal });
  }

  /** To be called while the gateway is still there: its bridge then ends with the line. */
  async closeLine(): Promise<void> {
    await this.#line.close();
  }

  /** Says how the cloud ended if that was not cleanly. */
  async stop(): Promise<string | undefined> {
    await this.#line.close();
    return this.#cloud.stop();
  }

  #opened(): (ended: Ended) => void {
    const { ledger, book, outages, clock } = this.#options;
    const mark = outages.mark();
    const openedMs = clock.nowMs();
    return ({ spoiledSinceMs, hasCarried, by }) => {
      const nowMs = clock.nowMs();
      if (spoiledSinceMs !== undefined) {
        if (hasCarried) book.broke(spoiledSinceMs, nowMs);
        return;
      }
      // The book has the kill itself.
      if (outages.excuseEnd(mark)) return;
      const text = `by the ${by}, ${Math.round(nowMs - openedMs)} ms old`;
      ledger.incident("a bridge's connection ended on a line that was in order", text);
    };
  }
}
