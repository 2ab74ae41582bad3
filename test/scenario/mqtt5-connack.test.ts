import { describe, expect, it } from "vitest";
import { connected5, connectFrame5, refused5 } from "../support/client-5.ts";
import { field } from "../support/frame.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type Connack, RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

const willOf = (changes: object = {}) => {
  return { topic: "will/a", payload: Buffer.from("gone"), qos: 0 as const, retain: false, ...changes };
};

/** The properties of a CONNACK; without a prototype, as it comes from the wire. */
async function toldOf(changes: object, options: Parameters<typeof connected5>[1] = {}) {
  const { port } = await startGateway(changes);
  const client = await connected5(port, options);
  return { ...client.connack?.properties };
}

describe("an ordinary CONNACK", () => {
  it("says just what differs from what a client may assume", async () => {
    expect(await toldOf({})).toEqual({
      receiveMaximum: 1000,
      maximumPacketSize: 4 * 1024 * 1024,
      topicAliasMaximum: 32,
    });
  });

  it("has reason code 0, no flags, and session present 0 for a fresh session [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-8]", async () => {
    const { port } = await startGateway();
    const client = await connected5(port);
    expect([...client.received.subarray(2, 4)]).toEqual([0, 0]);
  });
});

describe("an empty client id", () => {
  it("is assigned one that nobody has, and told [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]", async () => {
    const { gateway, port } = await startGateway();
    const ids = new Set<unknown>();
    for (let i = 0; i < 3; i++) {
      const client = await connected5(port, { clientId: "" });
      ids.add(client.connack?.properties?.assignedClientIdentifier);
    }
    expect(ids.size).toBe(3);
    expect(Object.keys(gateway.broker.clients).sort()).toEqual([...ids].sort());
  });

  it("may go with clean start 0, and the session is found again under the assigned id", async () => {
    const { port } = await startGateway();
    const first = await RawClient.open(port, 5);
    first.bytes(connectFrame5(0, [field("")], { properties: [{ name: "sessionExpiryInterval", value: 100 }] }));
    const connack = (await first.next("connack")) as Connack;
    expect(connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
    const clientId = connack.properties?.assignedClientIdentifier as string;
    await first.disconnect();
    const again = await connected5(port, { clientId, clean: false, lives: 100 });
    expect(again.sessionPresent).toBe(true);
    expect(again.connack?.properties?.assignedClientIdentifier).toBeUndefined();
  });
});

describe("the keep alive", () => {
  const limits = { keepAliveSecondsMax: 60 };

  it.each([0, 61, 65_535])(
    "of %i s is shortened to keepAliveSecondsMax, and the client is told [MQTT-3.2.2-21]",
    async (keepalive) => {
      expect(await toldOf({ limits }, { keepalive })).toMatchObject({ serverKeepAlive: 60 });
    },
  );

  it("within the maximum is taken as it is [MQTT-3.2.2-22]", async () => {
    expect((await toldOf({ limits }, { keepalive: 60 })).serverKeepAlive).toBeUndefined();
    expect((await toldOf({}, { keepalive: 0 })).serverKeepAlive).toBeUndefined();
  });

  it("that the gateway asked for is the one that counts: after one and a half times of it 0x8D [MQTT-3.1.2-22]", async () => {
    const clock = new ManualClock();
    const { port } = await startGateway({ limits: { keepAliveSecondsMax: 10 } }, clock);
    const client = await connected5(port, { keepalive: 0 });
    clock.advance(14_000);
    await client.ping();
    clock.advance(14_000);
    await client.ping();
    clock.advance(18_000);
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x8d }]);
  });

  it("of 0 is none [MQTT-3.1.2-22]", async () => {
    const clock = new ManualClock();
    const { port } = await startGateway({}, clock);
    const client = await connected5(port);
    clock.advance(100_000_000);
    await client.ping();
  });
});

