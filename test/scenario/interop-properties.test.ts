import { describe, expect, it } from "vitest";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { hasMosquitto, Mosquitto, properties } from "./mosquitto-clients.ts";
import { carriers, MqttJsClient, urlOf } from "./mqtt-js-client.ts";

const root = temporaryDirectory();

const given = properties(
  "publish",
  ["payload-format-indicator", "1"],
  ["message-expiry-interval", "3600"],
  ["content-type", "text/plain"],
  ["response-topic", "answers/1"],
  ["correlation-data", "question 1"],
  ["user-property", "unit", "kelvin"],
  ["user-property", "room", "kitchen"],
  ["user-property", "unit", "celsius"],
);
/** How mosquitto_sub prints those: %P has user properties in their order. */
const format = "%t|%q|%r|%F|%C|%R|%D|%P|%p";
const printed = "1|text/plain|answers/1|question 1|unit:kelvin room:kitchen unit:celsius|hello";

/** The same as MQTT.js gives them: user properties by their names. */
const seen = {
  payloadFormatIndicator: true,
  contentType: "text/plain",
  responseTopic: "answers/1",
  correlationData: Buffer.from("question 1"),
  userProperties: { unit: ["kelvin", "celsius"], room: "kitchen" },
};

describe.skipIf(!hasMosquitto)("the properties of a message", () => {
  it.each(["0", "1", "2"])("come from mosquitto_pub to mosquitto_sub and MQTT.js at QoS %s", async (qos) => {
    const running = await startGateway();
    const mosquitto = new Mosquitto(running);
    const clients = await Promise.all(
      carriers.map((carrier) => MqttJsClient.connected(urlOf(carrier, running), { clientId: carrier })),
    );
    for (const { client } of clients) await client.subscribeAsync("a/#", { qos: 2 });
    const printer = await mosquitto.subscribed("-t", "a/#", "-q", "2", "-C", "1", "-F", format);
    await mosquitto.publish("-t", "a/b", "-m", "hello", "-q", qos, ...given);
    expect((await printer.ended).lines).toEqual([`a/b|${qos}|0|${printed}`]);
    for (const client of clients) {
      expect(await client.message()).toMatchObject({ topic: "a/b", qos: Number(qos), properties: seen });
    }
  });

  it.each(carriers)("come from MQTT.js over %s to mosquitto_sub", async (carrier) => {
    const running = await startGateway();
    const { client } = await MqttJsClient.connected(urlOf(carrier, running));
    const args = ["-t", "a/#", "-q", "2", "-C", "1", "-F", format];
    const printer = await new Mosquitto(running).subscribed(...args);
    const userProperties = [{ unit: "kelvin" }, { room: "kitchen" }, { unit: "celsius" }] as never;
    const options = { qos: 1, properties: { ...seen, userProperties } } as const;
    await client.publishAsync("a/b", "hello", options);
    expect((await printer.ended).lines).toEqual([`a/b|1|0|${printed}`]);
  });

  it.each(["stopped", "killed"] as const)(
    "are with those that waited and those that are retained when the gateway was %s",
    async (how) => {
      const before = await restarts(root);
      const session = ["-i", "lamp", "-c", "-t", "a/#", "-q", "2"];
      const mosquitto = new Mosquitto(before);
      await mosquitto.subscribe(...session, "-E");
      for (const qos of ["1", "2"]) await mosquitto.publish("-t", `a/${qos}`, "-m", "hello", "-q", qos, ...given);
      await mosquitto.publish("-t", "kept", "-m", "hello", "-q", "1", "-r", ...given);
      const after = await before[how]();
      const again = new Mosquitto(after);
      const waited = await again.subscribe(...session, "-C", "2", "-F", format);
      expect(waited.lines).toEqual([`a/1|1|0|${printed}`, `a/2|2|0|${printed}`]);
      const retained = await again.subscribe("-t", "kept", "-q", "1", "-C", "1", "-F", format);
      expect(retained.lines).toEqual([`kept|1|1|${printed}`]);
    },
  );

  it("of a will come when its client is gone, however it dies", async () => {
    const running = await startGateway();
    const mosquitto = new Mosquitto(running);
    const watcher = await MqttJsClient.connected(urlOf("WebSocket", running));
    await watcher.client.subscribeAsync("wills/#", { qos: 1 });
    const will = ["--will-topic", "wills/1", "--will-payload", "gone", "--will-qos", "1"];
    const ofWill = properties("will", ["content-type", "text/plain"], ["user-property", "who", "lamp"]);
    const device = await mosquitto.subscribed("-t", "x", ...will, ...ofWill);
    device.kill();
    expect(await watcher.message()).toMatchObject({
      payload: "gone",
      qos: 1,
      properties: { contentType: "text/plain", userProperties: { who: "lamp" } },
    });
    const other = await MqttJsClient.connected(urlOf("TCP", running), {
      will: { topic: "wills/2", payload: Buffer.from("gone too"), qos: 1, properties: { contentType: "text/html" } },
    });
    other.client.stream.destroy();
    expect(await watcher.message()).toMatchObject({ payload: "gone too", properties: { contentType: "text/html" } });
  });

  it("that a client gives with CONNECT, SUBSCRIBE, UNSUBSCRIBE and DISCONNECT do no harm", async () => {
    const running = await startGateway();
    const everywhere = ["connect", "subscribe", "unsubscribe", "disconnect"].flatMap((packet) =>
      properties(packet, ["user-property", "a", "1"], ["user-property", "a", "2"]),
    );
    const args = ["-t", "a", "-t", "b", "-U", "b", "-E", ...everywhere];
    expect(await new Mosquitto(running).subscribe(...args)).toMatchObject({ code: 0, stderr: "" });
    const { client } = await MqttJsClient.connected(urlOf("TCP", running), {
      properties: { userProperties: { a: ["1", "2"] } },
    });
    await client.subscribeAsync("a", { qos: 1, properties: { userProperties: { a: ["1", "2"] } } });
    await client.unsubscribeAsync("a", { properties: { userProperties: { a: "1" } } });
    await client.endAsync(false, { reasonCode: 0, properties: { userProperties: { a: "1" } } });
    expect(running.log.complaints).toEqual([]);
  });

  it("are left out for receivers of MQTT 3, and absent in what those publish", async () => {
    const running = await startGateway();
    const versions = ["mqttv31", "mqttv311", "mqttv5"] as const;
    const printers = [];
    for (const version of versions) {
      const args = ["-t", "a", "-q", "1", "-C", "3", "-F", "%q %P%C %p"];
      printers.push(await new Mosquitto(running, version).subscribed(...args));
    }
    for (const version of versions) {
      const more = version === "mqttv5" ? given : [];
      await new Mosquitto(running, version).publish("-t", "a", "-m", version, "-q", "2", ...more);
    }
    const plain = ["1  mqttv31", "1  mqttv311", "1  mqttv5"];
    const rich = [...plain.slice(0, 2), "1 unit:kelvin room:kitchen unit:celsiustext/plain mqttv5"];
    const all = await Promise.all(printers.map(({ ended }) => ended));
    expect(all.map(({ lines }) => lines)).toEqual([plain, plain, rich]);
  });
});
