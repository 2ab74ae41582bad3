import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { again, payloadsOf, queueHouse } from "../support/queue-house.ts";
import { Device5 } from "./mqtt5-device.ts";

const timedHouse = async (settings: object = {}) => {
  const clock = new ManualClock();
  const house = await queueHouse({ settleTimeoutSeconds: 30, ...settings }, { clock });
  /** Moves the clock, and lets the gateway handle what that brings about. */
  const pass = async (seconds: number) => {
    clock.advance(seconds * 1000);
    await house.publisher.ping();
  };
  return { ...house, clock, pass };
};

describe("a consumer that takes too long", () => {
  it("loses the message to another one, which is told that it is a redelivery", async () => {
    const { consumer, publish, pass, report } = await timedHouse();
    const slow = await consumer("slow");
    await publish(["1"]);
    expect(await slow.message()).toMatchObject({ payload: "1", dup: false });
    const other = await consumer("other");
    await pass(29);
    expect(await other.messages()).toEqual([]);
    await pass(2);
    expect(await other.take()).toMatchObject({ payload: "1", ...again(2) });
    await other.ping();
    expect(report()).toMatchObject({ messages: 0, totals: { settled: 1, redelivered: 1 } });
  });

  it("settles all the same with a late PUBACK while the message waits", async () => {
    const { port, consumer, publish, pass, report } = await timedHouse({ consumerWindow: 1 });
    const slow = await consumer("slow");
    await publish(["1"]);
    const late = await slow.message();
    await pass(31);
    expect(report()).toMatchObject({ messages: 1, inDelivery: 0 });
    await slow.acknowledge(late);
    await slow.ping();
    expect(report()).toMatchObject({ messages: 0, totals: { settled: 1 } });
    const other = await consumer("other");
    expect(await other.messages()).toEqual([]);
    expect(await (await Device5.connect(port, "bystander")).messages()).toEqual([]);
  });

  it("settles all the same with a late PUBACK while another one has the message", async () => {
    const { consumer, publish, pass, report } = await timedHouse();
    const slow = await consumer("slow");
    await publish(["1"]);
    const late = await slow.message();
    const other = await consumer("other");
    await pass(31);
    const second = await other.message();
    await slow.acknowledge(late);
    await slow.ping();
    await other.acknowledge(second);
    await other.ping();
    expect(report()).toMatchObject({ messages: 0, inDelivery: 0, totals: { settled: 1 } });
  });

  it("and settles late: the message is not delivered a third time, though the second consumer takes too long too", async () => {
    const { consumer, publish, pass, report } = await timedHouse();
    const slow = await consumer("slow");
    await publish(["1"]);
    const late = await slow.message();
    const other = await consumer("other");
    await pass(31);
    await other.message();
    await slow.acknowledge(late);
    await slow.ping();
    const third = await consumer("third");
    await pass(31);
    expect(payloadsOf([...(await third.messages()), ...(await slow.messages())])).toEqual([]);
    expect(report()).toMatchObject({ messages: 0, totals: { settled: 1 } });
  });

  it("and settles late: the message is no dead letter, though the second consumer takes too long too", async () => {
    const { consumer, publish, pass, letters } = await timedHouse({ deliveriesMax: 2 });
    const slow = await consumer("slow");
    await publish(["1"]);
    const late = await slow.message();
    const other = await consumer("other");
    await pass(31);
    await other.message();
    await slow.acknowledge(late);
    await slow.ping();
    await pass(31);
    expect(letters()).toEqual([]);
  });

  it("and settles late: the message is not delivered again when the second consumer leaves", async () => {
    const { consumer, publish, pass, report } = await timedHouse();
    const slow = await consumer("slow");
    await publish(["1"]);
    const late = await slow.message();
    const other = await consumer("other");
    await pass(31);
    await other.message();
    await slow.acknowledge(late);
    await slow.ping();
    await other.cut();
    expect(await slow.messages()).toEqual([]);
    expect(report()).toMatchObject({ messages: 0, inDelivery: 0 });
  });

  it("gets nothing more before it has settled what it has, if its window is full", async () => {
    const { consumer, publish, pass, report } = await timedHouse({ consumerWindow: 1 });
    const slow = await consumer("slow");
    await publish(["1", "2"]);
    const late = await slow.message();
    await pass(31);
    expect(await slow.messages()).toEqual([]);
    expect(report()).toMatchObject({ messages: 2, inDelivery: 0 });
    await slow.acknowledge(late);
    expect(await slow.take()).toMatchObject({ payload: "2", dup: false });
  });

  it("gets the same message again where it is alone and has room, and may settle either of the two", async () => {
    const { consumer, publish, pass, report } = await timedHouse();
    const slow = await consumer("slow");
    await publish(["1"]);
    const first = await slow.message();
    await pass(31);
    const second = await slow.message();
    expect(second).toMatchObject({ payload: "1", ...again(2) });
    expect(second.packetId).not.toBe(first.packetId);
    await slow.acknowledge(first);
    await slow.acknowledge(second);
    await slow.ping();
    expect(report()).toMatchObject({ messages: 0, inDelivery: 0, totals: { settled: 1 } });
  });

  it("keeps it for ever with a timeout of 0", async () => {
    const { consumer, publish, pass } = await timedHouse({ settleTimeoutSeconds: 0 });
    const slow = await consumer("slow");
    await publish(["1"]);
    await slow.message();
    const other = await consumer("other");
    await pass(10_000);
    expect(await other.messages()).toEqual([]);
    await slow.cut();
    expect(await other.take()).toMatchObject({ payload: "1", ...again(2) });
  });

  it("settles with a late PUBACK what waits behind a delay by then, because the settings have changed", async () => {
    const { consumer, publish, pass, reconfigure, report } = await timedHouse({ consumerWindow: 1 });
    const slow = await consumer("slow");
    await publish(["1"]);
    const late = await slow.message();
    await pass(31);
    await reconfigure({ delaySeconds: 600 });
    await slow.acknowledge(late);
    await slow.ping();
    expect(report()).toMatchObject({ messages: 0, totals: { settled: 1 } });
    const other = await consumer("other");
    await pass(1200);
    expect(await other.messages()).toEqual([]);
  });

  it("gives back what it has at QoS 2 too, wherever it is in the handshake", async () => {
    const { consumer, publish, pass } = await timedHouse();
    const slow = await consumer("slow", { qos: 2 });
    await publish(["1", "2"], "jobs/a", { qos: 2 });
    const [first] = [await slow.message(), await slow.message()];
    slow.send({ cmd: "pubrec", messageId: first.packetId });
    await slow.answer("pubrel", first.packetId);
    const other = await consumer("other", { qos: 2 });
    await pass(31);
    expect([await other.take(), await other.take()]).toMatchObject([
      { payload: "1", ...again(2) },
      { payload: "2", ...again(2) },
    ]);
    slow.send({ cmd: "pubcomp", messageId: first.packetId });
    await slow.ping();
  });
});