describe("protocol.qosMax", () => {
  const protocol = { qosMax: 1 };

  it("is told where it is less than 2 [MQTT-3.2.2-9]", async () => {
    expect(await toldOf({ protocol })).toMatchObject({ maximumQoS: 1 });
    expect(await toldOf({ protocol: { qosMax: 0 } })).toMatchObject({ maximumQoS: 0 });
  });

  it("lowers what subscriptions are granted, and refuses none [MQTT-3.2.2-10]", async () => {
    const { port } = await startGateway({ protocol });
    expect(await (await connected5(port)).subscribe({ a: 0, b: 1, c: 2 })).toEqual([0, 1, 1]);
    expect(await (await RawClient.connected(port)).subscribe({ a: 0, b: 1, c: 2 })).toEqual([0, 1, 1]);
  });

  it("refuses a will above it with 0x9B [MQTT-3.2.2-12]", async () => {
    const { port } = await startGateway({ protocol });
    const answer = await refused5(port, { will: willOf({ qos: 2 }) });
    expect(answer).toMatchObject([{ cmd: "connack", reasonCode: 0x9b, sessionPresent: false }]);
    await (await connected5(port, { will: willOf({ qos: 1 }) })).ping();
  });

  it("ends the connection of one that publishes above it with 0x9B [MQTT-3.2.2-11]", async () => {
    const { port } = await startGateway({ protocol });
    const client = await connected5(port);
    client.publish("a", "x", { qos: 2, messageId: 1 });
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x9b }]);
  });
});

describe("retained.messagesMax of 0", () => {
  const retained = { messagesMax: 0 };

  it("is told as retain not available", async () => {
    expect(await toldOf({ retained })).toMatchObject({ retainAvailable: false });
  });

  it("refuses a retained will with 0x9A [MQTT-3.2.2-13]", async () => {
    const { port } = await startGateway({ retained });
    expect(await refused5(port, { will: willOf({ retain: true }) })).toMatchObject([
      { cmd: "connack", reasonCode: 0x9a },
    ]);
    await (await connected5(port, { will: willOf() })).ping();
  });

  it("ends the connection of one that publishes a retained message with 0x9A [MQTT-3.2.2-14]", async () => {
    const { port } = await startGateway({ retained });
    const client = await connected5(port);
    client.publish("a", "x", { retain: true });
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x9a }]);
  });

  it("leaves a client of 3.1.1 alone: its message is delivered, and not kept", async () => {
    const { port } = await startGateway({ retained });
    const client = await RawClient.connected(port);
    await client.subscribe({ a: 1 });
    client.publish("a", "x", { retain: true });
    expect(await client.message()).toMatchObject({ payload: "x" });
  });
});

describe("what else the protocol section may turn off", () => {
  it.each([
    ["wildcardSubscriptions", "wildcardSubscriptionAvailable", "a/+", 0xa2],
    ["wildcardSubscriptions", "wildcardSubscriptionAvailable", "#", 0xa2],
    ["sharedSubscriptions", "sharedSubscriptionAvailable", "$share/group/a", 0x9e],
  ])("%s is told, and %s asked for all the same is refused: %s with 0x%s", async (key, property, filter, code) => {
    const { port } = await startGateway({ protocol: { [key]: false } });
    const client = await connected5(port);
    expect(client.connack?.properties).toMatchObject({ [property]: false });
    expect(await client.subscribe({ [filter]: 1, plain: 1 })).toEqual([code, 1]);
  });

  it("subscriptionIdentifiers is told, and one given all the same ends the connection with 0xA1", async () => {
    const { port } = await startGateway({ protocol: { subscriptionIdentifiers: false } });
    const client = await connected5(port);
    expect(client.connack?.properties).toMatchObject({ subscriptionIdentifiersAvailable: false });
    client.send({
      cmd: "subscribe",
      messageId: 1,
      subscriptions: [{ topic: "a", qos: 0 }],
      properties: { subscriptionIdentifier: 1 },
    });
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0xa1 }]);
  });

  it("topicAliasesMax of 0 is told by silence, and an alias set all the same ends the connection with 0x94", async () => {
    const { port } = await startGateway({ protocol: { topicAliasesMax: 0 } });
    const client = await connected5(port);
    expect(client.connack?.properties?.topicAliasMaximum).toBeUndefined();
    client.publish("a", "x", { properties: { topicAlias: 1 } });
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x94 }]);
  });
});

