import mqttPacket, { type Packet } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { startGateway } from "../support/start-gateway.ts";
import { Device5 } from "./mqtt5-device.ts";

const livesSeconds = 3600;
const will = { topic: "will", payload: "gone", qos: 0, retain: false };
const bytesOf = (packet: object) => mqttPacket.generate(packet as Packet, { protocolVersion: 5 });
const slow = bytesOf({ cmd: "subscribe", messageId: 1000, subscriptions: [{ topic: "slow", qos: 0 }] });

/** A gateway whose hook takes its time over the subscription to `slow`, a device with a will, and a watcher. */
async function house() {
  const clock = new ManualClock();
  const { gateway, port } = await startGateway({}, clock);
  let answer: (() => void) | null = null;
  const asked = new Promise<void>((resolve) => {
    gateway.broker.authorizeSubscribe = (_client, subscription, done) => {
      if (subscription.topic !== "slow" || answer !== null) return done(null, subscription);
      answer = () => done(null, subscription);
      resolve();
    };
  });
  const watcher = await Device5.connect(port, "watcher");
  await watcher.subscribe({ will: 0 });
  const device = await Device5.connect(port, "device", { livesSeconds, will });
  await device.subscribe({ t: 1 });
  /** Comes back; resolves when the gateway has read its CONNECT, with what becomes of it. */
  const back = async () => {
    const heard = new Promise<void>((resolve) => {
      gateway.broker.authenticate = (_client, _name, _password, done) => {
        done(null, true);
        resolve();
      };
    });
    const coming = Device5.connect(port, "device", { livesSeconds, clean: false });
    await heard;
    await watcher.ping();
    return { coming };
  };
  return { clock, watcher, device, asked, answer: () => answer?.(), back };
}

/** Sends a packet behind the SUBSCRIBE: in one chunk with it, or while the gateway does not read. */
async function sendBehind(device: Device5, packet: object, how: "together" | "later", asked: Promise<void>) {
  device.write(...(how === "together" ? [slow, bytesOf(packet)] : [slow]));
  await asked;
  if (how === "later") device.write(bytesOf(packet));
}

describe.each(["together", "later"] as const)(
  "a connection that is taken over while its SUBSCRIBE is not answered yet (the next packet comes %s)",
  (how) => {
    it("has the DISCONNECT handled that came behind it: no will is published [MQTT-3.14.4-3]", async () => {
      const { watcher, device, asked, answer, back } = await house();
      await sendBehind(device, { cmd: "disconnect", reasonCode: 0 }, how, asked);
      const { coming } = await back();
      answer();
      expect((await coming).sessionPresent).toBe(true);
      await device.closed;
      expect(device.packets.map(({ cmd }) => cmd)).toEqual(["suback"]);
      expect(await watcher.payloads()).toEqual([]);
    });

    it("has the PUBACK handled that came behind it: the message is not sent again [MQTT-4.4.0-1]", async () => {
      const { watcher, device, asked, answer, back } = await house();
      const published = watcher.publishWhole("t", "x");
      const { packetId: messageId } = await device.message();
      await sendBehind(device, { cmd: "puback", messageId }, how, asked);
      const { coming } = await back();
      answer();
      const second = await coming;
      await published;
      expect(await device.sentAway()).toBe(0x8e);
      expect(await second.messages()).toEqual([]);
    });

    it("has what it published behind it taken once, however often it comes [MQTT-4.3.3-10]", async () => {
      const { watcher, device, asked, answer, back } = await house();
      await watcher.subscribe({ work: 2 });
      const publish = { cmd: "publish", topic: "work", payload: "x", qos: 2, messageId: 7, dup: false, retain: false };
      await sendBehind(device, publish, how, asked);
      const { coming } = await back();
      answer();
      const second = await coming;
      second.publish("work", "x", { qos: 2, packetId: 7, dup: true });
      expect(await second.answer("pubrec", 7)).toBe(0);
      expect((await watcher.messages()).filter(({ topic }) => topic === "work")).toMatchObject([{ payload: "x" }]);
      expect(device.packets.map(({ cmd }) => cmd)).toContain("pubrec");
    });
  },
);

it("a connection whose SUBSCRIBE is never answered holds up its successor for half a second [MQTT-3.1.4-3]", async () => {
  const { clock, watcher, device, asked, back } = await house();
  device.write(slow);
  await asked;
  const { coming } = await back();
  clock.advance(499);
  await watcher.ping();
  expect(device.packets).toEqual([]);
  clock.advance(1);
  expect((await coming).sessionPresent).toBe(true);
  expect(await device.sentAway()).toBe(0x8e);
});
