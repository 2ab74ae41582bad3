import { describe, expect, it } from "vitest";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5 } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const livesSeconds = 3600;

async function house() {
  const running = await startGateway();
  const publisher = await Device5.connect(running.port, "publisher");
  const device = await Device5.connect(running.port, "device", { livesSeconds });
  const back = () => Device5.connect(running.port, "device", { livesSeconds });
  return { ...running, publisher, device, back };
}

describe("retain as published", () => {
  it.each([0, 1, 2] as const)(
    "keeps the RETAIN flag, and without it that is 0, at QoS %s [MQTT-3.3.1-12] [MQTT-3.3.1-13]",
    async (qos) => {
      const { port, publisher } = await house();
      const [as, not] = [await Device5.connect(port, "as"), await Device5.connect(port, "not")];
      await as.subscribe({ "t/#": { qos: 2, rap: true } });
      await not.subscribe({ "t/#": { qos: 2 } });
      for (const retain of [true, false]) {
        const publishing = publisher.publishWhole("t/a", "x", { qos, retain });
        expect((await as.take()).retain).toBe(retain);
        expect((await not.take()).retain).toBe(false);
        await publishing;
      }
    },
  );

  it.each([1, 2] as const)("holds through a mailbox and when it is sent again, at QoS %s", async (qos) => {
    const { publisher, device, back } = await house();
    await device.subscribe({ "as/#": { qos, rap: true }, "not/#": { qos } });
    await device.disconnect();
    for (const topic of ["as/a", "not/a"]) {
      for (const retain of [true, false]) await publisher.publishWhole(topic, topic, { qos, retain });
    }
    const wanted = [true, false, false, false];
    const first = await back();
    expect((await first.messages()).map(({ retain }) => retain)).toEqual(wanted);
    await first.cut();
    expect((await (await back()).takeAll()).map(({ retain }) => retain)).toEqual(wanted);
  });

  it.each(["stopped", "killed"] as const)("holds for what waits while the gateway is %s", async (how) => {
    const first = await restarts(root);
    const away = await Device5.connect(first.port, "away", { livesSeconds });
    await away.subscribe({ "as/#": { qos: 1, rap: true }, "not/#": { qos: 1 } });
    await away.disconnect();
    const publisher = await Device5.connect(first.port, "publisher");
    for (const topic of ["as/a", "not/a"]) {
      for (const retain of [true, false]) await publisher.publishWhole(topic, topic, { retain });
    }
    const { port } = await first[how]();
    const back = await Device5.connect(port, "away", { livesSeconds });
    expect((await back.takeAll()).map(({ retain }) => retain)).toEqual([true, false, false, false]);
  });

  it("of any of the subscriptions that match is enough", async () => {
    const { publisher, device } = await house();
    await device.subscribe({ "t/#": { qos: 1 }, "t/+": { qos: 0, rap: true } });
    const publishing = publisher.publishWhole("t/a", "x", { retain: true });
    expect(await device.take()).toMatchObject({ qos: 1, retain: true });
    await publishing;
  });

  it("keeps the flag of the message that removes a retained one [MQTT-3.3.1-6]", async () => {
    const { publisher, device } = await house();
    await publisher.publishWhole("t/a", "x", { retain: true });
    await device.subscribe({ "t/#": { qos: 0, rap: true, rh: 2 } });
    await publisher.publishWhole("t/a", "", { retain: true });
    expect(await device.messages()).toMatchObject([{ payload: "", retain: true }]);
    await device.subscribe({ "t/#": { qos: 0, rap: true, rh: 0 } });
    expect(await device.messages()).toEqual([]);
  });

  it("is nothing that a device of 3.1.1 asks for", async () => {
    const { port, publisher } = await house();
    const old = await Device5.connect(port, "old", { version: 4 });
    await old.subscribe({ "t/#": 1 });
    const publishing = publisher.publishWhole("t/a", "x", { retain: true });
    expect((await old.take()).retain).toBe(false);
    await publishing;
  });
});

describe("retain handling", () => {
  it("0 sends what is retained with each subscription, 1 with a fresh one, 2 never [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]", async () => {
    const { publisher, device } = await house();
    await publisher.publishWhole("t/a", "kept", { retain: true });
    const called = async (rh: 0 | 1 | 2) => {
      await device.subscribe({ "t/#": { qos: 1, rh } });
      return (await device.takeAll()).map(({ payload, retain }) => `${payload} ${retain}`);
    };
    expect(await called(2)).toEqual([]);
    expect(await called(1)).toEqual([]);
    expect(await called(0)).toEqual(["kept true"]);
    expect(await called(0)).toEqual(["kept true"]);
    expect(await called(1)).toEqual([]);
    await device.unsubscribe("t/#");
    expect(await called(1)).toEqual(["kept true"]);
  });

  it("1 knows the subscriptions of a session from before, also after a restart [MQTT-3.3.1-10]", async () => {
    const first = await restarts(root);
    const before = await Device5.connect(first.port, "device", { livesSeconds });
    await before.publishWhole("t/a", "kept", { retain: true });
    await before.subscribe({ "t/#": { qos: 1, rh: 1 } });
    expect((await before.takeAll()).length).toBe(1);
    await before.disconnect();
    const { port } = await first.stopped();
    const back = await Device5.connect(port, "device", { livesSeconds });
    await back.subscribe({ "t/#": { qos: 1, rh: 1 } });
    expect(await back.messages()).toEqual([]);
    await back.subscribe({ "t/+": { qos: 1, rh: 1 } });
    expect((await back.takeAll()).length).toBe(1);
  });

  it("is of each filter in one packet", async () => {
    const { publisher, device } = await house();
    for (const topic of ["a/x", "b/x", "c/x"]) await publisher.publishWhole(topic, topic, { retain: true });
    await device.subscribe({ "b/#": { qos: 0, rh: 2 } });
    await device.subscribe({ "a/#": { qos: 0, rh: 2 }, "b/#": { qos: 0, rh: 1 }, "c/#": { qos: 0, rh: 1 } });
    expect(await device.payloads()).toEqual(["c/x"]);
  });

  it("a shared subscription calls nothing up, whatever it says", async () => {
    const { publisher, device } = await house();
    await publisher.publishWhole("t/a", "kept", { retain: true });
    for (const rh of [0, 1, 2] as const) await device.subscribe({ "$share/g/t/#": { qos: 1, rh } });
    expect(await device.messages()).toEqual([]);
  });
});
