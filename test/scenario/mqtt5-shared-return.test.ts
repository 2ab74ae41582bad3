import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { Device } from "../../src/device/device.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5, type Told } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const livesSeconds = 3600;
const numbers = (count: number, from = 1) => Array.from({ length: count }, (_, i) => `${i + from}`);
const payloadsOf = (messages: Told[]) => messages.map(({ payload }) => payload);
const join = async (port: number, id: string, choices: object = { livesSeconds }, qos: 0 | 1 | 2 = 1) => {
  const device = await Device5.connect(port, id, choices);
  await device.subscribe({ "$share/g/t/#": qos });
  return device;
};

/** One member that has taken so many messages and acknowledged none, and another that has come since. */
async function handedOut(count: number, qos: 1 | 2 = 1, choices: object = { livesSeconds }) {
  const running = await startGateway();
  const leaving = await join(running.port, "leaving", choices, qos);
  const publisher = await Device5.connect(running.port, "publisher");
  const published = Promise.all(numbers(count).map((payload) => publisher.publishWhole("t/a", payload, { qos })));
  const taken: Told[] = [];
  while (taken.length < count) taken.push(await leaving.message());
  const staying = await join(running.port, "staying", { livesSeconds }, qos);
  return { ...running, publisher, leaving, staying, taken, published };
}

describe("QoS 1 messages that a member has not acknowledged go to another when it", () => {
  it.each([
    ["cuts the line, its session persistent", { livesSeconds }],
    ["cuts the line, its session clean", {}],
  ])("%s", async (_, choices) => {
    const { leaving, staying, taken, published } = await handedOut(4, 1, choices);
    await leaving.acknowledge(taken[1] as Told);
    await leaving.ping();
    await leaving.cut();
    const messages = [await staying.take(), await staying.take(), await staying.take()];
    expect(messages.map(({ payload, dup }) => [payload, dup])).toEqual([
      ["1", false],
      ["3", false],
      ["4", false],
    ]);
    await published;
    expect(await staying.messages()).toEqual([]);
  });

  it("leaves with DISCONNECT", async () => {
    const { leaving, staying, published } = await handedOut(2);
    await leaving.disconnect();
    expect(payloadsOf([await staying.take(), await staying.take()])).toEqual(["1", "2"]);
    await published;
  });

  it.each([false, true])("is taken over by another connection, which starts clean: %s", async (clean) => {
    const { port, leaving, staying, published } = await handedOut(2);
    await Device5.connect(port, "leaving", { livesSeconds, clean });
    expect(await leaving.sentAway()).toBe(0x8e);
    expect(payloadsOf([await staying.take(), await staying.take()]).sort()).toEqual(["1", "2"]);
    await published;
  });

  it("crashes in the gateway, however it is built anew", async () => {
    const { gateway, leaving, staying, published } = await handedOut(3);
    const { device } = gateway.broker.clients.leaving as unknown as { device: Device };
    device.failed(new Error("for a test"));
    await leaving.closed;
    expect(payloadsOf([await staying.take(), await staying.take(), await staying.take()])).toEqual(numbers(3));
    await published;
  });

  it("sends what is malformed", async () => {
    const { leaving, staying, published } = await handedOut(2);
    leaving.write(Buffer.from([0xf0, 0x01, 0x00]));
    await leaving.closed;
    expect(payloadsOf([await staying.take(), await staying.take()])).toEqual(["1", "2"]);
    await published;
  });
});

