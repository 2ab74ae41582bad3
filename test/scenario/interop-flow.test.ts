import { describe, expect, it } from "vitest";
import { startGateway } from "../support/start-gateway.ts";
import { hasMosquitto, Mosquitto, properties } from "./mosquitto-clients.ts";
import { carriers, MqttJsClient, urlOf } from "./mqtt-js-client.ts";

/** Topics in turn, more of them than there are aliases. */
const topics = Array.from({ length: 200 }, (_, number) => `room/${number % 40}/temperature`);
const sentBy = ({ client }: MqttJsClient) => {
  const sent: { topic: string; properties?: { topicAlias?: number } }[] = [];
  client.on("packetsend", (packet) => packet.cmd === "publish" && sent.push(packet as never));
  return sent;
};

describe.each(carriers)("topic aliases of an MQTT.js client over %s", (carrier) => {
  it("are understood, as many as CONNACK allows", async () => {
    const running = await startGateway();
    const reader = await MqttJsClient.connected(urlOf(carrier, running));
    await reader.client.subscribeAsync("room/#", { qos: 1 });
    const writer = await MqttJsClient.connected(urlOf(carrier, running), { autoAssignTopicAlias: true });
    expect(writer.connack.properties?.topicAliasMaximum).toBeGreaterThan(0);
    const sent = sentBy(writer);
    for (const topic of [...topics, ...Array<string>(10).fill(topics[0]!)]) {
      await writer.client.publishAsync(topic, topic, { qos: 1 });
    }
    expect(sent.filter(({ topic }) => topic === "").length).toBeGreaterThan(0);
    for (const message of await reader.take(topics.length + 10)) expect(message.topic).toBe(message.payload);
  });

  it("are understood where it names them itself", async () => {
    const running = await startGateway();
    const reader = await MqttJsClient.connected(urlOf(carrier, running));
    await reader.client.subscribeAsync("#", { qos: 1 });
    const writer = await MqttJsClient.connected(urlOf(carrier, running), { autoUseTopicAlias: true });
    const sent = sentBy(writer);
    await writer.client.publishAsync("a/b", "named", { qos: 1, properties: { topicAlias: 3 } });
    await writer.client.publishAsync("a/b", "used", { qos: 1 });
    expect(sent.map(({ topic }) => topic)).toEqual(["a/b", ""]);
    expect(await reader.take(2)).toMatchObject([
      { topic: "a/b", payload: "named" },
      { topic: "a/b", payload: "used" },
    ]);
  });

  it("are used towards it, no more than it allows, and never without a topic first", async () => {
    const running = await startGateway();
    const options = { properties: { topicAliasMaximum: 5 } };
    const reader = await MqttJsClient.connected(urlOf(carrier, running), options);
    await reader.client.subscribeAsync("room/#", { qos: 1 });
    const writer = await MqttJsClient.connected(urlOf(carrier, running));
    for (const topic of topics) await writer.client.publishAsync(topic, topic, { qos: 1 });
    for (const message of await reader.take(topics.length)) expect(message.properties.topicAlias ?? 1).toBeLessThan(6);
    const publishes = reader.packets.filter(({ cmd }) => cmd === "publish") as { topic: string; payload: Buffer }[];
    expect(publishes.filter(({ topic }) => topic === "").length).toBeGreaterThan(0);
    // MQTT.js ends the connection over an alias that it does not know.
    expect(reader.client.connected).toBe(true);
  });

  it("start anew with each connection", async () => {
    const running = await startGateway();
    const session = { clientId: "reader", clean: false };
    const options = { ...session, properties: { topicAliasMaximum: 5, sessionExpiryInterval: 60 } };
    const first = await MqttJsClient.connected(urlOf(carrier, running), options);
    await first.client.subscribeAsync("a/b", { qos: 1 });
    const writer = await MqttJsClient.connected(urlOf(carrier, running));
    for (const payload of ["1", "2"]) await writer.client.publishAsync("a/b", payload, { qos: 1 });
    await first.take(2);
    await first.client.endAsync();
    await writer.client.publishAsync("a/b", "3", { qos: 1 });
    const second = await MqttJsClient.connected(urlOf(carrier, running), options);
    await writer.client.publishAsync("a/b", "4", { qos: 1 });
    expect((await second.take(2)).map(({ payload }) => payload)).toEqual(["3", "4"]);
  });
});

