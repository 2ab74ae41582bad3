import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { consumerOf, queueTools } from "../support/queue-house.ts";
import { type Restarts, restarts } from "../support/restarts.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5, type Told } from "./mqtt5-device.ts";
import { SeededRandom } from "./seeded-random.ts";

const root = temporaryDirectory();
const STEPS = 60;
const livesSeconds = 3600;

/** What is known of one job. */
interface Job {
  acknowledged: boolean;
  received: number;
  settled: boolean;
  /** Why it may come again: its consumer left, rejected it or took too long, or the gateway ended. */
  mayComeAgain: boolean;
}

interface Worker {
  device: Device5;
  held: Told[];
  stalls: boolean;
}

/** Producers, consumers and a gateway that does not live for ever; and what the promise is after each step. */
class World {
  readonly jobs = new Map<string, Job>();
  readonly breaches: string[] = [];
  workers: Worker[] = [];
  producer: Device5 | null = null;
  readonly #random: SeededRandom;
  readonly #clock: ManualClock;
  #house: Restarts;
  #names = 0;

  constructor(random: SeededRandom, clock: ManualClock, house: Restarts) {
    this.#random = random;
    this.#clock = clock;
    this.#house = house;
  }

  get house(): Restarts {
    return this.#house;
  }

  async step(): Promise<void> {
    const { below } = { below: (limit: number) => this.#random.below(limit) };
    await this.#publish(below(30));
    if (this.workers.length < 4 && below(2) === 0) await this.join();
    for (const worker of [...this.workers]) {
      await this.#look(worker);
      if (worker.stalls) continue;
      await this.#answer(worker);
      if (below(8) === 0) await this.#leave(worker);
    }
    if (below(12) === 0) await this.#timeOut();
    if (below(10) === 0) await this.#restart();
  }

  async join(choices: object = {}): Promise<Worker> {
    const version = this.#random.below(2) === 0 ? 4 : 5;
    const qos = this.#random.below(3) === 0 ? 2 : 1;
    const lives = version === 5 && this.#random.below(2) === 0 ? { livesSeconds } : {};
    const id = `worker ${++this.#names}`;
    const device = await consumerOf(this.#house.port, id, { version, qos, ...lives, ...choices });
    const worker = { device, held: [], stalls: this.#random.below(6) === 0 };
    this.workers.push(worker);
    return worker;
  }

  /** One consumer takes all that is left. */
  async finish(): Promise<void> {
    await this.#timeOut();
    for (const { device } of this.workers.splice(0)) await device.cut();
    for (const job of this.jobs.values()) job.mayComeAgain = true;
    const last = await this.join();
    last.stalls = false;
    do {
      await this.#look(last);
      await this.#settleAll(last);
      await this.#look(last);
    } while (last.held.length > 0);
  }

  async #publish(count: number): Promise<void> {
    this.producer ??= await Device5.connect(this.#house.port, `producer ${++this.#names}`);
    const waiting = new Map<number, string>();
    for (let i = 0; i < count; i++) {
      const payload = `${this.jobs.size}`;
      const qos = this.#random.below(3) as 0 | 1 | 2;
      const priority = `${this.#random.below(10)}`;
      this.jobs.set(payload, { acknowledged: false, received: 0, settled: false, mayComeAgain: false });
      const topic = this.#random.below(3) === 0 ? "$queue/jobs/x" : "jobs/a";
      const id = this.producer.publish(topic, payload, { qos, properties: { userProperties: { priority } } });
      if (qos > 0) waiting.set(id, payload);
    }
    while (waiting.size > 0) {
      const { cmd, messageId = 0 } = await this.producer.next();
      if (cmd === "pubrec") this.producer.send({ cmd: "pubrel", messageId });
      if (cmd !== "puback" && cmd !== "pubrec") continue;
      const job = this.jobs.get(waiting.get(messageId) ?? "");
      if (job !== undefined) job.acknowledged = true;
      waiting.delete(messageId);
    }
    await this.producer.ping();
  }

  /** Notes what has come. */
  async #look(worker: Worker): Promise<void> {
    for (const message of await worker.device.messages()) {
      const job = this.jobs.get(message.payload) as Job;
      const about = `job ${message.payload} at ${worker.device.id}`;
      if (job.settled && !job.mayComeAgain) this.breaches.push(`${about} was settled`);
      if (job.received > 0 && !message.dup) this.breaches.push(`${about} came again without DUP`);
      if (job.received > 0 && !job.mayComeAgain) this.breaches.push(`${about} came again, and nobody had left it`);
      if (job.received === 0 && message.dup && !job.mayComeAgain) this.breaches.push(`${about} has DUP the first time`);
      job.received++;
      job.mayComeAgain = false;
      worker.held.push(message);
    }
  }

  async #answer(worker: Worker): Promise<void> {
    const { device, held } = worker;
    for (const message of held.splice(0, this.#random.below(held.length + 1))) {
      const job = this.jobs.get(message.payload) as Job;
      if (device.version === 5 && this.#random.below(10) === 0) {
        job.mayComeAgain = true;
        const { packetId: messageId, qos } = message;
        device.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId, reasonCode: 0x83 });
        continue;
      }
      job.settled = true;
      await acknowledge(device, message);
    }
    await this.#look(worker);
  }

