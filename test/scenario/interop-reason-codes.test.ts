import { describe, expect, it } from "vitest";
import { startGateway } from "../support/start-gateway.ts";
import { hasMosquitto, Mosquitto } from "./mosquitto-clients.ts";
import { carriers, MqttJsClient, urlOf } from "./mqtt-js-client.ts";

describe.each(carriers)("what MQTT.js over %s is told", (carrier) => {
  const connected = async (options = {}, changes = {}) => {
    const running = await startGateway(changes);
    const self = await MqttJsClient.connected(urlOf(carrier, running), options);
    return { ...running, url: urlOf(carrier, running), self, client: self.client };
  };

  it("when the gateway stops: 0x8B", async () => {
    const { gateway, self } = await connected();
    const [code] = await Promise.all([self.closed(), gateway.stop()]);
    expect(code).toBe(0x8b);
  });

  it("when another takes its client id: 0x8E", async () => {
    const { url, self } = await connected({ clientId: "lamp" });
    const [code] = await Promise.all([self.closed(), MqttJsClient.connected(url, { clientId: "lamp" })]);
    expect(code).toBe(0x8e);
  });

  it("when it sends more than CONNACK allows: 0x95", async () => {
    const { self, client } = await connected({}, { limits: { packetBytesMax: 1024 } });
    expect(self.connack.properties).toMatchObject({ maximumPacketSize: 1024 });
    client.publish("a", "x".repeat(2000), { qos: 1 }, () => {});
    expect(await self.closed()).toBe(0x95);
  });

  it("when it wants a session that may not be: 0x85, with a reason in words", async () => {
    const { url } = await connected();
    const refused = new MqttJsClient(url, { clientId: "x".repeat(300) });
    expect(await refused.event("error")).toMatchObject({ code: 0x85 });
    const { properties } = refused.packets[0] as { properties?: { reasonString?: string } };
    expect(properties?.reasonString).toMatch(/client id of 300 bytes is over the limit of 256/);
  });

  it("when it publishes to nobody: 0x10, which is no error, at QoS 1 and 2", async () => {
    const { self, client } = await connected();
    for (const qos of [1, 2] as const) await client.publishAsync("nobody", "x", { qos });
    const answers = self.packets.filter(({ cmd }) => cmd === "puback" || cmd === "pubrec");
    expect(answers).toMatchObject([
      { cmd: "puback", reasonCode: 0x10 },
      { cmd: "pubrec", reasonCode: 0x10 },
    ]);
  });

  it("when it may not publish: a failure of this message only", async () => {
    const { gateway, client } = await connected();
    gateway.broker.authorizePublish = (_client, { topic }, done) => done(topic === "a" ? new Error("not here") : null);
    for (const qos of [1, 2] as const) {
      await expect(client.publishAsync("a", "x", { qos })).rejects.toMatchObject({ code: 0x87 });
    }
    await client.publishAsync("b", "x", { qos: 2 });
    expect(client.connected).toBe(true);
  });

  it("when its payload is not the text that it says: 0x99", async () => {
    const { client } = await connected({}, { protocol: { payloadFormatChecked: true } });
    const options = { qos: 1, properties: { payloadFormatIndicator: true } } as const;
    await expect(client.publishAsync("a", Buffer.of(0xff), options)).rejects.toMatchObject({ code: 0x99 });
    await client.publishAsync("a", "text", options);
  });

  it("for each filter of a SUBSCRIBE", async () => {
    const { self, client } = await connected();
    client.subscribe({ "a/b": { qos: 2 }, "$share/g": { qos: 1 }, "$queue/x": { qos: 0 } }, () => {});
    while (self.packets.at(-1)?.cmd !== "suback") await new Promise((resolve) => client.once("packetreceive", resolve));
    expect(self.packets.at(-1)).toMatchObject({ granted: [2, 0x8f, 0x8f] });
  });

  it("when it unsubscribes from what it had not subscribed to: 0x11", async () => {
    const { self, client } = await connected();
    await client.subscribeAsync("a");
    await client.unsubscribeAsync(["a", "b"]);
    expect(self.packets.at(-1)).toMatchObject({ cmd: "unsuback", granted: [0, 0x11] });
  });

  it("of what the gateway cannot do, before it asks for it", async () => {
    const protocol = { qosMax: 1, wildcardSubscriptions: false, sharedSubscriptions: false, topicAliasesMax: 0 };
    const { self, client } = await connected({}, { protocol, retained: { messagesMax: 0 } });
    expect(self.connack.properties).toMatchObject({
      maximumQoS: 1,
      retainAvailable: false,
      wildcardSubscriptionAvailable: false,
      sharedSubscriptionAvailable: false,
    });
    client.publish("a", "x", { qos: 2 }, () => {});
    expect(await self.closed()).toBe(0x9b);
  });
});

describe.skipIf(!hasMosquitto)("what Mosquitto's programs show", () => {
  it("of a message to nobody", async () => {
    const mosquitto = new Mosquitto(await startGateway());
    expect((await mosquitto.publish("-t", "a", "-m", "x", "-q", "1", "-d")).lines).toContainEqual(
      expect.stringMatching(/received PUBACK \(Mid: 1, RC:16\)$/),
    );
  });

  it("of a subscription that is refused", async () => {
    const mosquitto = new Mosquitto(await startGateway());
    const { lines, stderr } = await mosquitto.subscribe("-t", "$share/g", "-d");
    expect(lines).toContain("Subscribed (mid: 1): 143");
    expect(stderr).toContain("All subscription requests were denied");
  });

  it("of a takeover, and of a gateway that stops", async () => {
    const running = await startGateway();
    const mosquitto = new Mosquitto(running);
    const reader = () => mosquitto.subscribed("-i", "lamp", "-t", "a", "-d");
    const [first, second] = [await reader(), await reader()];
    expect((await first.ended).lines).toContain("Received DISCONNECT (142)");
    const said = { fields: { device: "lamp" }, text: "another connection takes over the client id" };
    expect(running.log.lines).toContainEqual(expect.objectContaining(said));
    await running.gateway.stop();
    expect((await second.ended).lines).toContain("Received DISCONNECT (139)");
  });

  it("of a client id that is too long, by their exit code", async () => {
    const mosquitto = new Mosquitto(await startGateway());
    const { code, stderr } = await mosquitto.publish("-t", "a", "-m", "x", "-i", "x".repeat(300));
    expect(code).toBe(0x85);
    expect(stderr).toContain("Client Identifier not valid");
  });
});
