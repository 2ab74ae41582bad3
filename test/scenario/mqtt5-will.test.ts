import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { type Connect5Options, connected5, connectFrame5 } from "../support/client-5.ts";
import { field } from "../support/frame.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";
import { type WireProperty, wireProperties } from "../support/wire-properties.ts";

const willOf = (willDelayInterval?: number, changes: object = {}) => {
  const properties = willDelayInterval === undefined ? {} : { properties: { willDelayInterval } };
  return {
    topic: "will/device",
    payload: Buffer.from("gone"),
    qos: 1 as const,
    retain: false,
    ...properties,
    ...changes,
  };
};

/** A watcher of wills, and the device. */
async function house(changes: object = {}) {
  const clock = new ManualClock();
  const running = await startGateway(changes, clock);
  const { port, gateway } = running;
  const watcher = await connected5(port, { clientId: "watcher" });
  await watcher.subscribe({ "will/#": { qos: 2, rap: true } });
  const device = (options: Connect5Options = {}) => connected5(port, { clientId: "device", clean: false, ...options });
  const lose = async (client: RawClient) => {
    const noticed = once(gateway.broker, "clientDisconnect");
    await client.cut();
    await noticed;
  };
  const pass = (seconds: number) => clock.advance(seconds * 1000);
  return { ...running, watcher, device, lose, pass, seen: () => payloadsSoFar(watcher) };
}

describe("a will without delay", () => {
  it("is published when the connection is lost [MQTT-3.1.2-7] [MQTT-3.1.2-8]", async () => {
    const { device, lose, watcher } = await house();
    await lose(await device({ will: willOf() }));
    expect(await watcher.message()).toMatchObject({ payload: "gone", qos: 1, retain: false });
  });

  it.each([0, 1, 2] as const)(
    "is published at its QoS %i, not retained [MQTT-3.1.2-9] [MQTT-3.1.2-14]",
    async (qos) => {
      const { port, device, lose, watcher } = await house();
      await lose(await device({ will: willOf(undefined, { qos }) }));
      expect(await watcher.message()).toMatchObject({ qos, retain: false });
      const late = await connected5(port, { clientId: "late" });
      await late.subscribe({ "will/#": 2 });
      expect(await payloadsSoFar(late)).toEqual([]);
    },
  );

  it("is retained where it is to be [MQTT-3.1.2-15]", async () => {
    const { port, device, lose, watcher } = await house();
    await lose(await device({ will: willOf(undefined, { retain: true }) }));
    expect(await watcher.message()).toMatchObject({ retain: true }); // as published
    const late = await connected5(port, { clientId: "late" });
    await late.subscribe({ "will/#": 2 });
    expect(await late.message()).toMatchObject({ payload: "gone", retain: true });
  });

  it("is not published after a DISCONNECT with 0x00, and not later either [MQTT-3.14.4-3] [MQTT-3.1.2-10]", async () => {
    const { device, pass, seen } = await house();
    await (await device({ lives: 10, will: willOf() })).disconnect();
    pass(20);
    expect(await seen()).toEqual([]);
  });

  it.each([0x04, 0x80, 0x81, 0x93, 0x97])(
    "is published after a DISCONNECT with reason %i [MQTT-3.1.2-8]",
    async (reason) => {
      const { device, seen } = await house();
      await (await device({ will: willOf() })).disconnect(reason);
      expect(await seen()).toEqual(["gone"]);
    },
  );

  it("is published once: nothing is left of it for the next time [MQTT-3.1.2-10]", async () => {
    const { device, lose, watcher, seen, pass } = await house();
    await lose(await device({ lives: 100, will: willOf() }));
    await watcher.message();
    await lose(await device({ lives: 100 }));
    pass(200);
    expect(await seen()).toEqual([]);
  });

  it("is published when the gateway closes the connection for a protocol error [MQTT-3.1.2-8]", async () => {
    const { device, seen } = await house();
    const client = await device({ will: willOf() });
    client.bytes([0x30, 0]);
    await client.closed;
    expect(await seen()).toEqual(["gone"]);
  });

  it.each([true, false])("is published when the device is taken over: clean start %s [MQTT-3.1.2-8]", async (clean) => {
    const { device, seen } = await house();
    const first = await device({ lives: 100, will: willOf() });
    await device({ lives: 100, clean });
    await first.closed;
    expect(await seen()).toEqual(["gone"]);
  });
});

