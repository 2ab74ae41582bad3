import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsOf, queueHouse } from "../support/queue-house.ts";
import type { Device5, Told } from "./mqtt5-device.ts";
import { SeededRandom } from "./seeded-random.ts";

const KEYS = 10_000;
const STEPS = 40;
const AT_ONCE = 600;

/** What a consumer has and has not settled. */
interface Worker {
  device: Device5;
  held: Told[];
}

/** Jobs of many keys, and consumers that come and go: knows which may come where. */
class KeyedWork {
  readonly breaches: string[] = [];
  readonly settled = new Set<string>();
  readonly published = new Map<string, number>();
  readonly workers: Worker[] = [];

  /** A job may come to whoever has, or to all who may have once, all of its key before it that are not settled. */
  received({ held }: Worker, job: Told): void {
    const [key, number] = job.payload.split(" ") as [string, string];
    for (let before = 0; before < Number(number); before++) {
      const earlier = `${key} ${before}`;
      if (this.settled.has(earlier) || held.some(({ payload }) => payload === earlier)) continue;
      this.breaches.push(`${job.payload} came before ${earlier} was settled`);
    }
    if (this.settled.has(job.payload)) this.breaches.push(`${job.payload} came after it was settled`);
    held.push(job);
  }

  async takeAll(worker: Worker): Promise<void> {
    for (const job of await worker.device.messages()) this.received(worker, job);
  }

  /** Settles the first so many of what a worker has, and has the gateway know of it. */
  async settle(worker: Worker, count: number): Promise<void> {
    for (const job of worker.held.splice(0, count)) {
      this.settled.add(job.payload);
      await worker.device.acknowledge(job);
    }
    await this.takeAll(worker);
  }

  next(random: SeededRandom): string {
    const key = `k${random.below(2) === 0 ? random.below(KEYS) : random.below(50)}`;
    const number = this.published.get(key) ?? 0;
    this.published.set(key, number + 1);
    return `${key} ${number}`;
  }
}

describe("a queue that is dispatched by key", () => {
  it.each([1, 2, 3, 4])(
    "keeps the order of each of 10,000 keys while consumers come and go (seed %s)",
    async (seed) => {
      const random = new SeededRandom(seed);
      const clock = new ManualClock();
      const settings = { dispatch: "by-key", consumerWindow: 30 + random.below(200), consumersMax: 4 };
      const { consumer, publisher, report, letters } = await queueHouse({ ...settings, deliveriesMax: 0 }, { clock });
      const work = new KeyedWork();
      let joined = 0;
      const join = async () => {
        const qos = random.below(4) === 0 ? 2 : 1;
        const device = await consumer(`worker ${++joined}`, { qos, livesSeconds: random.below(2) * 100 });
        work.workers.push({ device, held: [] });
      };
      for (let step = 0; step < STEPS; step++) {
        for (let i = 0; i < AT_ONCE; i++) {
          const payload = work.next(random);
          const properties = { userProperties: { key: payload.split(" ")[0] as string } };
          publisher.publish("jobs/a", payload, { qos: (1 + (i % 2)) as 1 | 2, properties });
        }
        await publisher.ping();
        await release(publisher);
        if (work.workers.length < 6 && random.below(3) === 0) await join();
        for (const worker of [...work.workers]) {
          await work.takeAll(worker);
          await work.settle(worker, random.below(worker.held.length + 1));
          if (random.below(10) > 0) continue;
          work.workers.splice(work.workers.indexOf(worker), 1);
          if (random.below(3) === 0) await worker.device.unsubscribe("$queue/jobs");
          await (random.below(2) === 0 ? worker.device.cut() : worker.device.disconnect());
        }
        if (random.below(15) === 0) {
          // Nobody has what he had before, nor room for what he might get instead.
          clock.advance(31_000);
          for (const { device } of work.workers.splice(0)) await device.cut();
        }
      }
      for (const { device } of work.workers.splice(0)) await device.cut();
      await join();
      const [last] = work.workers as [Worker];
      for (await work.takeAll(last); last.held.length > 0; ) await work.settle(last, last.held.length);
      expect(work.breaches.slice(0, 10)).toEqual([]);
      const all = [...work.published.values()].reduce((sum, count) => sum + count, 0);
      expect(work.settled.size).toBe(all);
      expect(report()).toMatchObject({ messages: 0, inDelivery: 0, totals: { settled: all } });
      expect(letters()).toEqual([]);
      expect(payloadsOf(await last.device.messages())).toEqual([]);
    },
    120_000,
  );
});

/** Completes the handshake of what was published at QoS 2. */
async function release(publisher: Device5): Promise<void> {
  for (const { cmd, messageId } of publisher.packets.splice(0))
    if (cmd === "pubrec") publisher.send({ cmd: "pubrel", messageId });
  await publisher.ping();
  publisher.packets.length = 0;
}
