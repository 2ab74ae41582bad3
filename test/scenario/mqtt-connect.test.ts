import type { Packet } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { field, frame } from "../support/frame.ts";
import { messagesSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

/** A CONNECT with just these connect flags and payload fields; the client id is part of the payload. */
function connectFrame(flags: number, payload: Buffer[], start: { name?: string; level?: number } = {}): Buffer {
  return frame(0x10, field(start.name ?? "MQTT"), [start.level ?? 4, flags, 0, 0], ...payload);
}

/** Sends bytes on a fresh connection, waits until the gateway has closed it, and returns what was answered. */
async function answerTo(port: number, bytes: Buffer): Promise<Packet[]> {
  const client = await RawClient.open(port);
  client.bytes(bytes);
  await client.closed;
  return client.packets;
}

describe("the first packet", () => {
  it.each([
    ["PUBLISH", frame(0x30, field("a"))],
    ["PUBACK", frame(0x40, [0, 1])],
    ["SUBSCRIBE", frame(0x82, [0, 1], field("a"), [0])],
    ["PINGREQ", frame(0xc0)],
    ["DISCONNECT", frame(0xe0)],
    ["CONNACK", frame(0x20, [0, 0])],
  ])("closes the connection when it is %s instead of CONNECT [MQTT-3.1.0-1]", async (_name, bytes) => {
    const { port } = await startGateway();
    expect(await answerTo(port, bytes)).toEqual([]);
  });

  it("takes a second CONNECT as a violation and closes the connection [MQTT-3.1.0-2] [MQTT-4.8.0-1]", async () => {
    const { port, log } = await startGateway();
    const client = await RawClient.connected(port);
    client.connect();
    await client.closed;
    expect(client.packets).toEqual([]);
    expect(log.complaints.map(({ fields }) => fields.code)).toEqual(["ERR_PROTOCOL_VIOLATION"]);
  });
});

describe("the variable header of CONNECT", () => {
  it.each(["MQTT ", "mqtt", "MQTTT", "HTTP", ""])(
    "closes without an answer when the protocol name is %j [MQTT-3.1.2-1]",
    async (name) => {
      const { port } = await startGateway();
      expect(await answerTo(port, connectFrame(0x02, [field("a")], { name }))).toEqual([]);
    },
  );

  it.each([0, 1, 2, 3])("answers protocol level %i with return code 1 and closes [MQTT-3.1.2-2]", async (level) => {
    const { port } = await startGateway();
    const answer = await answerTo(port, connectFrame(0x02, [field("a")], { level }));
    expect(answer).toMatchObject([{ cmd: "connack", returnCode: 1, sessionPresent: false }]);
  });

  it.each([6, 127])(
    "answers protocol level %i in the form of MQTT 5, with 0x84, and closes [MQTT-3.1.2-2]",
    async (level) => {
      const { port } = await startGateway();
      const client = await RawClient.open(port, 5);
      client.bytes(connectFrame(0x02, [field("a")], { level }));
      expect(await client.ending()).toMatchObject([{ cmd: "connack", reasonCode: 0x84, sessionPresent: false }]);
    },
  );

  it.each([
    ["the reserved flag is set [MQTT-3.1.2-3]", 0x03, ["a"]],
    ["will QoS is 1 without a will [MQTT-3.1.2-11] [MQTT-3.1.2-13]", 0x0a, ["a"]],
    ["will QoS is 2 without a will [MQTT-3.1.2-11] [MQTT-3.1.2-13]", 0x12, ["a"]],
    ["will retain is set without a will [MQTT-3.1.2-11] [MQTT-3.1.2-15]", 0x22, ["a"]],
    ["will QoS is 3 [MQTT-3.1.2-14]", 0x1e, ["a", "topic", "payload"]],
    ["the will flag is set and the will is missing [MQTT-3.1.2-9]", 0x06, ["a"]],
    ["the will flag is set and the will message is missing [MQTT-3.1.2-9]", 0x06, ["a", "topic"]],
    ["the will flag is not set and a will follows [MQTT-3.1.2-11]", 0x02, ["a", "topic", "payload"]],
    ["the user name flag is not set and a user name follows [MQTT-3.1.2-18]", 0x02, ["a", "user"]],
    ["the user name flag is set and the user name is missing [MQTT-3.1.2-19]", 0x82, ["a"]],
    ["the password flag is not set and a password follows [MQTT-3.1.2-20]", 0x82, ["a", "user", "word"]],
    ["the password flag is set and the password is missing [MQTT-3.1.2-21]", 0xc2, ["a", "user"]],
    ["the password flag is set and the user name flag is not [MQTT-3.1.2-22]", 0x42, ["a", "word"]],
    ["the client id is missing [MQTT-3.1.3-3]", 0x02, []],
  ])("closes without an answer when %s [MQTT-3.1.4-1]", async (_what, flags, fields) => {
    const { port, log } = await startGateway();
    expect(await answerTo(port, connectFrame(flags, fields.map(field)))).toEqual([]);
    expect(log.complaints.map((line) => line.fields.code)).toEqual(["ERR_MALFORMED_PACKET"]);
  });
});

describe("the payload of CONNECT", () => {
  const illFormed = [0x61, 0xc3, 0x28];
  const surrogate = [0x61, 0xed, 0xa0, 0x80];
  const nul = [0x61, 0x00];
  it.each([
    ["the client id is not UTF-8 [MQTT-3.1.3-4]", 0x02, [illFormed]],
    ["the client id contains a surrogate [MQTT-1.5.3-1]", 0x02, [surrogate]],
    ["the client id contains U+0000 [MQTT-1.5.3-2]", 0x02, [nul]],
    ["the will topic is not UTF-8 [MQTT-3.1.3-10]", 0x06, [[0x61], illFormed, [0x61]]],
    ["the will topic contains U+0000 [MQTT-1.5.3-2]", 0x06, [[0x61], nul, [0x61]]],
    ["the user name is not UTF-8 [MQTT-3.1.3-11]", 0x82, [[0x61], illFormed]],
    ["the user name contains U+0000 [MQTT-1.5.3-2]", 0x82, [[0x61], nul]],
  ])("closes without an answer when %s", async (_what, flags, fields) => {
    const { port } = await startGateway();
    expect(await answerTo(port, connectFrame(flags, fields.map(field)))).toEqual([]);
  });

  it("is read in the order client id, will topic, will message, user name, password [MQTT-3.1.3-1]", async () => {
    const { gateway, port } = await startGateway();
    const seen: unknown[] = [];
    gateway.broker.authenticate = (client, username, password, done) => {
      seen.push(client?.id, username, password?.toString());
      done(null, true);
    };
    const watcher = await RawClient.connected(port, { clientId: "watcher" });
    await watcher.subscribe({ "topic/will": 0 });
    const client = await RawClient.open(port);
    client.bytes(connectFrame(0xc6, ["me", "topic/will", "gone", "user", "word"].map(field)));
    expect(await client.next()).toMatchObject({ cmd: "connack", returnCode: 0 });
    await client.cut();
    expect(seen.slice(-3)).toEqual(["me", "user", "word"]);
    expect(await watcher.message()).toMatchObject({ topic: "topic/will", payload: "gone" });
  });

  it("may carry a password and a will message that are not text", async () => {
    const { gateway, port } = await startGateway();
    const seen: unknown[] = [];
    gateway.broker.authenticate = (_client, _username, password, done) => {
      seen.push(password?.toString("hex"));
      done(null, true);
    };
    const client = await RawClient.open(port);
    client.bytes(connectFrame(0xc6, [field("me"), field("w"), field(illFormed), field("user"), field([0, 255])]));
    expect(await client.next()).toMatchObject({ cmd: "connack", returnCode: 0 });
    expect(seen).toEqual(["00ff"]);
  });

  it("may have a client id of 1 to 23 letters and digits [MQTT-3.1.3-5]", async () => {
    const { port } = await startGateway();
    for (const clientId of ["0", "abcdefghijklmnopqrstuvw", "ABCDEFGHIJKLMNOPQRSTUVW", "xyzXYZ0123456789"]) {
      const client = await RawClient.connected(port, { clientId });
      await client.ping();
    }
  });

  it("may have an empty client id with a clean session, and gets a unique one [MQTT-3.1.3-6] [MQTT-3.1.3-7]", async () => {
    const { gateway, port } = await startGateway();
    const clients = [
      await RawClient.connected(port, { clientId: "" }),
      await RawClient.connected(port, { clientId: "" }),
    ];
    for (const client of clients) await client.ping();
    const ids = Object.keys(gateway.broker.clients);
    expect(ids).toHaveLength(2);
    expect(ids).not.toContain("");
  });

  it("is answered with return code 2 when the client id is empty and the session not clean [MQTT-3.1.3-8] [MQTT-3.1.3-9]", async () => {
    const { port } = await startGateway();
    const answer = await answerTo(port, connectFrame(0x00, [field("")]));
    expect(answer).toMatchObject([{ cmd: "connack", returnCode: 2, sessionPresent: false }]);
  });

  it("is answered with return code 2 when the client id is over clientIdBytesMax [MQTT-3.1.3-9]", async () => {
    const { port } = await startGateway({ limits: { clientIdBytesMax: 30 } });
    expect(await answerTo(port, connectFrame(0x02, [field("ä".repeat(16))]))).toMatchObject([{ returnCode: 2 }]);
    const client = await RawClient.connected(port, { clientId: "ä".repeat(15) });
    await client.ping();
  });
});

describe("the answer to CONNECT", () => {
  it("is CONNACK with return code 0, before anything else [MQTT-3.1.4-4] [MQTT-3.2.0-1]", async () => {
    const { port } = await startGateway();
    const subscriber = await RawClient.connected(port, { clientId: "away", clean: false });
    await subscriber.subscribe({ a: 1 });
    await subscriber.disconnect();
    const publisher = await RawClient.connected(port, { clientId: "publisher" });
    await publishAcknowledged(publisher, "a", "waited");
    const back = await RawClient.open(port);
    back.connect({ clientId: "away", clean: false });
    expect(await back.next()).toMatchObject({ cmd: "connack", returnCode: 0 });
    expect(await back.next()).toMatchObject({ cmd: "publish" });
  });

  it("does not have to be waited for: packets after CONNECT are handled once it is accepted [MQTT-3.1.4-5]", async () => {
    const { port } = await startGateway();
    const client = await RawClient.open(port);
    client.bytes(
      Buffer.concat([
        connectFrame(0x02, [field("eager")]),
        frame(0x82, [0, 7], field("a"), [0]),
        frame(0x30, field("a"), Buffer.from("early")),
      ]),
    );
    expect(await client.next()).toMatchObject({ cmd: "connack", returnCode: 0 });
    expect(await client.next()).toMatchObject({ cmd: "suback", messageId: 7 });
    expect(await client.message()).toMatchObject({ payload: "early" });
  });

  it("does not have to be waited for even by a client that says all it has to say at once and is gone", async () => {
    const { port } = await startGateway();
    const watcher = await RawClient.connected(port, { clientId: "watcher" });
    await watcher.subscribe({ "#": 0 });
    const client = await RawClient.open(port);
    const connectWithWill = connectFrame(0x06, ["brief", "will", "gone"].map(field));
    const publish = frame(0x30, field("a"), Buffer.from("hello"));
    client.socket.end(Buffer.concat([connectWithWill, publish, frame(0xe0)]));
    expect(await watcher.message()).toMatchObject({ topic: "a", payload: "hello" });
    await client.closed;
    expect(await messagesSoFar(watcher)).toEqual([]);
  });

  it("lets nothing happen that follows a refused CONNECT [MQTT-3.1.4-5] [MQTT-3.2.2-5]", async () => {
    const { port } = await startGateway();
    const watcher = await RawClient.connected(port, { clientId: "watcher" });
    await watcher.subscribe({ "#": 0 });
    const refused = Buffer.concat([connectFrame(0x00, [field("")]), frame(0x30, field("a"), Buffer.from("no"))]);
    expect(await answerTo(port, refused)).toMatchObject([{ cmd: "connack", returnCode: 2 }]);
    expect(await messagesSoFar(watcher)).toEqual([]);
  });

  it.each([4, 5])(
    "refuses with return code %i and session present 0, and closes [MQTT-3.2.2-4] [MQTT-3.2.2-5]",
    async (returnCode) => {
      const { gateway, port } = await startGateway();
      const first = await RawClient.connected(port, { clientId: "kept", clean: false });
      await first.subscribe({ a: 1 });
      await first.disconnect();
      gateway.broker.authenticate = (_client, _username, _password, done) =>
        done(Object.assign(new Error("no"), { returnCode }) as never, false);
      const answer = await answerTo(port, connectFrame(0x00, [field("kept")]));
      expect(answer).toMatchObject([{ cmd: "connack", returnCode, sessionPresent: false }]);
    },
  );

  it("is a mere close where no return code applies [MQTT-3.2.2-6]", async () => {
    const { gateway, port } = await startGateway();
    gateway.broker.preConnect = (_client, _packet, done) => done(null, false);
    expect(await answerTo(port, connectFrame(0x02, [field("a")]))).toEqual([]);
  });

  it("is return code 3 when sessions.countMax sessions are kept; clean sessions are not counted", async () => {
    const { port } = await startGateway({ sessions: { countMax: 2 } });
    const first = await RawClient.connected(port, { clientId: "first", clean: false });
    await first.subscribe({ a: 1 });
    await first.disconnect();
    await RawClient.connected(port, { clientId: "second", clean: false });
    const answer = await answerTo(port, connectFrame(0x00, [field("third")]));
    expect(answer).toMatchObject([{ cmd: "connack", returnCode: 3, sessionPresent: false }]);
    await (await RawClient.connected(port, { clientId: "clean" })).ping();
    const back = await RawClient.connected(port, { clientId: "first", clean: false });
    expect(back.sessionPresent).toBe(true);
  });

  it("keeps a refused client's will to itself [MQTT-3.1.2-8]", async () => {
    const { port } = await startGateway({ sessions: { countMax: 1 } });
    const watcher = await RawClient.connected(port, { clientId: "watcher", clean: false });
    await watcher.subscribe({ "will/#": 0 });
    const answer = await answerTo(port, connectFrame(0x04, ["refused", "will/refused", "gone"].map(field)));
    expect(answer).toMatchObject([{ cmd: "connack", returnCode: 3 }]);
    expect(await messagesSoFar(watcher)).toEqual([]);
  });

  it("is a mere close for a keep alive over keepAliveSecondsMax, and for none at all [MQTT-3.2.2-6]", async () => {
    const { port } = await startGateway({ limits: { keepAliveSecondsMax: 60 } });
    await (await RawClient.connected(port, { keepalive: 60 })).ping();
    for (const keepalive of [0, 61]) {
      const client = await RawClient.open(port);
      client.connect({ keepalive });
      await client.closed;
      expect(client.packets).toEqual([]);
    }
  });
});