describe("what goes back to the group", () => {
  it("takes its old place before what waits there", async () => {
    const { port } = await startGateway({ sessions: { inFlightMax: 2 } });
    const leaving = await join(port, "leaving");
    const publisher = await Device5.connect(port, "publisher");
    const published = Promise.all(numbers(5).map((payload) => publisher.publishWhole("t/a", payload)));
    expect(payloadsOf([await leaving.message(), await leaving.message()])).toEqual(["1", "2"]);
    await published;
    await leaving.cut();
    const late = await Device5.connect(port, "late", { livesSeconds });
    await late.subscribe({ "$share/g/t/#": 1 });
    expect(payloadsOf(await late.takeAll())).toEqual(numbers(5));
  });

  it("waits for the member itself, where it was the only one, and comes again after a restart too", async () => {
    const first = await restarts(root);
    const member = await join(first.port, "member");
    const publisher = await Device5.connect(first.port, "publisher");
    const published = Promise.all(numbers(3).map((payload) => publisher.publishWhole("t/a", payload)));
    for (const payload of numbers(3)) expect((await member.message()).payload).toBe(payload);
    await published;
    await member.cut();
    const again = await Device5.connect(first.port, "member", { livesSeconds });
    expect(payloadsOf(await again.messages())).toEqual(numbers(3));
    const { port } = await first.killed();
    const back = await Device5.connect(port, "member", { livesSeconds });
    expect(payloadsOf(await back.takeAll())).toEqual(numbers(3));
  });

  it("stays with a member that has unsubscribed as long as it is connected [MQTT-3.10.4-3]", async () => {
    const { leaving, staying, taken, published } = await handedOut(3);
    await leaving.unsubscribe("$share/g/t/#");
    await leaving.acknowledge(taken[0] as Told);
    await leaving.ping();
    expect(await staying.messages()).toEqual([]);
    await leaving.cut();
    expect(payloadsOf([await staying.take(), await staying.take()])).toEqual(["2", "3"]);
    await published;
  });

  it("goes when the session of the member ends, to those that are left", async () => {
    const clock = new ManualClock();
    const { gateway, port } = await startGateway({}, clock);
    const leaving = await join(port, "leaving", { livesSeconds: 10 });
    await (await join(port, "away")).disconnect();
    const publisher = await Device5.connect(port, "publisher");
    const published = publisher.publishWhole("t/a", "x");
    await leaving.message();
    const gone = once(gateway.broker, "clientDisconnect");
    await leaving.cut();
    await Promise.all([published, gone]);
    clock.advance(60_000);
    expect((await Device5.connect(port, "leaving", { livesSeconds })).sessionPresent).toBe(false);
    expect(payloadsOf(await (await Device5.connect(port, "away", { livesSeconds })).takeAll())).toEqual(["x"]);
  });

  it("at QoS 2 published and QoS 1 granted, goes to a member of QoS 2 at QoS 2 [MQTT-4.8.2-3]", async () => {
    const { port } = await startGateway();
    const leaving = await join(port, "leaving", { livesSeconds }, 1);
    const publisher = await Device5.connect(port, "publisher");
    const published = publisher.publishWhole("t/a", "x", { qos: 2 });
    expect(await leaving.message()).toMatchObject({ payload: "x", qos: 1 });
    const staying = await join(port, "staying", { livesSeconds }, 2);
    await leaving.cut();
    expect(await staying.take()).toMatchObject({ payload: "x", qos: 2 });
    await published;
  });
});

describe("a QoS 2 message that was sent to a member", () => {
  it.each(["unanswered", "received"] as const)(
    "and is %s is completed with that member when it returns, and goes to no other [MQTT-4.8.2-4]",
    async (how) => {
      const { port, leaving, staying, taken, published } = await handedOut(1, 2);
      await published;
      const [{ packetId: messageId }] = taken as [Told];
      if (how === "received") leaving.send({ cmd: "pubrec", messageId });
      if (how === "received") await leaving.answer("pubrel", messageId);
      await leaving.cut();
      expect(await staying.messages()).toEqual([]);
      const back = await Device5.connect(port, "leaving", { livesSeconds });
      if (how === "received") expect(await back.next()).toMatchObject({ cmd: "pubrel", messageId });
      else expect(await back.take()).toMatchObject({ payload: "1", dup: true, packetId: messageId });
      expect(await staying.messages()).toEqual([]);
    },
  );

  it("goes to no other where the session of that member ends before it returns [MQTT-4.8.2-5]", async () => {
    for (const choices of [{ livesSeconds }, {}]) {
      const { port, leaving, staying, published } = await handedOut(1, 2, choices);
      await published;
      await leaving.cut();
      await (await Device5.connect(port, "leaving", { clean: true })).ping();
      expect(await staying.messages()).toEqual([]);
    }
  });

  it("is completed with that member after the gateway was killed [MQTT-4.8.2-4]", async () => {
    const first = await restarts(root);
    const leaving = await join(first.port, "leaving", { livesSeconds }, 2);
    const publisher = await Device5.connect(first.port, "publisher");
    const published = publisher.publishWhole("t/a", "x", { qos: 2 });
    const { packetId } = await leaving.message();
    await published;
    await (await join(first.port, "staying", { livesSeconds }, 2)).disconnect();
    const { port } = await first.killed();
    const staying = await Device5.connect(port, "staying", { livesSeconds });
    expect(await staying.messages()).toEqual([]);
    const back = await Device5.connect(port, "leaving", { livesSeconds });
    expect(await back.take()).toMatchObject({ payload: "x", packetId, dup: true });
  });
});
