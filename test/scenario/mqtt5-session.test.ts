import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { type Connect5Options, connected5 } from "../support/client-5.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

const NEVER = 0xffffffff;

async function house(changes: object = {}) {
  const clock = new ManualClock();
  const running = await startGateway(changes, clock);
  const { port } = running;
  /** The device; it comes back to its session, if there is one. */
  const device = (options: Connect5Options = {}) => connected5(port, { clientId: "device", clean: false, ...options });
  const publish = async (payload: string) => {
    const publisher = await RawClient.connected(port, { clientId: "publisher" });
    await publishAcknowledged(publisher, "t", payload);
    await publisher.disconnect();
  };
  const pass = (seconds: number) => clock.advance(seconds * 1000);
  /** Cuts the line, and waits until the gateway has noticed. */
  const lose = async (client: RawClient) => {
    const noticed = once(running.gateway.broker, "clientDisconnect");
    await client.cut();
    await noticed;
  };
  return { ...running, device, publish, pass, lose };
}

describe("clean start", () => {
  it("1 discards the session and begins one [MQTT-3.1.2-4] [MQTT-3.2.2-2] [MQTT-3.1.4-4]", async () => {
    const { device, publish } = await house();
    const first = await device({ lives: 100 });
    await first.subscribe({ t: 1 });
    await first.disconnect();
    await publish("waits");
    const second = await device({ clean: true, lives: 100 });
    expect(second.sessionPresent).toBe(false);
    await publish("is for nobody");
    expect(await payloadsSoFar(second)).toEqual([]);
    await second.disconnect();
    expect((await device({ lives: 100 })).sessionPresent).toBe(true); // the session that it began
  });

  it("0 goes on with the session, in which messages wait [MQTT-3.1.2-5] [MQTT-3.1.2-23] [MQTT-3.2.2-3]", async () => {
    const { device, publish } = await house();
    const first = await device({ lives: 100 });
    await first.subscribe({ t: 1 });
    await first.disconnect();
    await publish("waits");
    const second = await device({ lives: 100 });
    expect(second.sessionPresent).toBe(true);
    expect(await payloadsSoFar(second)).toEqual(["waits"]);
  });

  it("0 begins a session where there is none [MQTT-3.1.2-6] [MQTT-3.2.2-3]", async () => {
    const { device } = await house();
    expect((await device({ lives: 100 })).sessionPresent).toBe(false);
  });

  it("1 with a session expiry begins a session that outlives the connection", async () => {
    const { device, publish, lose } = await house();
    const first = await device({ clean: true, lives: 100 });
    await first.subscribe({ t: 1 });
    await lose(first);
    await publish("waits");
    expect(await payloadsSoFar(await device({ lives: 100 }))).toEqual(["waits"]);
  });
});

describe("the session expiry interval", () => {
  it.each([undefined, 0])("%s: the session ends with the connection [MQTT-4.1.0-2]", async (lives) => {
    const { device, lose } = await house();
    const first = await device(lives === undefined ? {} : { lives });
    await first.subscribe({ t: 1 });
    await lose(first);
    expect((await device()).sessionPresent).toBe(false);
  });

  it("is the time that the session outlives the connection [MQTT-3.1.2-23] [MQTT-4.1.0-2]", async () => {
    const { device, pass, lose } = await house();
    await lose(await device({ lives: 100 }));
    pass(99);
    const back = await device({ lives: 100 });
    expect(back.sessionPresent).toBe(true);
    await lose(back);
    pass(102);
    expect((await device({ lives: 100 })).sessionPresent).toBe(false);
  });

  it("does not run while the client is connected [MQTT-4.1.0-1]", async () => {
    const { device, pass, lose } = await house();
    const first = await device({ lives: 10 });
    await first.subscribe({ t: 1 });
    pass(10_000);
    expect(await first.subscribe({ u: 1 })).toEqual([1]);
    await lose(first);
    pass(5);
    expect((await device({ lives: 10 })).sessionPresent).toBe(true);
  });

  it("is that of the latest connection", async () => {
    const { device, pass, lose } = await house();
    await lose(await device({ lives: 10 }));
    await lose(await device({ lives: 1000 }));
    pass(500);
    const third = await device({ lives: 0 });
    expect(third.sessionPresent).toBe(true);
    await lose(third);
    expect((await device()).sessionPresent).toBe(false);
  });

  it("of 0xFFFFFFFF never runs out, where the gateway lets it", async () => {
    const { device, pass, lose } = await house({ sessions: { expirySecondsMax: NEVER } });
    const first = await device({ lives: NEVER });
    expect(first.connack?.properties?.sessionExpiryInterval).toBeUndefined();
    await lose(first);
    pass(20_000);
    expect((await device({ lives: NEVER })).sessionPresent).toBe(true);
  });

  it.each([101, NEVER])("of %i is cut to sessions.expirySecondsMax, and the client is told", async (lives) => {
    const { device, pass, lose } = await house({ sessions: { expirySecondsMax: 100 } });
    const first = await device({ lives });
    expect(first.connack?.properties).toMatchObject({ sessionExpiryInterval: 100 });
    await lose(first);
    pass(102);
    expect((await device({ lives })).sessionPresent).toBe(false);
  });

  it("ends what waits in the session, and its subscriptions [MQTT-4.1.0-2]", async () => {
    const { device, publish, pass, lose } = await house();
    const first = await device({ lives: 100 });
    await first.subscribe({ t: 1 });
    await lose(first);
    await publish("waits");
    pass(102);
    const second = await device({ lives: 100 });
    await publish("is for nobody");
    expect(await payloadsSoFar(second)).toEqual([]);
  });

  it("keeps to itself what clients of 3.1.1 have: their session is found by MQTT 5, and the other way round", async () => {
    const { port, device, pass } = await house();
    const old = await RawClient.connected(port, { clientId: "device", clean: false });
    await old.disconnect();
    pass(1000);
    const five = await device({ lives: 100 });
    expect(five.sessionPresent).toBe(true);
    await five.disconnect();
    expect((await RawClient.connected(port, { clientId: "device", clean: false })).sessionPresent).toBe(true);
  });
});

