import { describe, expect, it } from "vitest";
import { field, frame } from "../support/frame.ts";
import { messagesSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

const mqtt31 = { protocolId: "MQIsdp", protocolVersion: 3 } as const;

function connectFrame(flags: number, ...payload: string[]): Buffer {
  return frame(0x10, field("MQIsdp"), [3, flags, 0, 0], ...payload.map(field));
}

/** Waits for the first bytes of an answer. */
async function rawAnswer(client: RawClient): Promise<string> {
  return new Promise((resolve) => client.socket.once("data", (chunk: Buffer) => resolve(chunk.toString("hex"))));
}

describe("MQTT 3.1", () => {
  it("is served: messages at every QoS, both ways, with a client of 3.1.1", async () => {
    const { port } = await startGateway();
    const old = await RawClient.connected(port, { ...mqtt31, clientId: "old" });
    const young = await RawClient.connected(port, { clientId: "young" });
    await old.subscribe({ "to/old": 2 });
    await young.subscribe({ "to/young": 2 });
    for (const qos of [0, 1, 2] as const) {
      await publishAcknowledged(old, "to/young", "from old", { qos });
      await publishAcknowledged(young, "to/old", "from young", { qos });
      expect(await messagesSoFar(young)).toMatchObject([{ payload: "from old", qos }]);
      expect(await messagesSoFar(old)).toMatchObject([{ payload: "from young", qos }]);
    }
  });

  it("has persistent sessions, and the reserved byte of CONNACK stays 0", async () => {
    const { port } = await startGateway();
    const publisher = await RawClient.connected(port, { clientId: "publisher" });
    const first = await RawClient.connected(port, { ...mqtt31, clientId: "old", clean: false });
    await first.subscribe({ a: 1 });
    await first.disconnect();
    await publishAcknowledged(publisher, "a", "waited");
    const second = await RawClient.open(port);
    const answer = rawAnswer(second);
    second.bytes(connectFrame(0x00, "old"));
    expect((await answer).slice(0, 8)).toBe("20020000");
    expect(await second.message()).toMatchObject({ payload: "waited", qos: 1 });
  });

  it.each(["a", "x".repeat(23)])("takes client ids of 1 to 23 characters: %j", async (clientId) => {
    const { port } = await startGateway();
    await (await RawClient.connected(port, { ...mqtt31, clientId })).ping();
  });

  it.each(["", "x".repeat(24)])("answers the client id %j with return code 2, and closes", async (clientId) => {
    const { port } = await startGateway();
    const client = await RawClient.open(port);
    client.bytes(connectFrame(0x02, clientId));
    await client.closed;
    expect(client.packets).toMatchObject([{ cmd: "connack", returnCode: 2 }]);
  });

  it.each([
    ["the user name", 0x82, ["old"], [undefined, undefined]],
    ["the password", 0xc2, ["old", "user"], ["user", undefined]],
    ["both", 0xc2, ["old"], [undefined, undefined]],
  ] as const)(
    "allows that %s is missing although its flag is set (MQTT 3.1, section 3.1)",
    async (_what, flags, fields, expected) => {
      const { gateway, port } = await startGateway();
      let seen: unknown[] = [];
      gateway.broker.authenticate = (_client, username, password, done) => {
        seen = [username, password?.toString()];
        done(null, true);
      };
      const client = await RawClient.open(port);
      client.bytes(connectFrame(flags, ...fields));
      expect(await client.next("connack")).toMatchObject({ returnCode: 0 });
      expect(seen).toEqual(expected);
    },
  );

  it("takes user name and password where they are there", async () => {
    const { gateway, port } = await startGateway();
    let seen: unknown[] = [];
    gateway.broker.authenticate = (_client, username, password, done) => {
      seen = [username, password?.toString()];
      done(null, true);
    };
    await RawClient.connected(port, { ...mqtt31, clientId: "old", username: "user", password: Buffer.from("word") });
    expect(seen).toEqual(["user", "word"]);
  });

  it.each([0, 2, 4, 5])("answers level %i of MQIsdp with return code 1, and closes", async (level) => {
    const { port } = await startGateway();
    const client = await RawClient.open(port);
    client.bytes(frame(0x10, field("MQIsdp"), [level, 2, 0, 0], field("old")));
    await client.closed;
    expect(client.packets).toMatchObject([{ cmd: "connack", returnCode: 1 }]);
  });

  it("has wills", async () => {
    const { port } = await startGateway();
    const watcher = await RawClient.connected(port, { clientId: "watcher" });
    await watcher.subscribe({ will: 1 });
    const client = await RawClient.open(port);
    client.bytes(connectFrame(0x0e, "old", "will", "gone"));
    await client.next("connack");
    await client.cut();
    expect(await watcher.message()).toMatchObject({ payload: "gone", qos: 1 });
  });
});
