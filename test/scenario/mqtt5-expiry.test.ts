import { describe, expect, it } from "vitest";
import { countedDrops } from "../support/counted-drops.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5, type Told } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const livesSeconds = 100_000;
const expiring = (seconds: number) => ({ properties: { messageExpiryInterval: seconds } });
const leftOf = ({ payload, properties }: Told) => [payload, properties.messageExpiryInterval];

/** A gateway with a clock that is moved by hand, a publisher, and a device that is away. */
async function house(changes: Record<string, object> = {}) {
  const clock = new ManualClock();
  const running = await restarts(root, changes, clock);
  const device = (port = running.port, properties = {}) =>
    Device5.connect(port, "device", { livesSeconds, properties });
  const away = await device();
  await away.subscribe({ "t/#": 2 });
  await away.disconnect();
  const publisher = await Device5.connect(running.port, "publisher");
  const publish = (payload: string, seconds: number, choices: object = {}) =>
    publisher.publishWhole("t/a", payload, { ...expiring(seconds), ...choices });
  const pass = (seconds: number) => clock.advance(seconds * 1000);
  return { ...running, clock, device, publisher, publish, pass };
}

describe("the message expiry interval", () => {
  it.each([0, 1, 2] as const)("goes on as it came to those who are here, at QoS %s [MQTT-3.3.2-6]", async (qos) => {
    const { port } = await startGateway({}, new ManualClock());
    const publisher = await Device5.connect(port, "publisher");
    const device = await Device5.connect(port, "here");
    await device.subscribe({ "t/#": qos });
    const publishing = publisher.publishWhole("t/a", "x", { qos, ...expiring(7) });
    expect(leftOf(await device.take())).toEqual(["x", 7]);
    await publishing;
  });

  it.each([1, 2] as const)("is counted down while a message waits, at QoS %s [MQTT-3.3.2-6]", async (qos) => {
    const { device, publish, pass } = await house();
    await publish("a", 100, { qos });
    pass(30);
    await publish("b", 4_294_967_295, { qos });
    pass(30);
    expect((await (await device()).takeAll()).map(leftOf)).toEqual([
      ["a", 40],
      ["b", 4_294_967_265],
    ]);
  });

  it.each([1, 2] as const)("ends a message that waits, at QoS %s, and it is counted [MQTT-3.3.2-5]", async (qos) => {
    const { port, device, publish, pass } = await house();
    await publish("gone", 10, { qos });
    await publish("stays", 11, { qos });
    await publish("for ever", 0xffffffff, { qos });
    pass(10);
    expect((await (await device()).takeAll()).map(leftOf)).toEqual([
      ["stays", 1],
      ["for ever", 0xffffffff - 10],
    ]);
    pass(10);
    expect(await countedDrops(port)).toEqual({ expired: 1 });
  });

  it("of 0 ends a message for all who are not here to take it at once", async () => {
    const { port, device, publish } = await house();
    const here = await Device5.connect(port, "here");
    await here.subscribe({ "t/#": 1 });
    const publishing = publish("x", 0);
    expect(leftOf(await here.take())).toEqual(["x", 0]);
    await publishing;
    expect(await (await device()).messages()).toEqual([]);
  });

  it("runs behind a window that is full, out of its order among those that wait", async () => {
    const { device, publish, pass } = await house({ sessions: { inFlightMax: 1 } });
    await publish("first", 1000);
    await publish("short", 5);
    await publish("long", 60);
    await publish("shorter", 3);
    const here = await device();
    const first = await here.message();
    pass(6);
    await here.acknowledge(first);
    expect((await here.takeAll()).map(leftOf)).toEqual([["long", 54]]);
  });

  it("gives its room in the mailbox to others, also where older messages wait before it", async () => {
    const { device, publish, pass } = await house({ mailboxes: { messagesMax: 2 } });
    await publish("long", 1000);
    await publish("short", 5);
    expect(await publish("refused", 1000)).toBe(0x97);
    pass(10);
    expect(await publish("taken", 1000)).toBe(0);
    expect((await (await device()).takeAll()).map(({ payload }) => payload)).toEqual(["long", "taken"]);
  });

  it("is not heard of by devices of 3.1.1, and holds for them too", async () => {
    const { port, publish, pass } = await house();
    const old = () => Device5.connect(port, "old", { version: 4, clean: false });
    const first = await old();
    await first.subscribe({ "t/#": 1 });
    await first.disconnect();
    await publish("gone", 5);
    await publish("stays", 50);
    pass(5);
    expect(await (await old()).messages()).toMatchObject([{ payload: "stays", properties: {} }]);
  });
});

