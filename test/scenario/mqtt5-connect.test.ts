import { describe, expect, it } from "vitest";
import { connected5, connectFrame5, refused5 } from "../support/client-5.ts";
import { field, frame } from "../support/frame.ts";
import { messagesSoFar } from "../support/messages-so-far.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";
import { type WireProperty, wireProperties } from "../support/wire-properties.ts";

const connack = (reasonCode: number) => [{ cmd: "connack", reasonCode, sessionPresent: false }];
const none = wireProperties([]);

describe("the first packet", () => {
  it.each([
    ["PUBLISH", frame(0x30, field("a"), none)],
    ["SUBSCRIBE", frame(0x82, [0, 1], none, field("a"), [0])],
    ["PINGREQ", frame(0xc0)],
    ["DISCONNECT", frame(0xe0, [0, 0])],
    ["AUTH", frame(0xf0, [0x18], wireProperties([{ name: "authenticationMethod", value: "m" }]))],
  ])(
    "closes the connection when it is %s, without a DISCONNECT [MQTT-3.1.0-1] [MQTT-3.14.0-1]",
    async (_name, bytes) => {
      const { port } = await startGateway();
      expect(await refused5(port, bytes)).toEqual([]);
    },
  );

  it("a second CONNECT is a protocol error, 0x82 [MQTT-3.1.0-2]", async () => {
    const { port } = await startGateway();
    const client = await connected5(port);
    client.connect();
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x82 }]);
  });
});

describe("the variable header of CONNECT", () => {
  it.each([0, 1, 2, 3])(
    "level %i under the name MQTT is answered in the form of 3.1.1 [MQTT-3.1.2-2]",
    async (level) => {
      const { port } = await startGateway();
      const client = await RawClient.open(port);
      client.bytes(frame(0x10, field("MQTT"), [level, 2, 0, 0], field("a")));
      expect(await client.ending()).toMatchObject([{ cmd: "connack", returnCode: 1 }]);
    },
  );

  it.each([6, 7, 127])("level %i is answered with 0x84 [MQTT-3.1.2-2]", async (level) => {
    const { port } = await startGateway();
    expect(await refused5(port, connectFrame5(2, [field("a")], { level }))).toMatchObject(connack(0x84));
  });

  it.each(["mqtt", "MQTX", "MQTTT", "MQIsdp", ""])(
    "the name %j is not let in [MQTT-3.1.2-1] [MQTT-3.1.4-1]",
    async (name) => {
      const { port } = await startGateway();
      const client = await RawClient.open(port);
      client.bytes(connectFrame5(2, [field("a")], { name }));
      const answer = await client.ending();
      expect(answer.every((packet) => packet.cmd === "connack" && (packet.returnCode ?? 0) > 0)).toBe(true);
    },
  );

  it.each([
    ["the reserved flag is set [MQTT-3.1.2-3]", 0x03, ["a"]],
    ["will QoS is 1 without a will [MQTT-3.1.2-11]", 0x0a, ["a"]],
    ["will QoS is 2 without a will [MQTT-3.1.2-11]", 0x12, ["a"]],
    ["will retain is set without a will [MQTT-3.1.2-13]", 0x22, ["a"]],
    ["will QoS is 3 [MQTT-3.1.2-12]", 0x1e, ["a", "", "topic", "payload"]],
    ["the will flag is set and the will is missing [MQTT-3.1.2-9]", 0x06, ["a"]],
    ["the will flag is not set and a will follows [MQTT-3.1.2-9]", 0x02, ["a", "topic", "payload"]],
    ["the user name flag is not set and a user name follows [MQTT-3.1.2-16]", 0x02, ["a", "user"]],
    ["the user name flag is set and the user name is missing [MQTT-3.1.2-17]", 0x82, ["a"]],
    ["the password flag is not set and a password follows [MQTT-3.1.2-18]", 0x82, ["a", "user", "word"]],
    ["the password flag is set and the password is missing [MQTT-3.1.2-19]", 0xc2, ["a", "user"]],
    ["the client id is missing [MQTT-3.1.3-3]", 0x02, []],
  ])("is malformed, 0x81, when %s [MQTT-3.1.4-1] [MQTT-4.13.1-1]", async (_what, flags, fields) => {
    const { port } = await startGateway();
    const payload = fields.map((text, i) => (i === 1 && text === "" ? none : field(text)));
    expect(await refused5(port, connectFrame5(flags, payload))).toMatchObject(connack(0x81));
  });

  it("may have a password without a user name", async () => {
    const { gateway, port } = await startGateway();
    const seen: unknown[] = [];
    gateway.broker.authenticate = (_client, username, password, done) => {
      seen.push(username, password?.toString());
      done(null, true);
    };
    const client = await RawClient.open(port, 5);
    client.bytes(connectFrame5(0x42, [field("a"), field("word")]));
    expect(await client.next()).toMatchObject({ cmd: "connack", reasonCode: 0 });
    expect(seen).toEqual([undefined, "word"]);
  });
});

