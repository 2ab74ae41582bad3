import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { type Connect5Options, connected5, connectFrame5 } from "../support/client-5.ts";
import { field } from "../support/frame.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsSoFar } from "../support/messages-so-far.ts";
import { RawClient } from "../support/raw-client.ts";
import { type Restarts, restarts } from "../support/restarts.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { type WireProperty, wireProperties } from "../support/wire-properties.ts";

const root = temporaryDirectory();
const willOf = (willDelayInterval: number, text = "gone") => {
  return {
    topic: "will/device",
    payload: Buffer.from(text),
    qos: 1 as const,
    retain: false,
    properties: { willDelayInterval },
  };
};

/** A gateway whose clock the test moves, with a session that waits for wills. */
async function house() {
  const clock = new ManualClock();
  const before = await restarts(root, {}, clock);
  const watcher = (on: Restarts) => connected5(on.port, { clientId: "watcher", clean: false, lives: 100_000 });
  const eye = await watcher(before);
  await eye.subscribe({ "will/#": 1 });
  await eye.disconnect();
  const device = (on: Restarts, options: Connect5Options = {}) =>
    connected5(on.port, { clientId: "device", clean: false, lives: 1000, ...options });
  const lose = async (client: RawClient) => {
    const noticed = once(before.gateway.broker, "clientDisconnect");
    await client.cut();
    await noticed;
  };
  const pass = (seconds: number) => clock.advance(seconds * 1000);
  /** What wills there were by now; acknowledged, so that each is seen once. */
  const seen = async (on: Restarts) => {
    const client = await watcher(on);
    await client.ping();
    const payloads: string[] = [];
    while (client.packets.length > 0) {
      const { payload, messageId } = await client.message();
      client.send({ cmd: "puback", messageId: messageId as number });
      payloads.push(payload);
    }
    await client.disconnect();
    return payloads;
  };
  return { before, device, lose, pass, seen };
}

describe.each(["stopped", "killed"] as const)("a will that waits when the gateway is %s", (how) => {
  it("is published when its delay has passed, before and after counted together, and once [MQTT-3.1.2-8]", async () => {
    const { before, device, lose, pass, seen } = await house();
    await lose(await device(before, { will: willOf(100) }));
    pass(60);
    const after = await before[how]();
    pass(30);
    expect(await seen(after)).toEqual([]);
    pass(12);
    expect(await seen(after)).toEqual(["gone"]);
    const last = await after[how]();
    pass(200);
    expect(await seen(last)).toEqual([]);
  });

  it("is not published where the client is back after the restart [MQTT-3.1.3-9]", async () => {
    const { before, device, lose, pass, seen } = await house();
    await lose(await device(before, { will: willOf(100) }));
    const after = await before[how]();
    expect((await device(after)).sessionPresent).toBe(true);
    pass(500);
    const last = await after[how]();
    expect(await seen(last)).toEqual([]);
  });

  it("is published where the client is back after the restart with clean start 1", async () => {
    const { before, device, lose, seen } = await house();
    await lose(await device(before, { will: willOf(100) }));
    const after = await before[how]();
    await device(after, { clean: true });
    expect(await seen(after)).toEqual(["gone"]);
  });

  it("is published when its session ends first", async () => {
    const { before, device, lose, pass, seen } = await house();
    await lose(await device(before, { lives: 50, will: willOf(100) }));
    const after = await before[how]();
    pass(40);
    expect(await seen(after)).toEqual([]);
    pass(12);
    expect(await seen(after)).toEqual(["gone"]);
  });

  it("has its properties then, user properties in their order [MQTT-3.1.3-10]", async () => {
    const { before, lose, pass } = await house();
    const user = (name: string, value: string): WireProperty => ({ name: "userProperty", value: [name, value] });
    const forwarded: WireProperty[] = [user("b", "1"), user("a", "2"), user("b", "3"), user("a", "2")];
    const all = wireProperties([
      { name: "willDelayInterval", value: 100 },
      { name: "contentType", value: "kind" },
      ...forwarded,
    ]);
    const client = await RawClient.open(before.port, 5);
    const properties: WireProperty[] = [{ name: "sessionExpiryInterval", value: 1000 }];
    client.bytes(connectFrame5(0x0e, [field("device"), all, field("will/device"), field("gone")], { properties }));
    await client.next("connack");
    await lose(client);
    const after = await before[how]();
    pass(110);
    const eye = await connected5(after.port, { clientId: "watcher", clean: false });
    expect(await eye.message()).toMatchObject({ payload: "gone", properties: { contentType: "kind" } });
    expect(eye.received.includes(wireProperties(forwarded).subarray(1))).toBe(true);
  });
});

describe("the will of a device that was connected when the gateway was killed", () => {
  it("waits for its delay from the next start on", async () => {
    const { before, device, pass, seen } = await house();
    await device(before, { will: willOf(100) });
    const after = await before.killed();
    pass(90);
    expect(await seen(after)).toEqual([]);
    pass(12);
    expect(await seen(after)).toEqual(["gone"]);
  });

  it("is published at the next start where the session ended with the connection", async () => {
    const { before, device, seen } = await house();
    await device(before, { lives: 0, will: willOf(100) });
    expect(await seen(await before.killed())).toEqual(["gone"]);
  });

  it("is not published where the client comes back within its delay", async () => {
    const { before, device, pass, seen } = await house();
    await device(before, { will: willOf(100) });
    const after = await before.killed();
    await device(after);
    pass(200);
    expect(await seen(after)).toEqual([]);
  });

  it("keeps its first time over a second kill", async () => {
    const { before, device, pass, seen } = await house();
    await device(before, { will: willOf(100) });
    const after = await before.killed();
    pass(60);
    const last = await after.killed();
    pass(45);
    expect(await seen(last)).toEqual(["gone"]);
  });
});

describe("the will of a device that was connected when the gateway was stopped", () => {
  it("without a delay is published then", async () => {
    const { before, device, seen } = await house();
    await device(before, { will: willOf(0) });
    expect(await seen(await before.stopped())).toEqual(["gone"]);
  });

  it("with a delay waits for it, and is not published where the client is back in time [MQTT-3.1.3-9]", async () => {
    const { before, device, pass, seen } = await house();
    await device(before, { will: willOf(100) });
    const after = await before.stopped();
    pass(90);
    expect(await seen(after)).toEqual([]);
    await device(after);
    pass(500);
    expect(await seen(after)).toEqual([]);
  });

  it("with a delay is published after it, where the client stays away", async () => {
    const { before, device, pass, seen } = await house();
    await device(before, { will: willOf(100) });
    const after = await before.stopped();
    pass(102);
    expect(await seen(after)).toEqual(["gone"]);
  });

  it("is not published where a client of its session told the gateway goodbye", async () => {
    const { before, device, pass, seen } = await house();
    await (await device(before, { will: willOf(100) })).disconnect();
    const after = await before.stopped();
    pass(500);
    expect(await seen(after)).toEqual([]);
  });
});

describe("a watcher that comes after a restart", () => {
  it("gets what was published while it was away, once", async () => {
    const { before, device, lose, pass } = await house();
    await lose(await device(before, { will: willOf(10) }));
    pass(12);
    const after = await before.killed();
    const eye = await connected5(after.port, { clientId: "watcher", clean: false });
    expect(await payloadsSoFar(eye)).toEqual(["gone"]);
  });
});
