import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { RawClient } from "../support/raw-client.ts";
import { embed } from "./embedded.ts";

type HookError = Error & { returnCode?: number };

describe("preConnect", () => {
  it("is asked before anything else, and its packet may be changed", async () => {
    const asked: string[] = [];
    const { broker, port } = await embed({
      preConnect(client, packet, callback) {
        asked.push(`preConnect ${client.id || "nameless"} ${packet.clientId}`);
        packet.clientId = "renamed";
        callback(null, true);
      },
      authenticate(client, _username, _password, callback) {
        asked.push(`authenticate ${client.id}`);
        callback(null, true);
      },
    });
    await RawClient.connected(port, { clientId: "given" });
    expect(asked).toEqual(["preConnect nameless given", "authenticate renamed"]);
    expect(Object.keys(broker.clients)).toEqual(["renamed"]);
  });

  it("that says no closes the connection without CONNACK", async () => {
    const { port } = await embed({ preConnect: (_client, _packet, callback) => callback(null, false) });
    const client = await RawClient.open(port);
    client.connect();
    await client.closed;
    expect(client.packets).toEqual([]);
  });

  it("with an error closes the connection, and connectionError tells of it", async () => {
    const { broker, port } = await embed({
      preConnect: (_client, _packet, callback) => callback(new Error("too many"), false),
    });
    const told = once(broker, "connectionError");
    const client = await RawClient.open(port);
    client.connect();
    const [, error] = await told;
    expect(error.message).toContain("too many");
    await client.closed;
    expect(client.packets).toEqual([]);
  });
});

describe("authenticate", () => {
  it("is given user name and password", async () => {
    let given: unknown[] = [];
    const { port } = await embed({
      authenticate(client, username, password, callback) {
        given = [client.id, username, password?.toString()];
        callback(null, true);
      },
    });
    await RawClient.connected(port, { clientId: "c", username: "user", password: Buffer.from("secret") });
    expect(given).toEqual(["c", "user", "secret"]);
  });

  it.each<[name: string, returnCode: number | undefined, answered: number]>([
    ["2", 2, 2],
    ["3", 3, 3],
    ["4", 4, 4],
    ["5", 5, 5],
    ["none", undefined, 5],
    ["1, which is not for it", 1, 5],
    ["6, which does not exist", 6, 5],
  ])("answers an error with its return code: %s", async (_name, returnCode, answered) => {
    const { broker, port } = await embed({
      authenticate(_client, _username, _password, callback) {
        const error: HookError = new Error("not you");
        if (returnCode !== undefined) error.returnCode = returnCode;
        callback(error as never, null);
      },
    });
    const told = once(broker, "clientError");
    const client = await RawClient.open(port);
    client.connect({ clientId: "c" });
    expect(await client.next("connack")).toMatchObject({ returnCode: answered, sessionPresent: false });
    await client.closed;
    const [refused, error] = await told;
    expect([refused.id, error.message]).toEqual(["c", "authentication failed: not you"]);
    expect(broker.connectedClients).toBe(0);
  });

  it("that says no is answered with return code 5", async () => {
    const { port } = await embed({ authenticate: (_client, _user, _password, callback) => callback(null, false) });
    const client = await RawClient.open(port);
    client.connect({});
    expect(await client.next("connack")).toMatchObject({ returnCode: 5 });
    await client.closed;
  });

  it("may take its time: what the client sends meanwhile is handled afterwards", async () => {
    let answer: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let admit: () => void = () => {};
    const { port } = await embed({
      authenticate(_client, _username, _password, callback) {
        admit = () => callback(null, true);
        answer();
      },
    });
    const client = await RawClient.open(port);
    client.connect({});
    client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "early", qos: 0 }] });
    client.publish("early", "bird", { qos: 1, messageId: 2 });
    await asked;
    expect(client.packets).toEqual([]);
    admit();
    expect((await client.message()).payload).toBe("bird");
    expect(client.packets.map(({ cmd }) => cmd).slice(0, 2)).toEqual(["connack", "suback"]);
  });

  it("that never answers does not outlive the client", async () => {
    const { broker, port } = await embed({ authenticate: () => {}, connectTimeout: 100 });
    const closed = once(broker, "clientError");
    const client = await RawClient.open(port);
    client.connect({ clientId: "c" });
    client.socket.end();
    await closed;
    expect(broker.connectedClients).toBe(0);
  });
});
