import { randomBytes } from "node:crypto";
import type { IClientOptions } from "mqtt";
import type { IAuthPacket, Packet } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { runCommandLine } from "../../src/command/run-command-line.ts";
import { ScramClient } from "../authentication/scram-client.ts";
import { capturedContext } from "../command/captured-context.ts";
import { startGateway } from "../support/start-gateway.ts";
import { hasMosquitto, Mosquitto } from "./mosquitto-clients.ts";
import { carriers, MqttJsClient, urlOf } from "./mqtt-js-client.ts";

const method = "SCRAM-SHA-256";
const alice = { username: "alice", password: "in wonderland, 1865=old" };

/** What `waypost passwd alice` prints for this password, put into a configuration. */
async function gatewayOfAlice(changes: object = {}) {
  const { context, stdout } = capturedContext([Buffer.from(`${alice.password}\n`)]);
  await runCommandLine(["passwd", alice.username], context);
  return startGateway({ ...parse(stdout.text), ...changes });
}

const freshScram = ({ username, password } = alice) =>
  new ScramClient({ username, password, nonce: randomBytes(18).toString("base64") });

const authOf = (reasonCode: number, authenticationData: Buffer) => {
  const properties = { authenticationMethod: method, authenticationData };
  return { cmd: "auth", reasonCode, properties } as IAuthPacket;
};

/** Has MQTT.js answer what the gateway asks for; resolves with the AUTH that ends an exchange while connected. */
function answersBy(scram: ScramClient, { client }: MqttJsClient): Promise<IAuthPacket> {
  return new Promise((resolve) => {
    client.handleAuth = (packet: IAuthPacket, callback: (error?: Error, packet?: Packet) => void) => {
      const isAsked = packet.reasonCode === 0x18;
      if (!isAsked) resolve(packet);
      callback(undefined, isAsked ? authOf(0x18, scram.final(packet.properties!.authenticationData!)) : undefined);
    };
  });
}

/** An MQTT.js client that proves by SCRAM who it is. */
function scramClient(url: string, who = alice) {
  const scram = freshScram(who);
  const properties = { authenticationMethod: method, authenticationData: scram.first };
  const client = new MqttJsClient(url, { properties });
  void answersBy(scram, client);
  return { client, scram };
}

describe.each(carriers)("SCRAM-SHA-256 by the handleAuth of MQTT.js over %s", (carrier) => {
  it("lets in who knows the password, and proves that the gateway knows it as well", async () => {
    const running = await gatewayOfAlice();
    const { client, scram } = scramClient(urlOf(carrier, running));
    await client.event("connect");
    expect(client.connack.properties?.authenticationMethod).toBe(method);
    expect(client.connack.properties?.authenticationData?.toString()).toBe(scram.expected);
    await client.client.subscribeAsync("a", { qos: 1 });
    await client.client.publishAsync("a", "hello", { qos: 1 });
    expect(await client.message()).toMatchObject({ payload: "hello" });
  });

  it.each([
    ["a wrong password", { ...alice, password: "through the looking-glass" }],
    ["nobody's name", { ...alice, username: "bob" }],
  ])("refuses %s with 0x87, and tells the two not apart", async (_what, who) => {
    const running = await gatewayOfAlice();
    const { client } = scramClient(urlOf(carrier, running), who);
    expect(await client.event("error")).toMatchObject({ code: 0x87 });
    expect(client.packets.map(({ cmd }) => cmd)).toEqual(["auth", "connack"]);
    expect(client.connack.properties?.reasonString).toMatch(/user name or password is wrong/);
  });

  it("authenticates again while it is connected", async () => {
    const running = await gatewayOfAlice();
    const { client } = scramClient(urlOf(carrier, running));
    await client.event("connect");
    const again = freshScram();
    const answered = answersBy(again, client);
    // MQTT.js has no public way to begin it.
    const { _sendPacket: send } = client.client as unknown as { _sendPacket(packet: Packet): void };
    send.call(client.client, authOf(0x19, again.first));
    expect((await answered).properties?.authenticationData?.toString()).toBe(again.expected);
    expect(client.client.connected).toBe(true);
  });

  it("refuses a method that it does not know with 0x8C", async () => {
    const running = await gatewayOfAlice();
    const properties = { authenticationMethod: "GS2-KRB5", authenticationData: Buffer.from("x") };
    const client = new MqttJsClient(urlOf(carrier, running), { properties });
    expect(await client.event("error")).toMatchObject({ code: 0x8c });
  });
});

describe.each(carriers)("user name and password of MQTT.js over %s", (carrier) => {
  it.each([3, 4, 5] as const)("are checked in protocol version %i", async (protocolVersion) => {
    const running = await gatewayOfAlice();
    const protocolId = protocolVersion === 3 ? "MQIsdp" : "MQTT";
    const connect = (options: IClientOptions) =>
      MqttJsClient.connected(urlOf(carrier, running), { protocolVersion, protocolId, clientId: "lamp", ...options });
    await connect(alice);
    const codes = protocolVersion === 5 ? { wrong: 0x86, none: 0x87 } : { wrong: 4, none: 5 };
    await expect(connect({ ...alice, password: "wrong" })).rejects.toMatchObject({ code: codes.wrong });
    await expect(connect({})).rejects.toMatchObject({ code: codes.none });
  });
});

describe.skipIf(!hasMosquitto)("mosquitto_pub -u and -P", () => {
  it.each([
    ["mqttv5", 0x86, 0x87],
    ["mqttv311", 4, 5],
    ["mqttv31", 4, 5],
  ] as const)(
    "let in who knows the password, and exit with the code of the refusal: %s",
    async (version, wrong, none) => {
      const running = await gatewayOfAlice();
      const codeOf = async (...who: string[]) =>
        (await new Mosquitto(running, version, who).publish("-t", "a", "-m", "x", "-q", "1")).code;
      expect(await codeOf("-u", alice.username, "-P", alice.password)).toBe(0);
      expect(await codeOf("-u", alice.username, "-P", "wrong")).toBe(wrong);
      expect(await codeOf("-u", alice.username)).toBe(wrong);
      expect(await codeOf("-u", "bob", "-P", alice.password)).toBe(wrong);
      expect(await codeOf()).toBe(none);
    },
  );

  it("are not asked for where a listener lets strangers in, but must be right where they are given", async () => {
    const listeners = { mqtt: { type: "tcp", port: 0, allowAnonymous: true } };
    const running = await gatewayOfAlice({ listeners });
    const codeOf = async (...who: string[]) =>
      (await new Mosquitto(running, "mqttv5", who).publish("-t", "a", "-m", "x", "-q", "1")).code;
    expect(await codeOf()).toBe(0);
    expect(await codeOf("-u", alice.username, "-P", "wrong")).toBe(0x86);
  });
});
