import { describe, expect, it } from "vitest";
import { again, payloadsOf, queueHouse, texts } from "../support/queue-house.ts";
import type { Device5, Told } from "./mqtt5-device.ts";

describe("a queue whose settings change while it runs", () => {
  it("takes messages by its new topics and no more by its old ones; what waits stays", async () => {
    const { consumer, publish, reconfigure, report } = await queueHouse();
    await publish(["1"], "jobs/a");
    await reconfigure({ topics: ["tasks/#", "jobs/kept"] });
    await publish(["2"], "jobs/a");
    await publish(["3"], "tasks/a");
    await publish(["4"], "jobs/kept");
    expect(report().topics).toEqual(["tasks/#", "jobs/kept"]);
    expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(["1", "3", "4"]);
  });

  it("keeps a topic that stays without a gap and without taking anything twice", async () => {
    const { consumer, publish, reconfigure } = await queueHouse({ topics: ["jobs/#"] });
    const topics = [["jobs/#", "jobs/a"], ["jobs/a"], ["jobs/+", "jobs/a"], ["jobs/#"]];
    for (const [i, each] of topics.entries()) {
      await reconfigure({ topics: each });
      await publish([`${i}`]);
    }
    expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(["0", "1", "2", "3"]);
  });

  it("lets go what waited for one consumer when it is not dispatched by key any more", async () => {
    const byKey = { dispatch: "by-key", keyTopicLevel: 2, consumerWindow: 1 };
    const { consumer, publish, reconfigure } = await queueHouse(byKey);
    const first = await consumer("first");
    await publish(texts(3), "jobs/k");
    await first.message();
    const second = await consumer("second");
    expect(await second.messages()).toEqual([]);
    await reconfigure({ dispatch: "least-busy", consumerWindow: 1 });
    expect(payloadsOf(await second.takeAll())).toEqual(["2", "3"]);
  });

  it("gives a key's messages to one consumer when it is dispatched by key from then on", async () => {
    const { consumer, publish, reconfigure } = await queueHouse({ consumerWindow: 1 });
    await publish(texts(6), "jobs/k");
    await reconfigure({ dispatch: "by-key", keyTopicLevel: 2, consumerWindow: 5 });
    const first = await consumer("first");
    const second = await consumer("second");
    expect([(await first.takeAll()).length, (await second.takeAll()).length]).toEqual([6, 0]);
  });

  it("makes dead letters by a smaller deliveriesMax at the next return, and takes back by a shorter timeout", async () => {
    const { consumer, publish, reconfigure, letters } = await queueHouse({ deliveriesMax: 10 });
    await publish(["1"]);
    for (const id of ["a", "b"]) {
      const leaving = await consumer(id);
      await leaving.message();
      await leaving.cut();
    }
    await reconfigure({ deliveriesMax: 3 });
    const third = await consumer("c");
    expect(await third.message()).toMatchObject(again(3));
    await third.cut();
    const last = await consumer("d");
    expect(await last.messages()).toEqual([]);
    expect(letters()).toEqual(["deliveries-exceeded 1 jobs/a"]);
  });

  it("with a smaller limit keeps what waits, and refuses what comes", async () => {
    const { consumer, publish, publisher, reconfigure, letters } = await queueHouse();
    await publish(texts(5));
    await reconfigure({ messagesMax: 2 });
    expect(await publisher.publishWhole("jobs/a", "6")).toBe(0x97);
    expect(letters()).toEqual(["mailbox-full 6 jobs/a"]);
    expect(payloadsOf(await (await consumer("worker")).takeAll())).toEqual(texts(5));
  });

  it("makes consumers backups by a smaller consumersMax, which keep what they have", async () => {
    const { consumer, publish, reconfigure, report } = await queueHouse({ consumerWindow: 2 });
    const first = await consumer("first");
    const second = await consumer("second");
    await publish(texts(6));
    const held = await second.messages();
    expect(held).toHaveLength(2);
    await reconfigure({ consumersMax: 1, consumerWindow: 2 });
    for (const each of held) await second.acknowledge(each);
    expect(await second.messages()).toEqual([]);
    expect(payloadsOf(await first.takeAll())).toHaveLength(4);
    expect(report()).toMatchObject({ messages: 0, totals: { settled: 6, redelivered: 0 } });
  });

  it("over and over, while messages come and consumers leave, loses none and brings none twice", async () => {
    const { consumer, publisher, reconfigure, report, letters } = await queueHouse();
    const got: string[] = [];
    let workers: Device5[] = [];
    const choices = [
      { dispatch: "by-key", keyTopicLevel: 2, consumerWindow: 3 },
      { dispatch: "round-robin", consumersMax: 1 },
      { consumerWindow: 1, priorities: [{ topics: ["jobs/1"], priority: 9 }] },
      { dispatch: "by-key", keyTopicLevel: 2, consumersMax: 2 },
    ];
    for (let round = 0; round < 24; round++) {
      for (let i = 0; i < 20; i++) await publisher.publishWhole(`jobs/${i % 5}`, `${round * 20 + i}`, { qos: 1 });
      await reconfigure(choices[round % 4] as object);
      if (workers.length < 3) workers.push(await consumer(`worker ${round}`, { qos: round % 2 === 0 ? 1 : 2 }));
      for (const worker of workers) {
        const taken: Told[] = await worker.messages();
        for (const each of taken.slice(round % 3)) {
          got.push(each.payload);
          await worker.acknowledge(each);
        }
        await worker.ping();
      }
      if (round % 5 === 4) {
        await workers[0]?.cut();
        workers = workers.slice(1);
      }
    }
    for (const worker of workers) await worker.cut();
    await reconfigure({});
    got.push(...payloadsOf(await (await consumer("last")).takeAll()));
    expect(got.map(Number).sort((one, other) => one - other)).toEqual(Array.from({ length: 480 }, (_, i) => i));
    expect(report()).toMatchObject({ messages: 0, inDelivery: 0 });
    expect(letters()).toEqual([]);
  });
});
