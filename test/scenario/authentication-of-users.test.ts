import { describe, expect, it } from "vitest";
import { ScramClient, type ScramClientOptions } from "../authentication/scram-client.ts";
import { pencilVerifier } from "../authentication/stock-users.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway, testConfig } from "../support/start-gateway.ts";

const METHOD = "SCRAM-SHA-256";
const authentication = { users: { user: { password: pencilVerifier } } };
const open = { listeners: { mqtt: { type: "tcp", port: 0, allowAnonymous: true } } };
const user = { username: "user", password: "pencil" };

/** Connects, with the password on the way; returns the CONNACK. */
async function withPassword(port: number, version: 4 | 5, username: string | undefined, password: string | undefined) {
  const client = await RawClient.open(port, version);
  client.connect({
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
  });
  return client.next();
}

const refusal = (version: 4 | 5, returnCode: number, reasonCode: number) =>
  version === 5 ? { cmd: "connack", reasonCode } : { cmd: "connack", returnCode };

describe.each([4, 5] as const)("with users, a client of protocol level %i", (version) => {
  it("is let in with its name and password", async () => {
    const { port } = await startGateway({ authentication });
    expect(await withPassword(port, version, "user", "pencil")).toMatchObject(refusal(version, 0, 0));
  });

  it.each([
    ["a wrong password", "user", "pen"],
    ["an empty password", "user", ""],
    ["an unknown name", "nobody", "pencil"],
    ["the name in other letters", "User", "pencil"],
    ["no password", "user", undefined],
  ])("is refused with %s [MQTT-3.1.4-2]", async (_what, username, password) => {
    const { port } = await startGateway({ authentication });
    expect(await withPassword(port, version, username, password)).toMatchObject(refusal(version, 4, 0x86));
  });

  it("is refused with neither name nor password [MQTT-3.1.4-2]", async () => {
    const { port } = await startGateway({ authentication });
    expect(await withPassword(port, version, undefined, undefined)).toMatchObject(refusal(version, 5, 0x87));
  });

  it("is let in with neither by a listener with allowAnonymous, and with a wrong password by none", async () => {
    const { port } = await startGateway({ authentication, ...open });
    expect(await withPassword(port, version, undefined, undefined)).toMatchObject(refusal(version, 0, 0));
    expect(await withPassword(port, version, "user", "pencil")).toMatchObject(refusal(version, 0, 0));
    expect(await withPassword(port, version, "user", "pen")).toMatchObject(refusal(version, 4, 0x86));
  });

  it("is asked for nothing where there are none", async () => {
    const { port } = await startGateway();
    expect(await withPassword(port, version, undefined, undefined)).toMatchObject(refusal(version, 0, 0));
    expect(await withPassword(port, version, "anybody", "anything")).toMatchObject(refusal(version, 0, 0));
  });

  it("finds those of a new configuration", async () => {
    const { gateway, port } = await startGateway({ authentication });
    await gateway.reconfigure(testConfig({ authentication: { users: { other: { password: pencilVerifier } } } }));
    // The listeners of the test have port 0 in both, and so stay as they are.
    expect(await withPassword(port, version, "user", "pencil")).toMatchObject(refusal(version, 4, 0x86));
    expect(await withPassword(port, version, "other", "pencil")).toMatchObject(refusal(version, 0, 0));
  });
});

