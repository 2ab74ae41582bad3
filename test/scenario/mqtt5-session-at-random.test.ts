import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { connected5 } from "../support/client-5.ts";
import { ManualClock } from "../support/manual-clock.ts";
import type { RawClient } from "../support/raw-client.ts";
import { type Restarts, restarts } from "../support/restarts.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { SeededRandom } from "./seeded-random.ts";

const root = temporaryDirectory();

interface Will {
  text: string;
  delay: number;
}

/** What becomes of one device's session and wills, as MQTT 5 says (3.1.2.4, 3.1.2.5, 3.1.3.2.2, 3.14.4). Times in seconds. */
class Expected {
  now = 0;
  isConnected = false;
  session: { lives: number; awaySince: number } | null = null;
  /** Published and not looked at yet. */
  published: string[] = [];
  #will: Will | null = null;
  #waiting: { text: string; dueAt: number } | null = null;

  /** Returns whether the session is present. */
  connect(clean: boolean, lives: number, will: Will | null): boolean {
    if (this.isConnected) this.leave(false);
    if (clean) this.#endSession();
    const present = this.session !== null;
    this.#waiting = null;
    this.session = { lives, awaySince: 0 };
    this.#will = will;
    this.isConnected = true;
    return present;
  }

  /** `silently`: with a DISCONNECT that deletes the will. */
  leave(silently: boolean, lives = this.session?.lives ?? 0): void {
    this.isConnected = false;
    this.session = { lives, awaySince: this.now };
    const will = silently ? null : this.#will;
    this.#will = null;
    if (will !== null) this.#waiting = { text: will.text, dueAt: this.now + will.delay };
    this.pass(0);
  }

  pass(seconds: number): void {
    this.now += seconds;
    if (this.isConnected || this.session === null) return;
    if (this.#waiting !== null && this.#waiting.dueAt <= this.now) this.#publish();
    if (this.session.awaySince + this.session.lives <= this.now) this.#endSession();
  }

  #endSession(): void {
    this.session = null;
    this.#publish();
  }

  #publish(): void {
    if (this.#waiting !== null) this.published.push(this.#waiting.text);
    this.#waiting = null;
  }
}

class Play {
  readonly history: string[] = [];
  readonly #expected = new Expected();
  readonly #clock: ManualClock;
  readonly #pick: <Value>(...values: Value[]) => Value;
  #gateway: Restarts;
  #client: RawClient | null = null;
  #wills = 0;

  constructor(gateway: Restarts, clock: ManualClock, random: SeededRandom) {
    this.#gateway = gateway;
    this.#clock = clock;
    this.#pick = (...values) => values[random.below(values.length)] as never;
  }

  async step(): Promise<void> {
    await this.#pick(
      () => this.#connect(),
      () => this.#connect(),
      () => this.#cut(),
      () => this.#disconnect(),
      () => this.#pass(this.#pick(1, 7, 20, 61, 150)),
      () => this.#pass(this.#pick(1, 7, 20, 61, 150)),
      () => this.#restart(this.#pick("stopped", "killed")),
    )();
    expect(await this.#seen(), this.history.join("\n")).toEqual(this.#expected.published.splice(0));
  }

  async #connect(): Promise<void> {
    const [clean, lives] = [this.#pick(true, false, false), this.#pick(0, 30, 100, 1000)];
    const will = this.#pick(null, 0, 50, 200);
    const text = `${++this.#wills}`;
    this.history.push(`connect, clean ${clean}, lives ${lives}, will ${text} delayed ${will}`);
    const present = this.#expected.connect(clean, lives, will === null ? null : { text, delay: will });
    const options = { topic: "will", payload: Buffer.from(text), qos: 1 as const, retain: false };
    const last = will === null ? {} : { will: { ...options, properties: { willDelayInterval: will } } };
    this.#client = await connected5(this.#gateway.port, { clientId: "device", clean, lives, ...last });
    await this.#client.subscribe({ anything: 1 });
    expect(this.#client.sessionPresent, this.history.join("\n")).toBe(present);
  }

  async #cut(): Promise<void> {
    if (this.#client === null) return;
    this.history.push("cut");
    const noticed = once(this.#gateway.gateway.broker, "clientDisconnect");
    await this.#client.cut();
    await noticed;
    this.#client = null;
    this.#expected.leave(false);
  }

  async #disconnect(): Promise<void> {
    if (this.#client === null) return;
    const reasonCode = this.#pick(0, 4);
    const mayProlong = (this.#expected.session?.lives ?? 0) > 0;
    const lives = mayProlong ? this.#pick(undefined, 0, 30, 1000) : undefined;
    this.history.push(`disconnect ${reasonCode}, lives ${lives}`);
    await this.#client.disconnect(reasonCode, lives === undefined ? {} : { sessionExpiryInterval: lives });
    this.#client = null;
    this.#expected.leave(reasonCode === 0, lives);
  }

  async #pass(seconds: number): Promise<void> {
    this.history.push(`${seconds} s pass`);
    this.#expected.pass(seconds);
    this.#clock.advance(seconds * 1000);
  }

  async #restart(how: "stopped" | "killed"): Promise<void> {
    this.history.push(`the gateway is ${how}`);
    if (how === "killed") this.#expected.pass(1); // a kill takes a second
    if (this.#client !== null) this.#expected.leave(false);
    const client = this.#client;
    this.#client = null;
    this.#gateway = await this.#gateway[how]();
    await client?.cut();
  }

  /** Wills that were published since this was last asked. */
  async #seen(): Promise<string[]> {
    const watcher = await connected5(this.#gateway.port, { clientId: "watcher", clean: false, lives: 500_000 });
    await watcher.subscribe({ will: { qos: 1, rh: 2 } });
    await watcher.ping();
    const texts: string[] = [];
    while (watcher.packets.some(({ cmd }) => cmd === "publish")) {
      const { payload, messageId } = await watcher.message();
      watcher.send({ cmd: "puback", messageId: messageId as number });
      texts.push(payload);
    }
    await watcher.disconnect();
    return texts;
  }
}

describe("whatever a device does, and whenever the gateway restarts", () => {
  it.each([1, 2, 3, 4, 5, 6])(
    "session and wills are as the specification says: seed %i [MQTT-3.1.2-8] [MQTT-3.1.2-23] [MQTT-3.1.3-9] [MQTT-4.1.0-2]",
    async (seed) => {
      const clock = new ManualClock();
      const play = new Play(await restarts(root, {}, clock), clock, new SeededRandom(seed));
      for (let step = 0; step < 60; step++) await play.step();
    },
  );
});