describe("the properties of a will", () => {
  const user = (name: string, value: string): WireProperty => ({ name: "userProperty", value: [name, value] });
  const forwarded: WireProperty[] = [
    user("b", "1"),
    { name: "contentType", value: "kind" },
    user("a", "2"),
    { name: "responseTopic", value: "answer/here" },
    user("b", "3"),
    { name: "correlationData", value: Buffer.from([0, 255]) },
    { name: "payloadFormatIndicator", value: 1 },
  ];

  it("come with it as they are, user properties in their order [MQTT-3.1.3-10] [MQTT-3.1.2-9]", async () => {
    const { port, lose, watcher } = await house();
    const client = await RawClient.open(port, 5);
    const properties = wireProperties([{ name: "willDelayInterval", value: 0 }, ...forwarded]);
    client.bytes(connectFrame5(0x06, [field("device"), properties, field("will/device"), field("gone")]));
    await client.next("connack");
    await lose(client);
    await watcher.message();
    expect(watcher.received.includes(wireProperties(forwarded))).toBe(true);
  });

  it("say how long it may be late: the expiry counts from when it is published", async () => {
    const { port, device, lose, pass } = await house();
    const away = await connected5(port, { clientId: "away", lives: 1000 });
    await away.subscribe({ "will/#": 1 });
    await away.disconnect();
    const properties = { willDelayInterval: 50, messageExpiryInterval: 30 };
    await lose(await device({ lives: 100, will: willOf(undefined, { properties }) }));
    pass(60);
    const back = await connected5(port, { clientId: "away", clean: false, lives: 1000 });
    const { properties: told } = await back.message();
    expect(told?.messageExpiryInterval).toBeGreaterThanOrEqual(19);
    expect(told?.messageExpiryInterval).toBeLessThanOrEqual(21);
    await back.disconnect();
    pass(30);
    expect(await payloadsSoFar(await connected5(port, { clientId: "away", clean: false }))).toEqual([]);
  });

  it("are shown to authorizePublish, which may change them", async () => {
    const { gateway, device, lose, watcher } = await house();
    const asked: unknown[] = [];
    gateway.broker.authorizePublish = (client, packet, done) => {
      asked.push(client?.id, packet.properties?.contentType);
      packet.properties = { contentType: "changed" };
      done(null);
    };
    await lose(await device({ will: willOf(undefined, { properties: { contentType: "kind" } }) }));
    expect(await watcher.message()).toMatchObject({ properties: { contentType: "changed" } });
    expect(asked).toEqual(["device", "kind"]);
  });

  it("must be true of it where protocol.payloadFormatChecked is set: 0x99 otherwise", async () => {
    const { port } = await house({ protocol: { payloadFormatChecked: true } });
    const connect = async (payload: Buffer) => {
      const client = await RawClient.open(port, 5);
      const will = willOf(undefined, { payload, properties: { payloadFormatIndicator: true } });
      client.connect({ will });
      return client.next();
    };
    expect(await connect(Buffer.from("ä"))).toMatchObject({ reasonCode: 0 });
    expect(await connect(Buffer.from([0xff]))).toMatchObject({ reasonCode: 0x99 });
  });
});

