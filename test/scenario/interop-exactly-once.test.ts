import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { startGateway } from "../support/start-gateway.ts";
import { MqttJsClient, urlOf } from "./mqtt-js-client.ts";

describe("MQTT.js that loses its connection when it has sent PUBREL", () => {
  it.each([4, 5] as const)(
    "hears on the next one that all is well, with protocol version %i",
    async (protocolVersion) => {
      const running = await startGateway();
      const reader = await MqttJsClient.connected(urlOf("TCP", running));
      await reader.client.subscribeAsync("a", { qos: 2 });
      const { client } = await MqttJsClient.connected(urlOf("TCP", running), {
        protocolVersion,
        clientId: "writer",
        clean: false,
        reconnectPeriod: 20,
        ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}),
      });
      // Without a reader its stream would not notice that it has ended.
      const gone = once(running.gateway.broker, "clientDisconnect").then(() => client.stream.destroy());
      client.once("packetreceive", () => {
        // PUBREC came: PUBREL leaves in this turn, and its answer is not read any more.
        client.stream.unpipe();
        client.once("packetsend", () => setImmediate(() => client.stream.end()));
      });
      // The PUBCOMP of 0x92 that a repeated PUBREL may get is no error during recovery, but MQTT.js takes it for one.
      await client.publishAsync("a", "once", { qos: 2 });
      await gone;
      await client.publishAsync("a", "next", { qos: 2 });
      expect((await reader.take(2)).map(({ payload }) => payload)).toEqual(["once", "next"]);
    },
  );
});
