import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { connected5, connectFrame5, refused5 } from "../support/client-5.ts";
import { field } from "../support/frame.ts";
import { payloadsSoFar } from "../support/messages-so-far.ts";
import { type Connack, RawClient } from "../support/raw-client.ts";
import { embed } from "./embedded.ts";

const coded = (text: string, reasonCode: number) => Object.assign(new Error(text), { reasonCode }) as never;

describe("preConnect", () => {
  it("sees the properties of the CONNECT and of its will, and so does everyone later in client.properties", async () => {
    let seen: unknown;
    const { broker, port } = await embed({
      preConnect(_client, packet, callback) {
        seen = [packet.properties, packet.will?.properties];
        callback(null, true);
      },
    });
    const properties = { sessionExpiryInterval: 10, userProperties: { site: "roof" } };
    const will = {
      topic: "w",
      payload: Buffer.from("x"),
      qos: 0 as const,
      retain: false,
      properties: { contentType: "kind" },
    };
    await connected5(port, { clientId: "device", properties, will });
    expect(seen).toMatchObject([properties, { contentType: "kind" }]);
    expect(broker.clients.device).toMatchObject({ properties, version: 5 });
  });

  it.each([
    ["an error with a reason code", coded("come later", 0x9f), 0x9f],
    ["an error", new Error("not you"), 0x87],
    ["an error with a reason code that is none", coded("all is well", 0), 0x87],
    ["false", null, 0x87],
  ])("refuses with %s", async (_what, error, reasonCode) => {
    const { broker, port } = await embed({ preConnect: (_client, _packet, callback) => callback(error, false) });
    const told = once(broker, "connectionError");
    expect(await refused5(port, { clientId: "c" })).toMatchObject([
      { cmd: "connack", reasonCode, sessionPresent: false },
    ]);
    const [, { code }] = await told;
    expect(code).toBe("ERR_CONNECT_REFUSED");
  });

  it("may change them: what it made of the session expiry counts, and the client is told", async () => {
    const { port } = await embed({
      preConnect(_client, packet, callback) {
        packet.properties = { ...packet.properties, sessionExpiryInterval: 5 };
        callback(null, true);
      },
    });
    const client = await connected5(port, { clientId: "c", lives: 100 });
    expect(client.connack?.properties).toMatchObject({ sessionExpiryInterval: 5 });
  });

  it("may change the receive maximum and the maximum packet size that are kept to", async () => {
    const { port } = await embed({
      preConnect(_client, packet, callback) {
        if (packet.clientId === "narrow") packet.properties = { receiveMaximum: 1, maximumPacketSize: 100 };
        callback(null, true);
      },
    });
    const client = await connected5(port, { clientId: "narrow" });
    await client.subscribe({ a: 1 });
    const sender = await connected5(port, { clientId: "sender" });
    sender.publish("a", "x".repeat(200));
    for (let messageId = 1; messageId <= 3; messageId++) sender.publish("a", `${messageId}`, { qos: 1, messageId });
    for (let i = 0; i < 3; i++) await sender.next("puback");
    expect(await payloadsSoFar(client)).toEqual(["1"]);
  });

  it("may change the properties of the will", async () => {
    const { port } = await embed({
      preConnect(_client, packet, callback) {
        if (packet.will !== undefined) packet.will.properties = { contentType: "changed" } as never;
        callback(null, true);
      },
    });
    const receiver = await connected5(port, { clientId: "receiver" });
    await receiver.subscribe({ w: 0 });
    for (const properties of [{}, { contentType: "kind" }]) {
      const will = { topic: "w", payload: Buffer.from("x"), qos: 0 as const, retain: false, properties };
      await (await connected5(port, { clientId: "device", will })).cut();
      expect(await receiver.message()).toMatchObject({ topic: "w", properties: { contentType: "changed" } });
    }
  });

  it("that names a nameless client tells it its name [MQTT-3.2.2-16]", async () => {
    const { port } = await embed({
      preConnect(_client, packet, callback) {
        packet.clientId = "named";
        callback(null, true);
      },
    });
    const client = await RawClient.open(port, 5);
    client.bytes(connectFrame5(2, [field("")]));
    const connack = (await client.next("connack")) as Connack;
    expect(connack.properties).toMatchObject({ assignedClientIdentifier: "named" });
  });
});

describe("authenticate", () => {
  it.each([
    ["a reason code", coded("banned", 0x8a), 0x8a],
    ["a return code", Object.assign(new Error("bad"), { returnCode: 4 }) as never, 0x86],
    ["neither", new Error("no"), 0x87],
  ])("refuses by an error with %s, and says why", async (_what, error, reasonCode) => {
    const { port } = await embed({
      authenticate: (_client, _user, _password, callback) => callback(error as never, null),
    });
    const [connack] = await refused5(port, {});
    expect(connack).toMatchObject({
      cmd: "connack",
      reasonCode,
      properties: { reasonString: expect.stringMatching(/failed/) },
    });
  });

  it("with a reason code and no return code is 5 for a client of 3.1.1", async () => {
    const { port } = await embed({
      authenticate: (_client, _user, _password, callback) => callback(coded("banned", 0x8a), null),
    });
    const client = await RawClient.open(port);
    client.connect();
    expect(await client.ending()).toMatchObject([{ cmd: "connack", returnCode: 5 }]);
  });
});