describe("a will with a delay", () => {
  it("is published when the delay has passed, and not before [MQTT-3.1.2-8]", async () => {
    const { device, lose, pass, seen } = await house();
    await lose(await device({ lives: 1000, will: willOf(100) }));
    pass(98);
    expect(await seen()).toEqual([]);
    pass(4);
    expect(await seen()).toEqual(["gone"]);
    pass(1000);
    expect(await seen()).toEqual([]); // and not again when the session ends
  });

  it("is published when the session ends before, at its end [MQTT-3.1.2-8]", async () => {
    const { device, lose, pass, seen } = await house();
    await lose(await device({ lives: 50, will: willOf(100) }));
    pass(48);
    expect(await seen()).toEqual([]);
    pass(4);
    expect(await seen()).toEqual(["gone"]);
  });

  it("is published at once where the session ends with the connection", async () => {
    const { device, lose, watcher } = await house();
    await lose(await device({ will: willOf(100) }));
    expect(await watcher.message()).toMatchObject({ payload: "gone" });
  });

  it("is published at once where a DISCONNECT with 0x04 ends the session", async () => {
    const { device, seen } = await house();
    await (await device({ lives: 100, will: willOf(100) })).disconnect(0x04, { sessionExpiryInterval: 0 });
    expect(await seen()).toEqual(["gone"]);
  });

  it("waits after a DISCONNECT with 0x04 that prolongs the session", async () => {
    const { device, pass, seen } = await house();
    await (await device({ lives: 10, will: willOf(100) })).disconnect(0x04, { sessionExpiryInterval: 1000 });
    pass(90);
    expect(await seen()).toEqual([]);
    pass(12);
    expect(await seen()).toEqual(["gone"]);
  });

  it("is not published where the client is back before [MQTT-3.1.3-9]", async () => {
    const { device, lose, pass, seen } = await house();
    await lose(await device({ lives: 1000, will: willOf(100) }));
    pass(90);
    await device({ lives: 1000 });
    pass(1000);
    expect(await seen()).toEqual([]);
  });

  it("is published where the client is back before with clean start 1: its session has ended [MQTT-3.1.2-8]", async () => {
    const { device, lose, pass, seen } = await house();
    await lose(await device({ lives: 1000, will: willOf(100) }));
    pass(50);
    await device({ lives: 1000, clean: true });
    expect(await seen()).toEqual(["gone"]);
    pass(1000);
    expect(await seen()).toEqual([]);
  });

  it("is not published where the device is taken over and its session goes on [MQTT-3.1.3-9]", async () => {
    const { device, pass, seen } = await house();
    const first = await device({ lives: 1000, will: willOf(100) });
    await device({ lives: 1000 });
    await first.closed;
    pass(1000);
    expect(await seen()).toEqual([]);
  });

  it("is published where the device is taken over with clean start 1 [MQTT-3.1.2-8]", async () => {
    const { device, seen } = await house();
    const first = await device({ lives: 1000, will: willOf(100) });
    await device({ lives: 1000, clean: true });
    await first.closed;
    expect(await seen()).toEqual(["gone"]);
  });

  it("gives way to that of the next connection", async () => {
    const { device, lose, pass, seen } = await house();
    await lose(await device({ lives: 1000, will: willOf(100) }));
    await lose(await device({ lives: 1000, will: willOf(100, { payload: Buffer.from("again") }) }));
    pass(102);
    expect(await seen()).toEqual(["again"]);
  });

  it("is not published where the client comes back and leaves properly [MQTT-3.14.4-3]", async () => {
    const { device, lose, pass, seen } = await house();
    await lose(await device({ lives: 1000, will: willOf(100) }));
    await (await device({ lives: 1000, will: willOf(100) })).disconnect();
    pass(2000);
    expect(await seen()).toEqual([]);
  });

  it("stays where the client comes back and is refused", async () => {
    const { gateway, port, device, lose, pass, seen } = await house();
    await lose(await device({ lives: 1000, will: willOf(100) }));
    const { authenticate } = gateway.broker;
    gateway.broker.authenticate = (_client, _username, _password, done) => done(null, false);
    const refused = await RawClient.open(port, 5);
    refused.connect({ clientId: "device", clean: false });
    await refused.closed;
    gateway.broker.authenticate = authenticate;
    pass(102);
    expect(await seen()).toEqual(["gone"]);
  });

  it("of many devices come in the order in which they are due", async () => {
    const { port, lose, pass, watcher } = await house();
    for (const [clientId, delay] of [
      ["a", 30],
      ["b", 10],
      ["c", 20],
    ] as const) {
      const will = willOf(delay, { topic: `will/${clientId}` });
      await lose(await connected5(port, { clientId, lives: 1000, will }));
    }
    pass(60);
    expect((await messagesSoFar(watcher)).map(({ topic }) => topic)).toEqual(["will/b", "will/c", "will/a"]);
  });
});