describe("the properties of CONNECT", () => {
  const connect = (...properties: WireProperty[]) => connectFrame5(2, [field("a")], { properties });

  it.each<[name: WireProperty["name"], value: number]>([
    ["receiveMaximum", 0],
    ["maximumPacketSize", 0],
    ["requestProblemInformation", 2],
    ["requestResponseInformation", 2],
  ])("%s of %i is a protocol error, 0x82", async (name, value) => {
    const { port } = await startGateway();
    expect(await refused5(port, connect({ name, value }))).toMatchObject(connack(0x82));
  });

  it.each<WireProperty>([
    { name: "sessionExpiryInterval", value: 10 },
    { name: "receiveMaximum", value: 10 },
    { name: "maximumPacketSize", value: 1000 },
    { name: "topicAliasMaximum", value: 10 },
    { name: "requestResponseInformation", value: 1 },
    { name: "requestProblemInformation", value: 1 },
    { name: "authenticationMethod", value: "m" },
  ])("$name twice is a protocol error, 0x82", async (property) => {
    const { port } = await startGateway();
    expect(await refused5(port, connect(property, property))).toMatchObject(connack(0x82));
  });

  it("authentication data without a method is a protocol error, 0x82", async () => {
    const { port } = await startGateway();
    const answer = await refused5(port, connect({ name: "authenticationData", value: Buffer.from("x") }));
    expect(answer).toMatchObject(connack(0x82));
  });

  it("one that belongs to another packet is malformed, 0x81", async () => {
    const { port } = await startGateway();
    expect(await refused5(port, connect({ name: "topicAlias", value: 1 }))).toMatchObject(connack(0x81));
  });

  it("a property length over the packet's end is malformed, 0x81", async () => {
    const { port } = await startGateway();
    const bytes = frame(0x10, field("MQTT"), [5, 2, 0, 0], [200, 1], field("a"));
    expect(await refused5(port, bytes)).toMatchObject(connack(0x81));
  });

  it("a property length in more bytes than needed is malformed, 0x81 [MQTT-1.5.5-1]", async () => {
    const { port } = await startGateway();
    const bytes = frame(0x10, field("MQTT"), [5, 2, 0, 0], [0x80, 0], field("a"));
    expect(await refused5(port, bytes)).toMatchObject(connack(0x81));
  });

  it("without a property length it is malformed, 0x81 [MQTT-2.2.2-1]", async () => {
    const { port } = await startGateway();
    expect(await refused5(port, frame(0x10, field("MQTT"), [5, 2, 0, 0]))).toMatchObject(connack(0x81));
  });

  it("user properties may repeat, and are shown to the hooks", async () => {
    const { gateway, port } = await startGateway();
    const client = await RawClient.open(port, 5);
    const property = (key: string, value: string): WireProperty => ({ name: "userProperty", value: [key, value] });
    client.bytes(connect(property("k", "1"), property("j", "2"), property("k", "3")));
    expect(await client.next()).toMatchObject({ cmd: "connack", reasonCode: 0 });
    expect(gateway.broker.clients.a).toMatchObject({ properties: { userProperties: { k: ["1", "3"], j: "2" } } });
  });
});

