import { describe, expect, it } from "vitest";
import { startGateway } from "../support/start-gateway.ts";
import { hasMosquitto, Mosquitto, properties } from "./mosquitto-clients.ts";
import { carriers, MqttJsClient, type MqttJsMessage, urlOf } from "./mqtt-js-client.ts";

/** Answers each request with its payload in capitals, where and as the request asks for it. */
async function responder(url: string): Promise<MqttJsMessage[]> {
  const requests: MqttJsMessage[] = [];
  const { client } = await MqttJsClient.connected(url);
  client.on("message", (topic, payload, { qos, retain, dup, properties = {} }) => {
    requests.push({ topic, payload: payload.toString(), qos, retain, dup, properties });
    const { responseTopic = "", correlationData } = properties;
    const answer = { qos: 1, properties: correlationData === undefined ? {} : { correlationData } } as const;
    client.publish(responseTopic, payload.toString().toUpperCase(), answer);
  });
  await client.subscribeAsync("service/#", { qos: 1 });
  return requests;
}

describe.each(carriers)("a request to an MQTT.js responder over %s", (carrier) => {
  it.skipIf(!hasMosquitto)("of mosquitto_rr gets its answer", async () => {
    const running = await startGateway();
    const requests = await responder(urlOf(carrier, running));
    const correlation = properties("publish", ["correlation-data", "question 7"]);
    const asked = ["-t", "service/1", "-e", "answers/rr", "-m", "hello", "-q", "1", "-F", "%t %D %p"];
    const { code, lines } = await new Mosquitto(running).run("mosquitto_rr", ...asked, ...correlation);
    expect({ code, lines }).toEqual({ code: 0, lines: ["answers/rr question 7 HELLO"] });
    expect(requests).toMatchObject([{ topic: "service/1", properties: { responseTopic: "answers/rr" } }]);
  });

  it("of MQTT.js gets its answer on a topic below the one that CONNACK gives it", async () => {
    const running = await startGateway();
    await responder(urlOf(carrier, running));
    const options = { clientId: "caller", properties: { requestResponseInformation: true } };
    const caller = await MqttJsClient.connected(urlOf(carrier, running), options);
    const { responseInformation } = caller.connack.properties ?? {};
    expect(responseInformation).toBe("$reply/caller/");
    await caller.client.subscribeAsync(`${responseInformation}#`, { qos: 1 });
    const questions = ["one", "two", "three"].map((payload, index) => ({ payload, id: Buffer.of(index, 0, 255) }));
    for (const { payload, id } of questions) {
      const properties = { responseTopic: `${responseInformation}1`, correlationData: id };
      await caller.client.publishAsync("service/1", payload, { qos: 1, properties });
    }
    const answers = await caller.take(3);
    const answerTo = (id: Buffer) => answers.find(({ properties }) => properties.correlationData?.equals(id))?.payload;
    expect(questions.map(({ id }) => answerTo(id))).toEqual(["ONE", "TWO", "THREE"]);
  });

  it("that nobody serves is told so with the acknowledgement", async () => {
    const running = await startGateway();
    const caller = await MqttJsClient.connected(urlOf(carrier, running));
    const properties = { responseTopic: "answers/1" };
    await caller.client.publishAsync("service/nobody", "hello", { qos: 1, properties });
    expect(caller.packets.at(-1)).toMatchObject({ cmd: "puback", reasonCode: 0x10 });
  });
});

describe("response information", () => {
  it("is not given to who does not ask, and has no wildcard in it where the client id has", async () => {
    const running = await startGateway();
    const url = urlOf("TCP", running);
    const silent = await MqttJsClient.connected(url);
    expect(silent.connack.properties?.responseInformation).toBeUndefined();
    const odd = await MqttJsClient.connected(url, {
      clientId: "a/+",
      properties: { requestResponseInformation: true },
    });
    expect(odd.connack.properties?.responseInformation).toBe("$reply/a%2f%2b/");
  });
});