describe.skipIf(!hasMosquitto)("a topic alias of mosquitto_pub", () => {
  it("is understood, and is not passed on", async () => {
    const running = await startGateway();
    const mosquitto = new Mosquitto(running);
    const printer = await mosquitto.subscribed("-t", "a", "-C", "1", "-F", "%t|%A|%p");
    await mosquitto.publish("-t", "a", "-m", "x", ...properties("publish", ["topic-alias", "1"]));
    expect((await printer.ended).lines).toEqual(["a||x"]);
  });

  it("beyond the maximum ends its connection with 0x94", async () => {
    const running = await startGateway();
    const given = properties("publish", ["topic-alias", "65535"]);
    const { lines } = await new Mosquitto(running).publish("-t", "a", "-m", "x", "-q", "1", "-d", ...given);
    expect(lines).toContain("Received DISCONNECT (148)");
    expect(running.log.complaints).toMatchObject([{ text: expect.stringContaining("alias") }]);
  });
});

describe.each(carriers)("the receive maximum of an MQTT.js client over %s", (carrier) => {
  it.each([1, 3])("is kept to at QoS 2, or it would end the connection: %i", async (receiveMaximum) => {
    const running = await startGateway();
    const options = { properties: { receiveMaximum } };
    const reader = await MqttJsClient.connected(urlOf(carrier, running), options);
    await reader.client.subscribeAsync("a", { qos: 2 });
    const writer = await MqttJsClient.connected(urlOf(carrier, running));
    const payloads = Array.from({ length: 100 }, (_, number) => `${number}`);
    await Promise.all(payloads.map((payload) => writer.client.publishAsync("a", payload, { qos: 2 })));
    expect((await reader.take(100)).map(({ payload }) => payload)).toEqual(payloads);
    expect(reader.client.connected).toBe(true);
  });
});

describe("the maximum packet size of a receiver", () => {
  it.each(carriers)("keeps what is larger from MQTT.js over %s, and lets others have it", async (carrier) => {
    const running = await startGateway();
    const options = { properties: { maximumPacketSize: 200 } };
    const small = await MqttJsClient.connected(urlOf(carrier, running), options);
    const large = await MqttJsClient.connected(urlOf(carrier, running));
    for (const { client } of [small, large]) await client.subscribeAsync("a", { qos: 2 });
    const payloads = ["first", "x".repeat(300), "last"];
    for (const [qos, payload] of payloads.entries())
      await large.client.publishAsync("a", payload, { qos: qos as 0 | 1 | 2 });
    expect((await large.take(3)).map(({ payload }) => payload)).toEqual(payloads);
    expect((await small.take(2)).map(({ payload }) => payload)).toEqual(["first", "last"]);
    expect(running.log.complaints).toMatchObject([{ fields: { reason: "too-large", messages: 1 } }]);
  });

  it.skipIf(!hasMosquitto)("keeps what is larger from mosquitto_sub", async () => {
    const running = await startGateway();
    const limit = properties("connect", ["maximum-packet-size", "100"]);
    const mosquitto = new Mosquitto(running);
    const reader = await mosquitto.subscribed("-t", "a", "-q", "1", "-C", "2", ...limit);
    for (const payload of ["first", "x".repeat(300), "last"])
      await mosquitto.publish("-t", "a", "-m", payload, "-q", "1");
    expect((await reader.ended).lines).toEqual(["first", "last"]);
  });
});
