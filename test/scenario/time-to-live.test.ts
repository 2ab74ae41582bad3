import { describe, expect, it } from "vitest";
import { awayDevice } from "../support/away-device.ts";
import { countedDrops } from "../support/counted-drops.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { restarts } from "../support/restarts.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();
const settings = {
  mailboxes: {
    timeToLiveSeconds: 60,
    classes: [
      { topics: ["position/#"], timeToLiveSeconds: 5 },
      { topics: ["invoice/#"], timeToLiveSeconds: 0 },
    ],
  },
  sessions: { expirySecondsMax: 3600 },
};

async function house() {
  const clock = new ManualClock();
  const running = await restarts(root, settings, clock);
  await awayDevice(running.port, "device", { "#": 2 });
  const publisher = await RawClient.connected(running.port, { clientId: "publisher" });
  const publish = async () => {
    for (const topic of ["position/1", "plain/1", "invoice/1"]) {
      await publishAcknowledged(publisher, topic, topic, { qos: 1 });
      await publishAcknowledged(publisher, topic, `${topic} once`, { qos: 2 });
    }
  };
  return { ...running, clock, publish };
}

const device = (port: number) => RawClient.connected(port, { clientId: "device", clean: false });
const both = (...topics: string[]) => topics.flatMap((topic) => [topic, `${topic} once`]);

describe("the time to live of messages", () => {
  it.each([
    [5, both("position/1", "plain/1", "invoice/1"), {}],
    [7, both("plain/1", "invoice/1"), { expired: 2 }],
    [3000, both("invoice/1"), { expired: 4 }],
  ])("of its class or the common one: after %s seconds", async (seconds, payloads, counts) => {
    const { port, clock, publish } = await house();
    await publish();
    clock.advance(seconds * 1000);
    expect(await payloadsSoFar(await device(port))).toEqual(payloads);
    clock.advance(10_000);
    expect(await countedDrops(port)).toEqual(counts);
  });

  it.each([
    ["stopped", 5, both("position/1", "plain/1", "invoice/1")],
    ["stopped", 7, both("plain/1", "invoice/1")],
    ["stopped", 3000, both("invoice/1")],
    ["killed", 7, both("plain/1", "invoice/1")],
    ["killed", 3000, both("invoice/1")],
  ] as const)("goes on while the gateway is down: %s, after %s seconds", async (how, seconds, payloads) => {
    const before = await house();
    await before.publish();
    const { port } = await before[how]();
    const left = seconds * 1000 - (how === "killed" ? 1000 : 0);
    before.clock.advance(left);
    expect(await payloadsSoFar(await device(port))).toEqual(payloads);
  });

  it("gives the room of what has expired to others, also while the device stays away", async () => {
    const clock = new ManualClock();
    const running = await restarts(root, { mailboxes: { ...settings.mailboxes, messagesMax: 1 } }, clock);
    await awayDevice(running.port, "device", { "#": 1 });
    const publisher = await RawClient.connected(running.port, { clientId: "publisher" });
    await publishAcknowledged(publisher, "position/1", "old");
    clock.advance(7000);
    await publishAcknowledged(publisher, "position/1", "fresh");
    expect(running.gateway.broker.store.usage).toMatchObject({ messages: 1 });
    expect(await payloadsSoFar(await device(running.port))).toEqual(["fresh"]);
  });

  it("does not end what is in flight", async () => {
    const { port, clock, publish } = await house();
    await publish();
    const first = await device(port);
    expect(await messagesSoFar(first)).toHaveLength(6);
    await first.cut();
    clock.advance(3000_000);
    expect(await messagesSoFar(await device(port))).toHaveLength(6);
  });

  it("of a session goes on while the gateway is down", async () => {
    const before = await house();
    await before.publish();
    before.clock.advance(2000_000);
    const after = await before.stopped();
    before.clock.advance(1540_000);
    const kept = await device(after.port);
    expect(kept.sessionPresent).toBe(true);
    await kept.disconnect();
    before.clock.advance(1000);
    before.clock.advance(2000_000);
    const last = await after.stopped();
    before.clock.advance(1540_000 + 121_000);
    expect((await device(last.port)).sessionPresent).toBe(false);
  });

  it("of a session that is over at the start ends it at once", async () => {
    const before = await house();
    await before.publish();
    const { gateway } = before;
    await gateway.stop();
    before.clock.advance(3601_000);
    const { port } = await before.stopped();
    const late = await device(port);
    expect(late.sessionPresent).toBe(false);
    expect(await messagesSoFar(late)).toEqual([]);
  });
});
