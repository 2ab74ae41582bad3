import { expect, it } from "vitest";
import { type Restarts, restarts } from "../support/restarts.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5, type Told } from "./mqtt5-device.ts";
import { SeededRandom } from "./seeded-random.ts";

const root = temporaryDirectory();
const STEPS = 1000;
const SEED = Number(process.env.WAYPOST_SEED ?? 1);
const SEEDS = Number(process.env.WAYPOST_SEEDS ?? 3);
const settings = { sessions: { inFlightMax: 7 }, mailboxes: { messagesMax: 100_000 } };
const filter = "$share/crew/jobs/#";

/** A member that comes and goes. What it has confirmed, and knows that the gateway heard, it notes in `settledBy`. */
class Worker {
  readonly id: string;
  readonly isTransient: boolean;
  readonly #version: 4 | 5;
  readonly #random: SeededRandom;
  readonly #settledBy: Map<string, string[]>;
  #device: Device5 | null = null;
  #pending: Told[] = [];

  constructor(index: number, random: SeededRandom, settledBy: Map<string, string[]>) {
    this.id = `worker ${index}`;
    this.isTransient = index % 3 === 2;
    this.#version = index % 4 === 1 ? 4 : 5;
    this.#random = random;
    this.#settledBy = settledBy;
  }

  get isHere(): boolean {
    return this.#device !== null;
  }

  /** Also where it is here already: then its new connection takes over. */
  async come(port: number): Promise<void> {
    const old = this.#device;
    this.#pending = [];
    const properties = this.#version === 5 ? { receiveMaximum: 1 + this.#random.below(9) } : {};
    const livesSeconds = this.isTransient ? 0 : 3600;
    const choices = { version: this.#version, clean: this.isTransient, livesSeconds, properties };
    this.#device = await Device5.connect(port, this.id, choices);
    // A session that ends with its connection would take along what was sent to it at QoS 2.
    await this.#device.subscribe({ [filter]: this.isTransient ? 1 : 2 });
    await old?.closed;
  }

  async leave(): Promise<void> {
    const device = this.#device;
    this.forget();
    if (this.#random.below(2) === 0) await device?.cut();
    else await device?.disconnect();
  }

  /** Its gateway is not there any more. */
  forget(): void {
    this.#device = null;
    this.#pending = [];
  }

  async unsubscribe(): Promise<void> {
    await this.#device?.unsubscribe(filter);
  }

  /** Takes what came, and confirms so many in a hundred of what it has, in any order. */
  async work(percent: number): Promise<void> {
    const device = this.#device;
    if (device === null) return;
    this.#pending.push(...(await device.messages()));
    await this.#complete(device);
    const chosen = this.#pending.filter(() => this.#random.below(100) < percent);
    this.#pending = this.#pending.filter((each) => !chosen.includes(each));
    for (const { payload, qos, packetId: messageId } of chosen) {
      device.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId });
      if (qos === 2) {
        await this.#released(device, messageId);
        // One that is left out comes up again when the device is back.
        if (percent === 100 || this.#random.below(3) > 0) device.send({ cmd: "pubcomp", messageId });
      }
      this.#settledBy.set(payload, [...(this.#settledBy.get(payload) ?? []), this.id]);
    }
    await device.ping();
  }

  /** PUBRELs of what it had received by an earlier connection. */
  async #complete(device: Device5): Promise<void> {
    while (device.packets.some(({ cmd }) => cmd === "pubrel")) {
      const { messageId } = await device.next("pubrel");
      device.send({ cmd: "pubcomp", messageId });
    }
  }

  /** Waits for this one; others are of what it had received by an earlier connection. */
  async #released(device: Device5, packetId: number): Promise<void> {
    for (;;) {
      const { messageId } = await device.next("pubrel");
      if (messageId === packetId) return;
      device.send({ cmd: "pubcomp", messageId });
    }
  }
}

/** A gateway, its workers, and a publisher whose messages are numbered. */
class Crew {
  readonly settledBy = new Map<string, string[]>();
  readonly workers: Worker[];
  published = 0;
  readonly #random: SeededRandom;
  #running: Restarts;
  #publisher: Device5 | null = null;

  constructor(seed: number, running: Restarts) {
    this.#random = new SeededRandom(seed);
    this.#running = running;
    this.workers = Array.from({ length: 8 }, (_, i) => new Worker(i, this.#random, this.settledBy));
  }

  get port(): number {
    return this.#running.port;
  }

  async step(): Promise<void> {
    const worker = this.workers[this.#random.below(this.workers.length)] as Worker;
    const what = this.#random.below(100);
    if (what < 30) return this.#publish(1 + this.#random.below(25));
    if (what < 65) return worker.work(this.#random.below(100));
    if (what < 80) return worker.come(this.port);
    if (what < 92) return worker.isHere ? worker.leave() : undefined;
    // The first stays a member, or what waits would go with the group.
    if (what < 97) return worker === this.workers[0] ? undefined : worker.unsubscribe();
    if (what < 98) return this.#startAgain();
  }

  /** All come, and confirm everything until nothing is left. */
  async finish(): Promise<void> {
    for (const worker of this.workers) await worker.come(this.port);
    for (let idle = 0; idle < 100 && this.settledBy.size < this.published; idle++) {
      const before = this.settledBy.size;
      for (const worker of this.workers) await worker.work(100);
      if (this.settledBy.size > before) idle = 0;
    }
    for (const worker of this.workers) await worker.work(100);
  }

  async #publish(count: number): Promise<void> {
    this.#publisher ??= await Device5.connect(this.port, "publisher");
    const publisher = this.#publisher;
    const sent = Array.from({ length: count }, () => {
      const qos = this.#random.below(3) === 0 ? 2 : 1;
      return publisher.publish(`jobs/${this.#random.below(5)}`, `${++this.published}`, { qos });
    });
    for (let acknowledged = 0; acknowledged < sent.length; ) {
      const packet = await publisher.next();
      if (packet.cmd === "pubrec") publisher.send({ cmd: "pubrel", messageId: packet.messageId });
      else acknowledged++;
      expect((packet as { reasonCode?: number }).reasonCode ?? 0).toBe(0);
    }
  }

  async #startAgain(): Promise<void> {
    const isKilled = this.#random.below(2) === 0;
    this.#publisher = null;
    this.#running = await (isKilled ? this.#running.killed() : this.#running.stopped());
    for (const worker of this.workers) worker.forget();
  }
}

it.each(Array.from({ length: SEEDS }, (_, i) => SEED + i))(
  "each of thousands of messages is settled by exactly one of the members that come and go (seed %s)",
  { timeout: 120_000 },
  async (seed) => {
    const crew = new Crew(seed, await restarts(root, settings));
    await crew.workers[0]?.come(crew.port);
    for (let step = 0; step < STEPS; step++) await crew.step();
    await crew.finish();
    const counts = Array.from({ length: crew.published }, (_, i) => crew.settledBy.get(`${i + 1}`)?.length ?? 0);
    const wrong = counts.flatMap((count, i) => (count === 1 ? [] : [`${i + 1}: ${count}`]));
    expect(wrong).toEqual([]);
    expect(crew.published).toBeGreaterThan(1000);
  },
);
