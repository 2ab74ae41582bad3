import { describe, expect, it } from "vitest";
import type { Connection } from "../../src/device/connection.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsOf, queueHouse, queueTools, texts } from "../support/queue-house.ts";
import { type RunningGateway, startGateway } from "../support/start-gateway.ts";
import { Device5, type Told } from "./mqtt5-device.ts";

const full = { messagesMax: 2, whenFull: "flow-control", consumerWindow: 1 };

/** Resolves when the gateway has stopped reading this client; `other` is one that it reads. */
async function held({ gateway }: Pick<RunningGateway, "gateway">, id: string, other: Device5): Promise<void> {
  while (!isHeld({ gateway }, id)) await other.ping();
}

const isHeld = ({ gateway }: Pick<RunningGateway, "gateway">, id: string) =>
  (gateway.broker.clients[id] as unknown as Connection | undefined)?.blocked === true;

describe("a full queue with flow control", () => {
  it.each([0, 1, 2] as const)("holds its producer at QoS %s until there is room, and loses nothing", async (qos) => {
    const house = await queueHouse(full);
    const { port, publisher, consumer, letters } = house;
    const bystander = await Device5.connect(port, "bystander");
    for (const payload of texts(6)) publisher.publish("jobs/a", payload, { qos });
    await held(house, "publisher", bystander);
    await bystander.ping();
    expect(house.report().messages).toBeLessThanOrEqual(qos === 2 ? 3 : 2);
    const acknowledged = publisher.packets.filter(({ cmd }) => cmd === "puback" || cmd === "pubrec");
    expect(acknowledged.length).toBeLessThanOrEqual(2);
    const worker = await consumer("worker", { qos: 2 });
    const taken: Told[] = [];
    while (taken.length < 6) taken.push(await worker.take());
    expect(payloadsOf(taken)).toEqual(texts(6));
    await publisher.ping();
    expect(letters()).toEqual([]);
    expect(await worker.messages()).toEqual([]);
  });

  it("holds one that publishes to it by its name", async () => {
    const house = await queueHouse(full);
    const { port, publisher, consumer } = house;
    const bystander = await Device5.connect(port, "bystander");
    for (const payload of texts(6)) publisher.publish("$queue/jobs/a", payload, { qos: 1 });
    await held(house, "publisher", bystander);
    const worker = await consumer("worker");
    for (const payload of texts(6)) expect((await worker.take()).payload).toBe(payload);
    await publisher.ping();
  });

  it("lets others publish elsewhere, and holds each that publishes to it; they go on in their order", async () => {
    const house = await queueHouse(full);
    const { port, publisher, publish, consumer } = house;
    const second = await Device5.connect(port, "second");
    const bystander = await Device5.connect(port, "bystander");
    await publish(["1", "2"]);
    publisher.publish("jobs/a", "3", { qos: 1 });
    await held(house, "publisher", bystander);
    second.publish("jobs/a", "4", { qos: 1 });
    await held(house, "second", bystander);
    await bystander.publishWhole("elsewhere", "x");
    const worker = await consumer("worker");
    const taken = [await worker.take(), await worker.take(), await worker.take(), await worker.take()];
    expect(payloadsOf(taken)).toEqual(texts(4));
  });

  it("goes on while it is held back by a pause, when what waits is purged", async () => {
    const clock = new ManualClock();
    const house = await queueHouse(full, { clock });
    const { port, publisher, publish, pause, gateway } = house;
    await pause();
    const bystander = await Device5.connect(port, "bystander");
    await publish(["1", "2"]);
    publisher.publish("jobs/a", "3", { qos: 1, packetId: 9 });
    await held(house, "publisher", bystander);
    await gateway.administration.purge({ kind: "queue", name: "jobs" });
    clock.advance(1000);
    expect(await publisher.answer("puback", 9)).toBe(0);
  });

  it("refuses a producer that is its only consumer and has no room: it would wait for itself", async () => {
    const { consumer, letters } = await queueHouse(full);
    const both = await consumer("both");
    const codes: number[] = [];
    for (const payload of texts(5)) codes.push(await both.publishWhole("jobs/a", payload));
    expect(codes).toEqual([0, 0, 0, 0x97, 0x97]);
    expect(letters()).toEqual(["mailbox-full 4 jobs/a", "mailbox-full 5 jobs/a"]);
    expect(payloadsOf(await both.takeAll())).toEqual(texts(3));
  });

  it("does not stand still for ever when the consumer that a producer waited for leaves it as the only one", async () => {
    const clock = new ManualClock();
    const house = await queueHouse(full, { clock });
    const { port, consumer } = house;
    const bystander = await Device5.connect(port, "bystander");
    const other = await consumer("other");
    const both = await consumer("both");
    // Both windows are full, and so is the queue.
    for (const payload of texts(4)) await both.publishWhole("jobs/a", payload);
    both.publish("jobs/a", "5", { qos: 1 });
    await held(house, "both", bystander);
    await other.cut();
    for (let i = 0; i < 20; i++) {
      clock.advance(1000);
      await bystander.ping();
    }
    expect(isHeld(house, "both")).toBe(false);
  });

  it("does not stand still for ever when producers hold each other by turns", async () => {
    const clock = new ManualClock();
    const running = await startGateway(
      { queues: { one: { topics: ["one"], ...full }, two: { topics: ["two"], ...full } } },
      clock,
    );
    const { consumer } = queueTools(running);
    const bystander = await Device5.connect(running.port, "bystander");
    const first = await consumer("first", { from: "one" });
    const second = await consumer("second", { from: "two" });
    for (let i = 0; i < 6; i++) first.publish("two", `${i}`, { qos: 1 });
    for (let i = 0; i < 6; i++) second.publish("one", `${i}`, { qos: 1 });
    for (let i = 0; i < 20; i++) {
      clock.advance(1000);
      await bystander.ping();
    }
    expect([isHeld(running, "first"), isHeld(running, "second")]).not.toEqual([true, true]);
  });

  it("takes in what comes after a producer that was held and has left", async () => {
    const house = await queueHouse(full);
    const { port, publisher, publish, consumer } = house;
    const bystander = await Device5.connect(port, "bystander");
    await publish(["1", "2"]);
    publisher.publish("jobs/a", "3", { qos: 1 });
    await held(house, "publisher", bystander);
    await publisher.cut();
    bystander.publish("jobs/a", "4", { qos: 1, packetId: 5 });
    const worker = await consumer("worker");
    const taken = new Set<string>();
    while (!taken.has("4")) taken.add((await worker.take()).payload);
    taken.delete("3"); // which was never acknowledged: it may be there or not
    expect([...taken]).toEqual(["1", "2", "4"]);
    expect(await bystander.answer("puback", 5)).toBe(0);
  });

  it("lets its producers go when the settings have room again", async () => {
    const house = await queueHouse(full);
    const { port, publisher, publish, reconfigure } = house;
    const bystander = await Device5.connect(port, "bystander");
    await publish(["1", "2"]);
    publisher.publish("jobs/a", "3", { qos: 1, packetId: 9 });
    await held(house, "publisher", bystander);
    await reconfigure({ ...full, messagesMax: 10 });
    expect(await publisher.answer("puback", 9)).toBe(0);
  });

  it("refuses a will, whose publisher is not there to wait", async () => {
    const { port, publish, publisher, letters } = await queueHouse(full);
    await publish(["1", "2"]);
    const will = { topic: "jobs/gone", payload: Buffer.from("bye"), qos: 1, retain: false };
    await (await Device5.connect(port, "dying", { will })).cut();
    while (letters().length === 0) await publisher.ping();
    expect(letters()).toEqual(["mailbox-full bye jobs/gone"]);
  });
});
