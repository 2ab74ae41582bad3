import { expect, vi } from "vitest";
import type { BridgeReport } from "../../src/bridge/bridge-report.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { RawClient } from "../support/raw-client.ts";
import { patience, politely, ScriptedUpstream } from "../support/scripted-upstream.ts";
import { type RunningGateway, startGateway } from "../support/start-gateway.ts";

/** What the bridge to the bad upstream is told, beside its URL. */
export interface BridgeChanges {
  readonly url?: string | readonly string[];
  readonly topics?: readonly object[];
  readonly [key: string]: unknown;
}

/**
 * A gateway with two bridges, `bad` to an upstream that does as the test says and `good` to a proper one, and a device
 * that publishes. Time stands still until the test moves it, except for the pings, which are MQTT.js's own.
 */
export class BridgeBadHouse {
  readonly running: RunningGateway;
  readonly clock: ManualClock;
  readonly bad: ScriptedUpstream;
  readonly good: ScriptedUpstream;
  readonly publisher: RawClient;
  #packetId = 0;

  private constructor(
    running: RunningGateway,
    parts: { clock: ManualClock; bad: ScriptedUpstream; good: ScriptedUpstream; publisher: RawClient },
  ) {
    this.running = running;
    this.clock = parts.clock;
    this.bad = parts.bad;
    this.good = parts.good;
    this.publisher = parts.publisher;
  }

  /** `script` is that of the bad upstream; `config` is for the rest of the gateway. */
  static async build(
    script: ScriptedUpstream["script"] = politely,
    changes: BridgeChanges = {},
    config: object = {},
  ): Promise<BridgeBadHouse> {
    const clock = new ManualClock();
    const [bad, good] = [await ScriptedUpstream.start(script), await ScriptedUpstream.start()];
    const bridges = {
      bad: { url: bad.url, retryMaxSeconds: 8, topics: [{ filter: "up/#" }], ...changes },
      good: { url: good.url, topics: [{ filter: "#" }] },
    };
    const running = await startGateway({ bridges, ...config }, clock);
    const publisher = await RawClient.connected(running.port, { clientId: "publisher" });
    const house = new BridgeBadHouse(running, { clock, bad, good, publisher });
    await house.until(() => house.reportOf("good").state === "connected");
    return house;
  }

  reportOf(name: string): BridgeReport {
    return this.running.gateway.administration.bridge(name);
  }

  /** Of the bridge `bad`. */
  get report(): BridgeReport {
    return this.reportOf("bad");
  }

  /** Warnings and errors about it. */
  get complaints(): string[] {
    return this.running.log.complaints.filter(({ fields }) => fields.bridge === "bad").map(({ text }) => text);
  }

  /** How often its connection has failed or broken. */
  get failures(): number {
    const { lines } = this.running.log;
    return lines.filter(({ fields, text }) => fields.bridge === "bad" && text.includes("next attempt in")).length;
  }

  /** Milliseconds until it tries again; 0 where it does so at once. */
  get retryMs(): number {
    const { retryAt } = this.report;
    return retryAt === null ? 0 : Date.parse(retryAt) - this.clock.now();
  }

  async until(condition: () => boolean): Promise<void> {
    await vi.waitUntil(condition, patience);
  }

  async connected(): Promise<void> {
    await this.until(() => this.report.state === "connected");
  }

  /** Waits until it has failed so often. */
  async failed(times: number): Promise<void> {
    await this.until(() => this.failures >= times);
  }

  /** Moves the clock to the next attempt. */
  async retry(): Promise<void> {
    await this.until(() => this.report.retryAt !== null);
    this.clock.advance(this.retryMs);
  }

  /** Moves the clock until it has failed so often, and not further. */
  failsInTime(times: number): void {
    for (let movedMs = 0; this.failures < times && movedMs < 300_000; movedMs += 100) this.clock.advance(100);
    expect(this.failures).toBe(times);
  }

  /** Moves the clock, attempt by attempt, until it is connected. */
  async reconnected(): Promise<void> {
    await this.until(() => {
      if (this.report.retryAt !== null) this.clock.advance(this.retryMs);
      return this.report.state === "connected";
    });
  }

  /** A device publishes, and has its acknowledgement. */
  async publish(topic: string, payload: string | Buffer, qos: 1 | 2 = 1): Promise<void> {
    const messageId = ++this.#packetId;
    this.publisher.publish(topic, payload, { qos, messageId });
    await this.publisher.next(qos === 1 ? "puback" : "pubrec");
    if (qos === 1) return;
    this.publisher.send({ cmd: "pubrel", messageId });
    await this.publisher.next("pubcomp");
  }

  /** Nothing waits, and nothing is in flight. */
  async drained(): Promise<void> {
    await this.until(() => this.report.messages + this.report.inFlight === 0);
  }

  /** What devices publish goes on to the other upstream, which has noticed nothing. */
  async othersGoOn(): Promise<void> {
    await this.publish("beside/it", "beside it");
    await this.until(() => this.good.payloads.includes("beside it"));
    expect(this.good.peers).toHaveLength(1);
    expect(this.running.log.complaints.filter(({ fields }) => fields.bridge === "good")).toEqual([]);
  }

  /**
   * The upstream that fails so again and again: the attempts come ever more slowly, it is said once, with what to do, and
   * the other bridge goes on. From then on the upstream is a proper one.
   */
  async withstands(line: RegExp, attempts = 4): Promise<void> {
    await this.publish("up/x", "kept");
    const delaysMs: number[] = [];
    for (let attempt = 1; attempt <= attempts; attempt++) {
      await this.failed(attempt);
      delaysMs.push(this.retryMs);
      if (attempt < attempts) await this.retry();
    }
    expectBackOff(delaysMs);
    expect(this.failures).toBe(attempts);
    expect(this.complaints).toEqual([expect.stringMatching(line)]);
    expect(this.report).toMatchObject({ messages: 1, inFlight: 0, protocol: null });
    expect(this.report.lastError?.message).toMatch(line);
    await this.othersGoOn();
    this.bad.script = politely;
    this.bad.opened = () => {};
  }

  /** What was published while the upstream was bad comes, once. */
  async deliversWhatWaited(): Promise<void> {
    await this.reconnected();
    await this.drained();
    expect(this.bad.payloads).toEqual(["kept"]);
  }
}

/** Each attempt is waited for up to twice as long as the one before it, up to 8 s, and at least half of that. */
export function expectBackOff(delaysMs: readonly number[]): void {
  for (const [index, delayMs] of delaysMs.entries()) {
    const dueMs = Math.min(8000, 1000 * 2 ** index);
    expect(delayMs).toBeGreaterThanOrEqual(dueMs / 2);
    expect(delayMs).toBeLessThanOrEqual(dueMs);
  }
}
