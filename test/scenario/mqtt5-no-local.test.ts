import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5 } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const livesSeconds = 3600;
const noLocal = { "t/#": { qos: 1, nl: true } } as const;

async function house() {
  const running = await startGateway();
  const own = await Device5.connect(running.port, "own", { livesSeconds });
  const other = await Device5.connect(running.port, "other");
  return { ...running, own, other };
}

describe("no local", () => {
  it.each([0, 1, 2] as const)("keeps from a client what it published itself, at QoS %s [MQTT-3.8.3-3]", async (qos) => {
    const { own, other } = await house();
    await own.subscribe({ "t/#": { qos: 2, nl: true } });
    await other.subscribe({ "t/#": 0 });
    await own.publishWhole("t/a", "own", { qos });
    const publishing = other.publishWhole("t/a", "other", { qos });
    expect((await own.take()).payload).toBe("other");
    await publishing;
    expect(await own.messages()).toEqual([]);
    expect(await other.payloads()).toEqual(["own", "other"]);
  });

  it("is of one subscription: another one that matches brings the message at its QoS and with its identifier [MQTT-3.8.3-3]", async () => {
    const { own, other } = await house();
    await own.subscribe({ "t/#": { qos: 2, nl: true, rap: true } }, { subscriptionIdentifier: 1 });
    await own.subscribe({ "t/+": { qos: 1 } }, { subscriptionIdentifier: 2 });
    await own.publishWhole("t/a/b", "hidden", { qos: 2 });
    const publishing = own.publishWhole("t/a", "seen", { qos: 2, retain: true });
    const seen = await own.take();
    expect(seen).toMatchObject({ payload: "seen", qos: 1, retain: false, properties: { subscriptionIdentifier: 2 } });
    await publishing;
    const another = other.publishWhole("t/a", "other", { qos: 2, retain: true });
    const { qos, retain, properties } = await own.take();
    expect({ qos, retain }).toEqual({ qos: 2, retain: true });
    expect(new Set(properties.subscriptionIdentifier as number[])).toEqual(new Set([1, 2]));
    await another;
  });

  it("is over when the filter is subscribed without it", async () => {
    const { own } = await house();
    await own.subscribe(noLocal);
    await own.publishWhole("t/a", "1");
    await own.subscribe({ "t/#": 1 });
    const publishing = own.publishWhole("t/a", "2");
    expect((await own.take()).payload).toBe("2");
    await publishing;
    await own.unsubscribe("t/#");
    await own.subscribe(noLocal);
    await own.publishWhole("t/a", "3");
    expect(await own.messages()).toEqual([]);
  });

  it("holds for what its client published just before it left, and for its will", async () => {
    const { port } = await house();
    const will = { topic: "t/will", payload: Buffer.from("will"), qos: 1 };
    const dying = await Device5.connect(port, "dying", { livesSeconds, will });
    await dying.subscribe(noLocal);
    const watching = await Device5.connect(port, "watching");
    await watching.subscribe({ "t/#": 0 });
    dying.publish("t/a", "last", { qos: 1 });
    await dying.answer("puback", 2);
    await dying.cut();
    expect([(await watching.message()).payload, (await watching.message()).payload]).toEqual(["last", "will"]);
    expect(await (await Device5.connect(port, "dying", { livesSeconds })).messages()).toEqual([]);
  });

  it("holds for a will that waits while the gateway is killed", async () => {
    const clock = new ManualClock();
    const first = await restarts(root, {}, clock);
    const will = { topic: "t/will", payload: Buffer.from("will"), qos: 1, properties: { willDelayInterval: 60 } };
    const dying = await Device5.connect(first.port, "dying", { livesSeconds, will });
    await dying.subscribe(noLocal);
    const watching = await Device5.connect(first.port, "watching", { livesSeconds });
    await watching.subscribe({ "t/#": 1 });
    const { port } = await first.killed();
    const watchingAgain = await Device5.connect(port, "watching", { livesSeconds });
    clock.advance(120_000);
    expect((await watchingAgain.take()).payload).toBe("will");
    expect(await (await Device5.connect(port, "dying", { livesSeconds })).messages()).toEqual([]);
  });

  it("survives a restart", async () => {
    const first = await restarts(root);
    const own = await Device5.connect(first.port, "own", { livesSeconds });
    await own.subscribe(noLocal);
    await own.disconnect();
    const { port } = await first.killed();
    const back = await Device5.connect(port, "own", { livesSeconds });
    expect(await back.publishWhole("t/a", "own")).toBeLessThan(0x80);
    expect(await back.messages()).toEqual([]);
    const other = await Device5.connect(port, "other");
    const publishing = other.publishWhole("t/a", "other");
    expect((await back.take()).payload).toBe("other");
    await publishing;
  });

  it("does not keep from a client the retained message that it published itself", async () => {
    const { own } = await house();
    await own.publishWhole("t/a", "kept", { retain: true });
    await own.subscribe(noLocal);
    expect(await own.take()).toMatchObject({ payload: "kept", retain: true });
  });

  it("is no matter of QoS: another filter brings the message at its own, higher or lower", async () => {
    const { own, other } = await house();
    await own.subscribe({ "t/#": { qos: 0, nl: true }, "+/a": { qos: 2 } });
    const publishing = Promise.all([own.publishWhole("t/a", "1", { qos: 2 }), other.publishWhole("t/b", "2")]);
    const taken = [await own.take(), await own.take()].map(({ payload, qos }) => `${payload} at ${qos}`);
    expect(taken.sort()).toEqual(["1 at 2", "2 at 0"]);
    await publishing;
  });
});