describe("the payload of CONNECT", () => {
  it.each([
    ["the client id is not UTF-8 [MQTT-3.1.3-4] [MQTT-1.5.4-1]", 0x02, [[0x61, 0xc3, 0x28]]],
    ["the client id contains a surrogate [MQTT-1.5.4-1]", 0x02, [[0x61, 0xed, 0xa0, 0x80]]],
    ["the client id contains U+0000 [MQTT-1.5.4-2]", 0x02, [[0x61, 0]]],
    ["the user name is not UTF-8 [MQTT-3.1.3-12]", 0x82, [[0x61], [0xff]]],
    ["the user name contains U+0000 [MQTT-1.5.4-2]", 0x82, [[0x61], [0]]],
  ])("is malformed, 0x81, when %s", async (_what, flags, fields) => {
    const { port } = await startGateway();
    expect(await refused5(port, connectFrame5(flags, fields.map(field)))).toMatchObject(connack(0x81));
  });

  it.each([
    ["is not UTF-8 [MQTT-3.1.3-11]", [0xc3, 0x28], 0x81],
    ["contains U+0000 [MQTT-1.5.4-2]", [0x61, 0], 0x81],
    ["has a wildcard", [0x61, 0x2f, 0x23], 0x90],
    ["is empty", [], 0x90],
  ])("is refused where the will topic %s", async (_what, topic, reasonCode) => {
    const { port } = await startGateway();
    const bytes = connectFrame5(0x06, [field("a"), none, field(topic), field("x")]);
    expect(await refused5(port, bytes)).toMatchObject(connack(reasonCode));
  });

  it("is read in the order client id, will properties, topic and message, user name, password [MQTT-3.1.3-1]", async () => {
    const { gateway, port } = await startGateway();
    const seen: unknown[] = [];
    gateway.broker.authenticate = (client, username, password, done) => {
      seen.push(client?.id, username, password?.toString());
      done(null, true);
    };
    const watcher = await connected5(port, { clientId: "watcher" });
    await watcher.subscribe({ "topic/will": 0 });
    const client = await RawClient.open(port, 5);
    const willProperties = wireProperties([{ name: "contentType", value: "kind" }]);
    const [id, topic, payload, user, word] = ["me", "topic/will", "gone", "user", "word"].map(field) as Buffer[];
    client.bytes(connectFrame5(0xc6, [id, willProperties, topic, payload, user, word] as Buffer[]));
    expect(await client.next()).toMatchObject({ cmd: "connack", reasonCode: 0 });
    await client.cut();
    expect(seen.slice(-3)).toEqual(["me", "user", "word"]);
    expect(await watcher.message()).toMatchObject({ payload: "gone", properties: { contentType: "kind" } });
  });

  it("may have a client id of 1 to 23 letters and digits, and longer ones up to clientIdBytesMax [MQTT-3.1.3-5]", async () => {
    const { port } = await startGateway({ limits: { clientIdBytesMax: 30 } });
    for (const clientId of ["0", "abcdefghijklmnopqrstuvw", "ä".repeat(15)]) {
      await (await connected5(port, { clientId })).ping();
    }
    expect(await refused5(port, { clientId: "ä".repeat(16) })).toMatchObject(connack(0x85)); // [MQTT-3.1.3-8]
  });
});

describe("packets right behind CONNECT", () => {
  const eager = [frame(0x82, [0, 7], none, field("a"), [0]), frame(0x30, field("a"), none, Buffer.from("early"))];

  it("are handled once it is accepted, and CONNACK is the first answer [MQTT-3.2.0-1] [MQTT-3.1.4-5]", async () => {
    const { port } = await startGateway();
    const client = await RawClient.open(port, 5);
    client.bytes(Buffer.concat([connectFrame5(2, [field("eager")]), ...eager]));
    expect(await client.next()).toMatchObject({ cmd: "connack", reasonCode: 0 });
    expect(await client.next()).toMatchObject({ cmd: "suback", messageId: 7 });
    expect(await client.message()).toMatchObject({ payload: "early" });
    expect(client.packets).toEqual([]); // no second CONNACK [MQTT-3.2.0-2]
  });

  it("are not handled where it is refused [MQTT-3.1.4-6] [MQTT-3.2.2-7]", async () => {
    const { port, gateway } = await startGateway();
    const watcher = await connected5(port, { clientId: "watcher" });
    await watcher.subscribe({ "#": 0 });
    gateway.broker.authenticate = (_client, _username, _password, done) => done(null, false);
    const answer = await refused5(port, Buffer.concat([connectFrame5(2, [field("eager")]), ...eager]));
    expect(answer).toMatchObject(connack(0x87));
    expect(await messagesSoFar(watcher)).toEqual([]);
  });
});