describe("request response information", () => {
  it("is answered with a place below which the client finds its answers", async () => {
    const { port } = await startGateway();
    const properties = { requestResponseInformation: true };
    const place = async (clientId: string) =>
      (await connected5(port, { clientId, properties })).connack?.properties?.responseInformation as string;
    expect(await place("lamp")).toBe("$reply/lamp/");
    expect(await place("a/b")).toBe("$reply/a%2fb/");
    expect(await place("a/+#%")).toBe("$reply/a%2f%2b%23%25/");
  });

  it.each([undefined, { requestResponseInformation: false }])(
    "is not answered unless it is 1: %j [MQTT-3.1.2-28]",
    async (properties) => {
      const told = await toldOf({}, properties === undefined ? {} : { properties });
      expect(told.responseInformation).toBeUndefined();
    },
  );
});

describe("request problem information", () => {
  async function answersTo(requestProblemInformation: boolean | undefined) {
    const { gateway, port } = await startGateway();
    gateway.broker.authorizePublish = (_client, { topic }, done) => done(topic === "no" ? new Error("not that") : null);
    gateway.broker.authorizeSubscribe = (_client, subscription, done) =>
      done(null, subscription.topic === "no" ? null : subscription);
    const properties = requestProblemInformation === undefined ? {} : { requestProblemInformation };
    const client = await connected5(port, { properties });
    client.publish("no", "x", { qos: 1, messageId: 1 });
    client.publish("no", "x", { qos: 2, messageId: 2 });
    client.send({ cmd: "subscribe", messageId: 3, subscriptions: [{ topic: "no", qos: 0 }] });
    const answers = [await client.next("puback"), await client.next("pubrec"), await client.next("suback")];
    client.bytes([0x30, 0]); // malformed
    const reasons = answers.map(
      (packet) => (packet as { properties?: { reasonString?: string } }).properties?.reasonString,
    );
    return { reasons, end: await client.ending() };
  }

  it.each([undefined, true])("where it is %s, acknowledgements say why", async (value) => {
    const { reasons } = await answersTo(value);
    for (const reason of reasons) expect(reason).toEqual(expect.stringMatching(/./));
  });

  it("where it is 0, only CONNACK and DISCONNECT say why [MQTT-3.1.2-29]", async () => {
    const { reasons, end } = await answersTo(false);
    expect(reasons).toEqual([undefined, undefined, undefined]);
    expect(end).toMatchObject([
      { cmd: "disconnect", reasonCode: 0x81, properties: { reasonString: expect.stringMatching(/./) } },
    ]);
  });

  it("is cut where it is longer than a text may be", async () => {
    const { gateway, port } = await startGateway({ limits: { topicBytesMax: 65_535 } });
    gateway.broker.authorizePublish = (_client, _packet, done) => done(new Error("no ".repeat(30_000)));
    const client = await connected5(port);
    client.publish("x".repeat(65_000), "x", { qos: 1, messageId: 1 });
    expect(await client.next("puback")).toMatchObject({ messageId: 1, reasonCode: 0x87 });
    await client.ping();
    gateway.broker.authenticate = (_client, _username, _password, done) =>
      done(new Error("n\0 ".repeat(30_000)) as never, null);
    expect(await refused5(port, { clientId: "other" })).toMatchObject([{ cmd: "connack", reasonCode: 0x87 }]);
  });
});
