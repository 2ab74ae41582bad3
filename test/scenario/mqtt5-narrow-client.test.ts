import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { startGateway } from "../support/start-gateway.ts";
import { Device5 } from "./mqtt5-device.ts";

const livesSeconds = 3600;
const tooSmall = { properties: { maximumPacketSize: 4 } };

describe("a client that takes no packet as large as its CONNACK", () => {
  it("leaves no session: however often it comes, others find room for theirs [MQTT-3.1.2-24]", async () => {
    const { gateway, port } = await startGateway({ sessions: { countMax: 3 } });
    for (let i = 1; i <= 5; i++) {
      const gone = once(gateway.broker, "clientDisconnect");
      await expect(Device5.connect(port, `narrow ${i}`, { livesSeconds, ...tooSmall })).rejects.toThrow("closed");
      await gone;
    }
    for (let i = 1; i <= 3; i++) {
      expect((await Device5.connect(port, `wide ${i}`, { livesSeconds })).connack?.reasonCode).toBe(0);
    }
    expect((await Device5.connect(port, "narrow 1", { livesSeconds: 0, clean: false })).sessionPresent).toBe(false);
  });

  it.each([livesSeconds, 0])(
    "leaves the session that it has as it is, though it asks for one of %i s",
    async (seconds) => {
      const { gateway, port } = await startGateway();
      const device = await Device5.connect(port, "device", { livesSeconds });
      await device.subscribe({ t: 1 });
      await device.disconnect();
      const gone = once(gateway.broker, "clientDisconnect");
      const narrow = Device5.connect(port, "device", { livesSeconds: seconds, clean: false, ...tooSmall });
      await expect(narrow).rejects.toThrow("closed");
      await gone;
      const publisher = await Device5.connect(port, "publisher");
      expect(await publisher.publishWhole("t", "x")).toBe(0);
      const back = await Device5.connect(port, "device", { livesSeconds, clean: false });
      expect(back.sessionPresent).toBe(true);
      expect(await back.payloads()).toEqual(["x"]);
    },
  );
});

describe("a message with a topic alias", () => {
  // With its alias the packet would be five bytes longer: both of its lengths take one more byte then.
  const WITHOUT_ALIAS = 16_384;
  const topic = "a/longer/topic";
  const properties = { userProperties: { k: "v".repeat(120) } };
  const payload = "x".repeat(16_251 + 1 - topic.length);

  it.each([0, 1, 2, 3, 4, 5, 6])(
    "is never over the maximum packet size: with %i bytes to spare it is sent as it fits [MQTT-3.1.2-24]",
    async (spare) => {
      const { port } = await startGateway();
      const maximumPacketSize = WITHOUT_ALIAS + spare;
      const device = await Device5.connect(port, "device", { properties: { maximumPacketSize, topicAliasMaximum: 5 } });
      await device.subscribe({ [topic]: 0 });
      const publisher = await Device5.connect(port, "publisher");
      const before = device.bytes.length;
      publisher.publish(topic, payload, { properties });
      const message = await device.message();
      expect(message).toMatchObject({ topic, payload });
      const alias = message.properties.topicAlias;
      expect(device.bytes.length - before).toBe(alias === undefined ? WITHOUT_ALIAS : WITHOUT_ALIAS + 5);
      expect(alias).toBe(spare < 5 ? undefined : 1);
    },
  );
});
