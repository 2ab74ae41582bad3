import { describe, expect, it } from "vitest";
import { connected5 } from "../support/client-5.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { type Restarts, restarts } from "../support/restarts.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();
const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);
const device = (on: Restarts, properties: object = {}) =>
  connected5(on.port, { clientId: "device", clean: false, lives: 1000, properties });

async function publish(on: Restarts, qos: 1 | 2, payloads: string[]): Promise<void> {
  const publisher = await RawClient.connected(on.port, { clientId: "publisher" });
  for (const payload of payloads) await publishAcknowledged(publisher, "t", payload, { qos });
  await publisher.disconnect();
}

/** A gateway with a subscribed device that is away. */
async function house(qos: 1 | 2) {
  const before = await restarts(root);
  const client = await device(before);
  await client.subscribe({ t: qos });
  await client.disconnect();
  return before;
}

describe.each(["stopped", "killed"] as const)("after the gateway was %s", (how) => {
  describe.each([1, 2] as const)("at QoS %i", (qos) => {
    it("what was in flight is sent again within a smaller receive maximum, in order [MQTT-4.4.0-1] [MQTT-3.3.4-9]", async () => {
      const before = await house(qos);
      const client = await device(before, { receiveMaximum: 5 });
      await publish(before, qos, numbers(8));
      expect((await messagesSoFar(client)).map(({ payload }) => payload)).toEqual(numbers(5));
      const after = await before[how]();
      const back = await device(after, { receiveMaximum: 2 });
      const seen: string[] = [];
      while (seen.length < 8) {
        const some = await messagesSoFar(back);
        if (qos === 1 || some.length > 0) expect(some.length).toBeLessThanOrEqual(2);
        for (const { payload, messageId } of some) {
          seen.push(payload);
          if (qos === 1) back.send({ cmd: "puback", messageId: messageId as number });
          else {
            back.send({ cmd: "pubrec", messageId: messageId as number });
            await back.next("pubrel");
            back.send({ cmd: "pubcomp", messageId: messageId as number });
          }
        }
      }
      expect(seen).toEqual(numbers(8));
    });

    it("what was too large for the device does not come back [MQTT-3.1.2-25]", async () => {
      const before = await house(qos);
      await publish(before, qos, ["x".repeat(200), "small"]);
      const narrow = await device(before, { maximumPacketSize: 50 });
      expect(await payloadsSoFar(narrow)).toEqual(["small"]);
      await narrow.disconnect();
      const after = await before[how]();
      expect(await payloadsSoFar(await device(after))).toEqual(["small"]);
    });

    it("what the device refused does not come back [MQTT-4.4.0-2]", async () => {
      const before = await house(qos);
      await publish(before, qos, ["refused", "taken up"]);
      const client = await device(before);
      const { messageId } = await client.message();
      client.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId: messageId as number, reasonCode: 0x83 });
      await client.ping();
      await client.disconnect();
      const after = await before[how]();
      expect(await payloadsSoFar(await device(after))).toEqual(["taken up"]);
    });
  });
});