  async #settleAll({ device, held }: Worker): Promise<void> {
    for (const message of held.splice(0)) {
      (this.jobs.get(message.payload) as Job).settled = true;
      await acknowledge(device, message);
    }
  }

  async #leave(worker: Worker): Promise<void> {
    await this.#look(worker);
    this.workers.splice(this.workers.indexOf(worker), 1);
    for (const { payload } of worker.held) (this.jobs.get(payload) as Job).mayComeAgain = true;
    const { device } = worker;
    const again = this.#random.below(4);
    if (again === 0) {
      // The same client id, from elsewhere.
      const { id, version } = device;
      const taking = await Device5.connect(this.#house.port, id, {
        version,
        ...(version === 5 ? { livesSeconds } : {}),
      });
      if (!taking.sessionPresent) await taking.subscribe({ "$queue/jobs": 1 });
      this.workers.push({ device: taking, held: [], stalls: false });
      return;
    }
    if (again === 1) await device.unsubscribe("$queue/jobs");
    await (again === 2 ? device.cut() : device.disconnect());
  }

  /** Those that stall have had their time; all others have what they have settled. */
  async #timeOut(): Promise<void> {
    for (const worker of this.workers) await this.#look(worker);
    for (const { held } of this.workers)
      for (const { payload } of held) (this.jobs.get(payload) as Job).mayComeAgain = true;
    this.#clock.advance(31_000);
    for (const { device } of this.workers) await device.ping();
    for (const worker of this.workers) {
      worker.held.length = 0;
      await this.#look(worker);
    }
  }

  async #restart(): Promise<void> {
    for (const worker of this.workers) await this.#look(worker);
    for (const { held } of this.workers)
      for (const { payload } of held) (this.jobs.get(payload) as Job).mayComeAgain = true;
    const devices = [this.producer, ...this.workers.map(({ device }) => device)];
    this.producer = null;
    this.workers = [];
    this.#house = await (this.#random.below(2) === 0 ? this.#house.stopped() : this.#house.killed());
    for (const device of devices) if (device !== null && !device.isClosed) await device.cut();
  }
}

/** Releases that a session is owed from before may come in between. */
async function acknowledge(device: Device5, { qos, packetId }: Told): Promise<void> {
  device.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId: packetId });
  for (let released = qos === 1 ? packetId : 0; released !== packetId; ) {
    released = (await device.next("pubrel")).messageId ?? 0;
    device.send({ cmd: "pubcomp", messageId: released });
  }
}

describe("a queue whose producers, consumers and gateway come and go", () => {
  it.each([1, 2, 3, 4, 5, 6])(
    "has each acknowledged job settled, and twice only what was left by somebody (seed %s)",
    async (seed) => {
      const random = new SeededRandom(seed * 7919);
      const clock = new ManualClock();
      const dispatch = ["least-busy", "round-robin", "by-key"][random.below(3)];
      const settings = {
        topics: ["jobs/#"],
        dispatch,
        keyProperty: "priority",
        consumerWindow: 1 + random.below(20),
        deliveriesMax: 0,
      };
      const queues = { jobs: settings };
      const world = new World(random, clock, await restarts(root, { queues }, clock));
      for (let step = 0; step < STEPS; step++) await world.step();
      await world.finish();
      expect(world.breaches.slice(0, 10)).toEqual([]);
      const lost = [...world.jobs].filter(([, { acknowledged, settled }]) => acknowledged && !settled);
      expect(lost.map(([payload]) => payload)).toEqual([]);
      expect(queueTools(world.house).report()).toMatchObject({ messages: 0, inDelivery: 0 });
      expect(queueTools(world.house).letters()).toEqual([]);
    },
    120_000,
  );
});