describe("SCRAM-SHA-256", () => {
  const propertiesOf = (authenticationData: Buffer) => ({ authenticationMethod: METHOD, authenticationData });

  /** Goes through the exchange, up to the answer to the client's proof. */
  async function exchange(port: number, options: ScramClientOptions = user) {
    const client = await RawClient.open(port, 5);
    const scram = new ScramClient(options);
    client.connect({ clientId: "device", properties: propertiesOf(scram.first) });
    const challenge = await client.next();
    expect(challenge).toMatchObject({ cmd: "auth", reasonCode: 0x18, properties: { authenticationMethod: METHOD } });
    prove(client, scram, challenge);
    return { client, scram, answer: await client.next() };
  }

  function dataOf(packet: object): Buffer {
    return (
      (packet as { properties?: { authenticationData?: Buffer } }).properties?.authenticationData ?? Buffer.alloc(0)
    );
  }

  function prove(client: RawClient, scram: ScramClient, challenge: object): void {
    client.send({ cmd: "auth", reasonCode: 0x18, properties: propertiesOf(scram.final(dataOf(challenge))) });
  }

  it("lets a user in without the password on the way, and the gateway proves that it knows it too [MQTT-4.12.0-2] [MQTT-4.12.0-5]", async () => {
    const { gateway, port } = await startGateway({ authentication });
    const { client, scram, answer } = await exchange(port);
    expect(answer).toMatchObject({ cmd: "connack", reasonCode: 0, properties: { authenticationMethod: METHOD } });
    expect(dataOf(answer).toString()).toBe(scram.expected);
    expect(gateway.broker.clients.device).toMatchObject({ authenticated: { method: METHOD, username: "user" } });
    await client.ping();
  });

  it.each([
    ["a wrong password", { username: "user", password: "pen" }],
    ["an unknown name, who is asked for a proof like others", { username: "nobody", password: "pencil" }],
  ])("refuses %s with 0x87 [MQTT-4.12.0-4]", async (_what, options) => {
    const { port } = await startGateway({ authentication });
    const { client, answer } = await exchange(port, options);
    expect(answer).toMatchObject({ cmd: "connack", reasonCode: 0x87 });
    await client.closed;
  });

  it("is not known where there are no users, until a new configuration has some [MQTT-4.12.0-1]", async () => {
    const { gateway, port } = await startGateway();
    const client = await RawClient.open(port, 5);
    client.connect({ clientId: "device", properties: propertiesOf(new ScramClient(user).first) });
    expect(await client.next()).toMatchObject({ cmd: "connack", reasonCode: 0x8c });
    await gateway.reconfigure(testConfig({ authentication }));
    expect((await exchange(port)).answer).toMatchObject({ cmd: "connack", reasonCode: 0 });
  });

  it("authenticates again while connected; a wrong proof ends the connection with 0x87 [MQTT-4.12.1-1] [MQTT-4.12.1-2]", async () => {
    const { port } = await startGateway({ authentication });
    const { client } = await exchange(port);
    const again = async (scram: ScramClient) => {
      client.send({ cmd: "auth", reasonCode: 0x19, properties: propertiesOf(scram.first) });
      prove(client, scram, await client.next("auth"));
    };
    const right = new ScramClient({ ...user, nonce: "another" });
    await again(right);
    const answer = await client.next();
    expect(answer).toMatchObject({ cmd: "auth", reasonCode: 0 });
    expect(dataOf(answer).toString()).toBe(right.expected);
    await again(new ScramClient({ username: "user", password: "pen" }));
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x87 }]);
  });

  it("finds the users of a new configuration when it authenticates again", async () => {
    const { gateway, port } = await startGateway({ authentication });
    const { client } = await exchange(port);
    await gateway.reconfigure(testConfig({ authentication: { users: { other: { password: pencilVerifier } } } }));
    const scram = new ScramClient(user);
    client.send({ cmd: "auth", reasonCode: 0x19, properties: propertiesOf(scram.first) });
    prove(client, scram, await client.next("auth"));
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x87 }]);
  });

  it("with data that is no SCRAM message is refused, and the gateway lives on", async () => {
    const { port } = await startGateway({ authentication });
    for (const data of [Buffer.from([0xff]), Buffer.from("n,,n=user"), Buffer.from("p=tls-unique,,n=user,r=abc")]) {
      const client = await RawClient.open(port, 5);
      client.connect({ properties: propertiesOf(data) });
      const [last] = await client.ending();
      expect(last).toMatchObject({ cmd: "connack" });
      expect((last as { reasonCode?: number }).reasonCode).toBeGreaterThanOrEqual(0x80);
    }
    expect(await withPassword(port, 5, "user", "pencil")).toMatchObject({ reasonCode: 0 });
  });
});