describe("a message that was sent and is not acknowledged", () => {
  it.each([1, 2] as const)("is sent again with what is left, at QoS %s [MQTT-4.4.0-1]", async (qos) => {
    const { device, publish, pass } = await house();
    await publish("x", 100, { qos });
    const here = await device();
    expect(leftOf(await here.message())).toEqual(["x", 100]);
    await here.cut();
    pass(60);
    const again = await (await device()).take();
    expect({ left: leftOf(again), dup: again.dup }).toEqual({ left: ["x", 40], dup: true });
  });

  it("comes to its end at QoS 2 although it has expired [MQTT-4.3.3-7]", async () => {
    const { device, publish, pass } = await house();
    await publish("x", 10, { qos: 2 });
    const here = await device();
    const { packetId } = await here.message();
    await here.cut();
    pass(60);
    const back = await device();
    const again = await back.message();
    expect(again).toMatchObject({ packetId, dup: true, properties: { messageExpiryInterval: 0 } });
    await back.acknowledge(again);
    expect(await back.messages()).toEqual([]);
  });

  it("is not sent again at QoS 1 after its time, and is counted [MQTT-3.3.2-5]", async () => {
    const { port, device, publish, pass } = await house();
    await publish("x", 10);
    const here = await device();
    await here.message();
    await here.cut();
    pass(60);
    const back = await device();
    expect(await back.messages()).toEqual([]);
    pass(10);
    expect(await countedDrops(port)).toEqual({ expired: 1 });
  });

  it("is released although it has expired, in and out [MQTT-4.3.3-13]", async () => {
    const { device, publisher, pass, publish } = await house();
    const packetId = publisher.publish("t/a", "in", { qos: 2, ...expiring(5) });
    await publisher.answer("pubrec", packetId);
    pass(60);
    publisher.send({ cmd: "pubrel", messageId: packetId });
    expect(await publisher.answer("pubcomp", packetId)).toBe(0);
    await publish("out", 5, { qos: 2 });
    const here = await device();
    const message = await here.message();
    expect(message.payload).toBe("out");
    pass(60);
    await here.acknowledge(message);
    expect(await here.messages()).toEqual([]);
  });
});

describe("a retained message that expires", () => {
  it("is counted down, and not sent after its time [MQTT-3.3.2-5] [MQTT-3.3.2-6]", async () => {
    const { port, publisher, pass } = await house();
    await publisher.publishWhole("r/a", "kept", { retain: true, ...expiring(100) });
    const reads = async () => {
      const reader = await Device5.connect(port, "reader");
      await reader.subscribe({ "r/#": 1 });
      return (await reader.takeAll()).map(leftOf);
    };
    expect(await reads()).toEqual([["kept", 100]]);
    pass(99);
    expect(await reads()).toEqual([["kept", 1]]);
    pass(1);
    expect(await reads()).toEqual([]);
  });

  it("is replaced by one that does not expire", async () => {
    const { port, publisher, pass } = await house();
    await publisher.publishWhole("r/a", "short", { retain: true, ...expiring(5) });
    await publisher.publishWhole("r/a", "for ever", { retain: true });
    pass(100);
    const reader = await Device5.connect(port, "reader");
    await reader.subscribe({ "r/#": 1 });
    expect((await reader.takeAll()).map(leftOf)).toEqual([["for ever", undefined]]);
  });

  it("expires also while it waits for its turn after a subscription called it up", async () => {
    const { port, publisher, pass } = await house({ sessions: { inFlightMax: 1 } });
    for (const topic of ["r/a", "r/b"]) await publisher.publishWhole(topic, topic, { retain: true, ...expiring(5) });
    const reader = await Device5.connect(port, "reader");
    await reader.subscribe({ "r/#": 1 });
    const first = await reader.message();
    pass(6);
    await reader.acknowledge(first);
    expect(await reader.messages()).toEqual([]);
  });
});

describe("a gateway that ends", () => {
  it.each(["stopped", "killed"] as const)(
    "%s: messages go on expiring, waiting, retained and in flight",
    async (how) => {
      const before = await house();
      await before.publish("short", 20);
      await before.publish("long", 1000, { qos: 2 });
      await before.publisher.publishWhole("r/short", "retained short", { retain: true, ...expiring(20) });
      await before.publisher.publishWhole("r/long", "retained long", { retain: true, ...expiring(1000) });
      const { port } = await before[how]();
      before.pass(500 - (how === "killed" ? 1 : 0)); // a kill is waited for a second
      const back = await before.device(port);
      expect((await back.takeAll()).map(leftOf)).toEqual([["long", 500]]);
      await back.subscribe({ "r/#": 1 });
      expect((await back.takeAll()).map(leftOf)).toEqual([["retained long", 500]]);
    },
  );

  it("does not deliver what was in flight before and has expired, and releases what was sent at QoS 2", async () => {
    const before = await house();
    await before.publish("one", 20, { qos: 1 });
    await before.publish("two", 20, { qos: 2 });
    const here = await before.device();
    expect(await here.payloads()).toEqual(["one", "two"]);
    const { port } = await before.killed();
    before.pass(100);
    const back = await before.device(port);
    expect((await back.takeAll()).map(leftOf)).toEqual([["two", 0]]);
  });
});

it("a will that expires is counted down from when it is published", async () => {
  const { port, device, pass } = await house();
  const properties = { messageExpiryInterval: 30, willDelayInterval: 10 };
  const will = { topic: "t/will", payload: Buffer.from("will"), qos: 1, properties };
  const dying = await Device5.connect(port, "dying", { livesSeconds, will });
  pass(100);
  await dying.cut();
  await (await Device5.connect(port, "another")).ping();
  pass(11);
  pass(20);
  const [message] = await (await device()).takeAll();
  expect(message).toMatchObject({ payload: "will" });
  expect(message?.properties.messageExpiryInterval).toBeLessThanOrEqual(20);
  expect(message?.properties.messageExpiryInterval).toBeGreaterThan(5);
});
