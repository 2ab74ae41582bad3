import { describe, expect, it } from "vitest";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5, type Told } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const livesSeconds = 3600;
const identified = (subscriptionIdentifier: number) => ({ subscriptionIdentifier });

/** Sorted, since their order says nothing. */
function identifiersOf({ properties }: Told): number[] {
  const found = (properties.subscriptionIdentifier ?? []) as number | number[];
  return [found].flat().sort((one, other) => one - other);
}

async function house() {
  const running = await startGateway();
  const publisher = await Device5.connect(running.port, "publisher");
  const back = () => Device5.connect(running.port, "device", { livesSeconds });
  const device = await back();
  return { ...running, publisher, device, back };
}

describe("subscription identifiers", () => {
  it.each([0, 1, 2] as const)(
    "of all subscriptions that match come with the one copy, at QoS %s [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4]",
    async (qos) => {
      const { publisher, device } = await house();
      await device.subscribe({ "t/#": 2, "t/+": 0 }, identified(268_435_455));
      await device.subscribe({ "t/a": 1 }, identified(127));
      await device.subscribe({ "+/a": 1 }, identified(128));
      await device.subscribe({ "#": 2 });
      await device.subscribe({ other: 2 }, identified(5));
      const publishing = publisher.publishWhole("t/a", "x", { qos });
      const message = await device.take();
      expect({ of: identifiersOf(message), qos: message.qos }).toEqual({ of: [127, 128, 268_435_455], qos });
      await publishing;
      expect(await device.messages()).toEqual([]);
    },
  );

  it("are not there for a subscription without one", async () => {
    const { publisher, device } = await house();
    await device.subscribe({ "a/#": 0 }, identified(1));
    await device.subscribe({ "b/#": 0 });
    await publisher.publishWhole("b/x", "x", { qos: 0 });
    expect((await device.messages()).map(identifiersOf)).toEqual([[]]);
  });

  it("come through a mailbox, and again when a message is sent again", async () => {
    const { publisher, device, back } = await house();
    await device.subscribe({ "t/#": 2 }, identified(1));
    await device.subscribe({ "t/+": 1 }, identified(2));
    await device.disconnect();
    for (const qos of [1, 2] as const) await publisher.publishWhole("t/a", "x", { qos });
    const first = await back();
    expect((await first.messages()).map(identifiersOf)).toEqual([
      [1, 2],
      [1, 2],
    ]);
    await first.cut();
    expect((await (await back()).takeAll()).map(identifiersOf)).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it.each(["stopped", "killed"] as const)("survive a gateway that is %s, with messages and without", async (how) => {
    const first = await restarts(root);
    const before = await Device5.connect(first.port, "device", { livesSeconds });
    await before.subscribe({ "t/#": 2 }, identified(1));
    await before.subscribe({ "t/+": 1 }, identified(2));
    await before.disconnect();
    const publish = async (port: number) => {
      const publisher = await Device5.connect(port, "publisher");
      await publisher.publishWhole("t/a", "x", { qos: 2 });
      await publisher.disconnect();
    };
    await publish(first.port);
    const { port } = await first[how]();
    await publish(port);
    const back = await Device5.connect(port, "device", { livesSeconds });
    expect((await back.takeAll()).map(identifiersOf)).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it("come with the retained messages that their subscription calls up, each with its own", async () => {
    const { publisher, device } = await house();
    await publisher.publishWhole("t/a", "kept", { retain: true, properties: { contentType: "c" } });
    await device.subscribe({ "t/#": 1 }, identified(1));
    expect((await device.takeAll()).map(identifiersOf)).toEqual([[1]]);
    await device.subscribe({ "t/+": 0 }, identified(2));
    expect((await device.takeAll()).map(identifiersOf)).toEqual([[2]]);
  });

  it("of others do not come with what a subscription without one calls up", async () => {
    const { publisher, device } = await house();
    await publisher.publishWhole("t/a", "kept", { retain: true });
    await device.subscribe({ "t/#": { qos: 1, rh: 2 } }, identified(1));
    await device.subscribe({ "t/+": 1 });
    expect((await device.takeAll()).map(identifiersOf)).toEqual([[]]);
  });

  it("are the publisher's affair nowhere: in a PUBLISH from a client one is a protocol error [MQTT-3.3.4-6]", async () => {
    const { publisher } = await house();
    publisher.publish("t/a", "x", { properties: identified(1) });
    expect([0x81, 0x82]).toContain(await publisher.sentAway());
  });

  it("are not told to a device that came back with 3.1.1", async () => {
    const { port, publisher, device } = await house();
    await device.subscribe({ "t/#": 1 }, identified(1));
    await device.disconnect();
    const old = await Device5.connect(port, "device", { version: 4, clean: false });
    expect(old.sessionPresent).toBe(true);
    const publishing = publisher.publishWhole("t/a", "x");
    expect(await old.take()).toMatchObject({ payload: "x", properties: {} });
    await publishing;
  });
});

describe("a device with a shared subscription and ordinary ones", () => {
  it.each([0, 1, 2] as const)(
    "gets a copy of each, with the identifier of the one and of the others, at QoS %s [MQTT-3.3.4-5]",
    async (qos) => {
      const { publisher, device } = await house();
      await device.subscribe({ "$share/g/t/#": 2 }, identified(1));
      await device.subscribe({ "t/+": 2 }, identified(2));
      await device.subscribe({ "t/a": 2 }, identified(3));
      const publishing = publisher.publishWhole("t/a", "x", { qos });
      const found = [identifiersOf(await device.take()), identifiersOf(await device.take())];
      expect(found.sort((one, other) => one.length - other.length)).toEqual([[1], [2, 3]]);
      await publishing;
    },
  );

  it.each([0, 1, 2] as const)(
    "gets the shared copy without one where that subscription has none, at QoS %s",
    async (qos) => {
      const { publisher, device } = await house();
      await device.subscribe({ "$share/g/t/#": 2 });
      await device.subscribe({ "t/+": 2 }, identified(2));
      const publishing = publisher.publishWhole("t/a", "x", { qos });
      const found = [identifiersOf(await device.take()), identifiersOf(await device.take())];
      expect(found.sort((one, other) => one.length - other.length)).toEqual([[], [2]]);
      await publishing;
    },
  );

  it.each([0, 1, 2] as const)(
    "gets RETAIN as published by the one that asked for it only, at QoS %s [MQTT-3.3.1-12] [MQTT-3.3.1-13]",
    async (qos) => {
      const { publisher, device } = await house();
      await device.subscribe({ "$share/g/a/#": { qos: 2, rap: true }, "a/+": 2 });
      await device.subscribe({ "$share/g/b/#": 2, "b/+": { qos: 2, rap: true } }, identified(1));
      for (const topic of ["a/x", "b/x"]) {
        const publishing = publisher.publishWhole(topic, "x", { qos, retain: true });
        const flags = [(await device.take()).retain, (await device.take()).retain];
        expect(flags.sort()).toEqual([false, true]);
        await publishing;
      }
    },
  );

  it("gets the shared copy as its own also after a restart, where it was sent before", async () => {
    const first = await restarts(root);
    const before = await Device5.connect(first.port, "device", { livesSeconds });
    await before.subscribe({ "$share/g/t/#": { qos: 2, rap: true } });
    await before.subscribe({ "t/+": 2 }, identified(2));
    const publisher = await Device5.connect(first.port, "publisher");
    const published = publisher.publishWhole("t/a", "x", { qos: 2, retain: true });
    const told = ({ retain, ...message }: Told) => [identifiersOf({ retain, ...message }), retain];
    const copies = [told(await before.message()), told(await before.message())];
    await published;
    const { port } = await first.killed();
    const back = await Device5.connect(port, "device", { livesSeconds });
    const again = [told(await back.message()), told(await back.message())];
    for (const found of [copies, again])
      expect(new Set(found)).toEqual(
        new Set([
          [[], true],
          [[2], false],
        ]),
      );
  });
});