describe("a consumer of MQTT 5 that rejects a message", () => {
  it.each([1, 2] as const)("sends it to another one, at QoS %s", async (qos) => {
    const { consumer, publish } = await timedHouse();
    const picky = await consumer("picky", { qos });
    const other = await consumer("other", { qos });
    await publish(["1"], "jobs/a", { qos });
    const { packetId } = await picky.message();
    picky.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId: packetId, reasonCode: 0x83 });
    expect(await other.take()).toMatchObject({ payload: "1", ...again(2) });
    expect(await picky.messages()).toEqual([]);
  });

  it("gets it again where it is alone, until there were enough deliveries; then it is a dead letter", async () => {
    const { consumer, publish, letters, report } = await timedHouse({ deliveriesMax: 3 });
    const picky = await consumer("picky");
    await publish(["1", "2"]);
    const counts: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      for (;;) {
        const { payload, packetId, properties } = await picky.message();
        const code = payload === "1" ? 0x83 : 0;
        picky.send({ cmd: "puback", messageId: packetId, reasonCode: code });
        if (payload === "2") continue;
        counts.push((properties.userProperties as Record<string, string> | undefined)?.["delivery-count"]);
        break;
      }
    }
    await picky.takeAll();
    expect(counts).toEqual([undefined, "2", "3"]);
    expect(letters()).toEqual(["deliveries-exceeded 1 jobs/a"]);
    expect(report()).toMatchObject({ messages: 0, inDelivery: 0, totals: { settled: 1, deadLetters: 1 } });
  });

  it("gets it without end where deliveriesMax is 0", async () => {
    const { consumer, publish, report } = await timedHouse({ deliveriesMax: 0 });
    const picky = await consumer("picky");
    await publish(["1"]);
    for (let i = 1; i <= 100; i++) {
      const { packetId, dup } = await picky.message();
      expect(dup).toBe(i > 1);
      picky.send({ cmd: "puback", messageId: packetId, reasonCode: i < 100 ? 0x80 : 0 });
    }
    await picky.ping();
    expect(report()).toMatchObject({ messages: 0, totals: { settled: 1, redelivered: 99 } });
  });

  it("counts leaving as a delivery, too", async () => {
    const { consumer, publish, letters } = await timedHouse({ deliveriesMax: 2 });
    await publish(["1"]);
    for (const id of ["one", "two"]) {
      const leaving = await consumer(id);
      await leaving.message();
      await leaving.cut();
    }
    const third = await consumer("three");
    expect(await third.messages()).toEqual([]);
    expect(letters()).toEqual(["deliveries-exceeded 1 jobs/a"]);
  });
});
