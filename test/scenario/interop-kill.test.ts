import { describe, expect, it } from "vitest";
import { killableGateway } from "./killable-gateway.ts";
import { hasMosquitto, Mosquitto, properties } from "./mosquitto-clients.ts";
import { carriers, MqttJsClient, type MqttJsMessage, urlOf } from "./mqtt-js-client.ts";

const MESSAGES = 400;
/** Of those that arrive, this many before the gateway is killed, each time. */
const BETWEEN_KILLS = 100;

const session = (clientId: string) => {
  const properties = { sessionExpiryInterval: 3600 };
  return { clientId, clean: false, reconnectPeriod: 50, properties };
};

const numberOf = ({ payload }: MqttJsMessage) => Number(payload);

describe("a gateway that is killed with SIGKILL", () => {
  it.each(carriers.flatMap((carrier) => ([1, 2] as const).map((qos) => [carrier, qos] as const)))(
    "loses nothing between two MQTT.js clients over %s at QoS %i that come back by themselves",
    async (carrier, qos) => {
      const place = await killableGateway();
      let gateway = await place.start();
      const url = urlOf(carrier, place);
      const subscriber = await MqttJsClient.connected(url, session("subscriber"));
      await subscriber.client.subscribeAsync("a/#", { qos, properties: { subscriptionIdentifier: 9 } });
      const publisher = await MqttJsClient.connected(url, session("publisher"));
      const published = Array.from({ length: MESSAGES }, (_, number) => {
        const userProperties = { number: `${number}`, room: ["kitchen", "hall"] };
        return publisher.client.publishAsync(`a/${number}`, `${number}`, { qos, properties: { userProperties } });
      });
      const received: MqttJsMessage[] = [];
      const seen = new Set<number>();
      const receive = async (distinct: number) => {
        while (seen.size < distinct) {
          const message = await subscriber.message();
          received.push(message);
          seen.add(numberOf(message));
        }
      };
      for (let kill = 1; kill <= 2; kill++) {
        await receive(kill * BETWEEN_KILLS);
        await gateway.kill();
        gateway = await place.start();
      }
      await Promise.all(published);
      await receive(MESSAGES);
      if (qos === 2) expect(received).toHaveLength(MESSAGES);
      for (const message of received) {
        const userProperties = { number: message.payload, room: ["kitchen", "hall"] };
        const { properties } = message;
        expect(properties).toMatchObject({ userProperties, subscriptionIdentifier: 9 });
      }
      expect(await gateway.stop()).toBeUndefined();
    },
  );

  it.skipIf(!hasMosquitto)(
    "keeps what waits for mosquitto_sub, with its properties and what is left of its time",
    async () => {
      const { port, start } = await killableGateway();
      const gateway = await start();
      const mosquitto = new Mosquitto({ port });
      const device = ["-i", "lamp", "-c", "-x", "3600", "-q", "2", "-t", "a/#"];
      await mosquitto.subscribe(...device, "-E");
      const given = properties(
        "publish",
        ["message-expiry-interval", "3600"],
        ["user-property", "unit", "kelvin"],
        ["user-property", "unit", "celsius"],
      );
      for (const qos of ["1", "2"]) await mosquitto.publish("-t", `a/${qos}`, "-q", qos, "-m", "hello", ...given);
      await gateway.kill();
      await start();
      const { lines } = await mosquitto.subscribe(...device, "-C", "2", "-F", "%t %q %P %p %E");
      expect(lines).toEqual(
        ["1", "2"].map((qos) => expect.stringContaining(`a/${qos} ${qos} unit:kelvin unit:celsius hello `)),
      );
      for (const line of lines) expect(Number(line.split(" ").at(-1))).toBeGreaterThan(3000);
    },
  );

  it.skipIf(!hasMosquitto)(
    "publishes the will of a mosquitto_sub that was connected, with its properties",
    async () => {
      const { port, start } = await killableGateway();
      const gateway = await start();
      const mosquitto = new Mosquitto({ port });
      const watch = ["-i", "watcher", "-c", "-q", "1", "-t", "wills/#"];
      await mosquitto.subscribe(...watch, "-E");
      const will = ["--will-topic", "wills/lamp", "--will-payload", "gone", "--will-qos", "1"];
      // Its retained message tells that it is connected.
      await mosquitto.publish("-t", "a", "-m", "kept", "-r", "-q", "1");
      const given = properties("will", ["content-type", "text/plain"], ["user-property", "who", "lamp"]);
      const device = mosquitto.start("mosquitto_sub", "-i", "lamp", "-t", "a", ...will, ...given);
      await device.printed(1);
      await gateway.kill();
      device.kill();
      await start();
      const { lines } = await mosquitto.subscribe(...watch, "-C", "1", "-F", "%t %p %C %P");
      expect(lines).toEqual(["wills/lamp gone text/plain who:lamp"]);
    },
  );
});