describe("DISCONNECT", () => {
  it.each([
    [100, 1000, 500, true],
    [1000, 100, 102, false],
    [1000, 0, 0, false],
    [100, NEVER, 20_000, true],
  ])(
    "may change a session expiry of %i s to %i s: after %i s the session is there: %s",
    async (lives, changed, seconds, isThere) => {
      const { device, pass } = await house();
      await (await device({ lives })).disconnect(0, { sessionExpiryInterval: changed });
      pass(seconds);
      expect((await device({ lives })).sessionPresent).toBe(isThere);
    },
  );

  it("cannot go beyond sessions.expirySecondsMax", async () => {
    const { device, pass } = await house({ sessions: { expirySecondsMax: 100 } });
    await (await device({ lives: 10 })).disconnect(0, { sessionExpiryInterval: NEVER });
    pass(102);
    expect((await device()).sessionPresent).toBe(false);
  });

  it.each([undefined, 0])(
    "cannot prolong a session of %s s that is to end with the connection: 0x82",
    async (lives) => {
      const { device } = await house();
      const first = await device(lives === undefined ? {} : { lives });
      first.send({ cmd: "disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 10 } });
      expect(await first.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x82 }]);
      expect((await device()).sessionPresent).toBe(false);
    },
  );

  it("may prolong what was asked for, also where the gateway granted none [MQTT-3.14.4-3]", async () => {
    const { port, device } = await house({ sessions: { expirySecondsMax: 0 } });
    const watcher = await connected5(port, { clientId: "watcher" });
    await watcher.subscribe({ w: 0 });
    const will = { topic: "w", payload: Buffer.from("x"), qos: 0, retain: false } as const;
    const first = await device({ lives: 100, will });
    expect(first.connack?.properties).toMatchObject({ sessionExpiryInterval: 0 });
    await first.disconnect(0, { sessionExpiryInterval: 100 });
    expect(first.packets).toEqual([]);
    expect(await payloadsSoFar(watcher)).toEqual([]);
    expect((await device()).sessionPresent).toBe(false);
  });

  it("with an expiry of 0 is no fault where it was 0 already", async () => {
    const { device, log } = await house();
    await (await device()).disconnect(0, { sessionExpiryInterval: 0 });
    expect(log.complaints).toEqual([]);
  });
});

describe("a client id that is connected already", () => {
  it("is taken over: the old connection is told 0x8E, and the session goes on [MQTT-3.1.4-3] [MQTT-3.1.3-2]", async () => {
    const { device, publish } = await house();
    const first = await device({ lives: 100 });
    await first.subscribe({ t: 1 });
    const second = await device({ lives: 100 });
    expect(await first.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x8e }]);
    expect(second.sessionPresent).toBe(true);
    await publish("for the second");
    expect(await payloadsSoFar(second)).toEqual(["for the second"]);
  });

  it("is taken over with clean start 1 too, and then the session begins anew [MQTT-3.1.4-3] [MQTT-3.1.4-4]", async () => {
    const { device } = await house();
    const first = await device({ lives: 100 });
    const second = await device({ clean: true, lives: 100 });
    expect(await first.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x8e }]);
    expect(second.sessionPresent).toBe(false);
  });

  it("ends its session where that was to end with the connection", async () => {
    const { device } = await house();
    const first = await device();
    const second = await device({ lives: 100 });
    await first.closed;
    expect(second.sessionPresent).toBe(false);
  });

  it.each([4, 5] as const)("is taken over between versions, by version %i", async (version) => {
    const { port, device } = await house();
    const old = () => RawClient.connected(port, { clientId: "device", clean: false });
    const five = () => device({ lives: 100 });
    const first = await (version === 4 ? five() : old());
    const second = await (version === 4 ? old() : five());
    expect(second.sessionPresent).toBe(true);
    const said = await first.ending();
    expect(said).toMatchObject(version === 4 ? [{ cmd: "disconnect", reasonCode: 0x8e }] : []);
  });
});

describe("sessions.countMax", () => {
  it("refuses one session more with 0x97; those that end with the connection are not counted", async () => {
    const { port, device } = await house({ sessions: { countMax: 1 } });
    await (await connected5(port, { clientId: "first", lives: 100 })).disconnect();
    const third = await RawClient.open(port, 5);
    third.connect({ clientId: "third", properties: { sessionExpiryInterval: 10 } });
    expect(await third.ending()).toMatchObject([{ cmd: "connack", reasonCode: 0x97 }]);
    await (await device()).ping();
  });
});
