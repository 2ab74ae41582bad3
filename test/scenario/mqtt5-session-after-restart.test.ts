import { describe, expect, it } from "vitest";
import { type Connect5Options, connected5 } from "../support/client-5.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { type Restarts, restarts } from "../support/restarts.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();

/** A gateway whose clock the test moves, also over restarts, and ways to end it. */
async function house(changes: { [section: string]: object } = {}) {
  const clock = new ManualClock();
  const before = await restarts(root, changes, clock);
  const device = (on: Restarts, options: Connect5Options = {}) =>
    connected5(on.port, { clientId: "device", clean: false, ...options });
  const publish = async (on: Restarts, payload: string) => {
    const publisher = await RawClient.connected(on.port, { clientId: "publisher" });
    await publishAcknowledged(publisher, "t", payload);
    await publisher.disconnect();
  };
  return { before, device, publish, pass: (seconds: number) => clock.advance(seconds * 1000) };
}

describe.each(["stopped", "killed"] as const)("a session, after the gateway was %s", (how) => {
  it("is there, with its subscriptions and what waits in it [MQTT-3.1.2-5] [MQTT-3.1.2-23]", async () => {
    const { before, device, publish } = await house();
    const first = await device(before, { lives: 1000 });
    await first.subscribe({ t: 1 });
    await first.disconnect();
    await publish(before, "waits");
    const after = await before[how]();
    const back = await device(after, { lives: 1000 });
    expect(back.sessionPresent).toBe(true);
    expect(await payloadsSoFar(back)).toEqual(["waits"]);
    back.publish("t", "comes");
    expect(await payloadsSoFar(back)).toEqual(["comes"]);
  });

  it("has run for the time before and after: the restart does not prolong it [MQTT-4.1.0-2]", async () => {
    const { before, device, pass } = await house();
    const first = await device(before, { lives: 1000 });
    await first.subscribe({ t: 1 });
    await first.disconnect();
    pass(600);
    const after = await before[how]();
    pass(390);
    const back = await device(after, { lives: 1000 });
    expect(back.sessionPresent).toBe(true);
    await back.disconnect();
    pass(600);
    const last = await after[how]();
    pass(410);
    expect((await device(last, { lives: 1000 })).sessionPresent).toBe(false);
  });

  it("is over where its time ran out meanwhile", async () => {
    const { before, device, pass } = await house();
    const first = await device(before, { lives: 100 });
    await first.subscribe({ t: 1 });
    await first.disconnect();
    pass(90);
    const directory = how === "killed" ? await before.remains() : before.directory;
    if (how === "stopped") await before.gateway.stop();
    pass(20);
    const after = await before[how]({ store: { directory } });
    expect((await device(after)).sessionPresent).toBe(false);
  });

  it("is over where it was to end with its connection", async () => {
    const { before, device } = await house();
    const first = await device(before);
    await first.subscribe({ t: 1 });
    const after = await before[how]();
    expect((await device(after)).sessionPresent).toBe(false);
  });

  it("has the time that its last DISCONNECT said", async () => {
    const { before, device, pass } = await house();
    const first = await device(before, { lives: 100 });
    await first.subscribe({ t: 1 });
    await first.disconnect(0, { sessionExpiryInterval: 10_000 });
    const after = await before[how]();
    pass(5000);
    const back = await device(after, { lives: 10_000 });
    expect(back.sessionPresent).toBe(true);
    await back.disconnect(0, { sessionExpiryInterval: 100 });
    const last = await after[how]();
    pass(110);
    expect((await device(last)).sessionPresent).toBe(false);
  });

  it("of 0xFFFFFFFF seconds has no end", async () => {
    const never = 0xffffffff;
    const { before, device, pass } = await house({ sessions: { expirySecondsMax: never } });
    const first = await device(before, { lives: never });
    await first.subscribe({ t: 1 });
    await first.disconnect();
    pass(10_000);
    const after = await before[how]();
    pass(10_000);
    expect((await device(after, { lives: never })).sessionPresent).toBe(true);
  });

  it("is cut to a shorter sessions.expirySecondsMax that is set by then", async () => {
    const { before, device, pass } = await house();
    const first = await device(before, { lives: 10_000 });
    await first.subscribe({ t: 1 });
    await first.disconnect();
    const after = await before[how]({ sessions: { expirySecondsMax: 100 } });
    pass(110);
    expect((await device(after)).sessionPresent).toBe(false);
  });

  it("that a device with an expiry of 0 resumed ends all the same", async () => {
    const { before, device } = await house();
    const first = await device(before, { lives: 1000 });
    await first.subscribe({ t: 1 });
    await first.disconnect();
    const second = await device(before, { lives: 0 });
    expect(second.sessionPresent).toBe(true);
    const after = await before[how]();
    expect((await device(after)).sessionPresent).toBe(false);
  });
});

describe("a device that was connected when the gateway was killed", () => {
  it("has its whole time from the next start on", async () => {
    const { before, device, pass } = await house();
    const first = await device(before, { lives: 100 });
    await first.subscribe({ t: 1 });
    pass(500);
    const after = await before.killed();
    pass(90);
    const back = await device(after, { lives: 100 });
    expect(back.sessionPresent).toBe(true);
  });

  it("may have just changed its session expiry by connecting again", async () => {
    const { before, device, pass } = await house();
    const first = await device(before, { lives: 10 });
    await first.subscribe({ t: 1 });
    await first.disconnect();
    await device(before, { lives: 1000 });
    const after = await before.killed();
    pass(500);
    expect((await device(after, { lives: 10 })).sessionPresent).toBe(true);
  });
});
