import { describe, expect, it } from "vitest";
import { devicePair } from "../support/device-pair.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { publishNumbered } from "../support/publish-numbered.ts";
import { RawClient } from "../support/raw-client.ts";

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

describe("order and window", () => {
  it.each([1, 2] as const)(
    "resends unacknowledged QoS %i publishes on reconnect in order, with DUP and the same packet id [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1]",
    async (qos) => {
      const { publisher, subscriber, back } = await devicePair(2);
      await publishNumbered(publisher, qos, 1, 10);
      const first = await messagesSoFar(subscriber);
      await subscriber.cut();
      const second = await messagesSoFar(await back());
      expect(first.map(({ payload }) => payload)).toEqual(numbers(1, 10));
      expect(second).toEqual(first.map((message) => ({ ...message, dup: true })));
    },
  );

  it("resends what is left after some acknowledgements came out of order [MQTT-4.4.0-1] [MQTT-4.6.0-1]", async () => {
    const { publisher, subscriber, back } = await devicePair(1);
    await publishNumbered(publisher, 1, 1, 6);
    const first = await messagesSoFar(subscriber);
    for (const n of [5, 2, 3]) subscriber.send({ cmd: "puback", messageId: first[n - 1]?.messageId as number });
    await subscriber.ping();
    await subscriber.cut();
    const second = await messagesSoFar(await back());
    expect(second).toEqual([1, 4, 6].map((n) => ({ ...first[n - 1], dup: true })));
  });

  it.each([1, 2] as const)(
    "sends at most 100 unacknowledged QoS %i messages; the rest follows as they are settled, in order",
    async (qos) => {
      const { publisher, subscriber } = await devicePair(2);
      await publishNumbered(publisher, qos, 1, 250);
      const first = await messagesSoFar(subscriber);
      expect(first.map(({ payload }) => payload)).toEqual(numbers(1, 100));
      const received = [...first];
      for (let n = 0; n < 250; n++) {
        const messageId = (received[n] ?? (await subscriber.message())).messageId as number;
        subscriber.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId });
        if (qos === 2) subscriber.send({ cmd: "pubcomp", messageId });
        received.push(...(await messagesSoFar(subscriber)));
        expect(received.length).toBe(Math.min(250, 101 + n));
      }
      expect(received.map(({ payload }) => payload)).toEqual(numbers(1, 250));
    },
  );

  it("keeps a QoS 2 message in the window until PUBCOMP", async () => {
    const { publisher, subscriber } = await devicePair(2, { sessions: { inFlightMax: 1 } });
    await publishNumbered(publisher, 2, 1, 2);
    const messageId = (await subscriber.message()).messageId as number;
    subscriber.send({ cmd: "pubrec", messageId });
    expect(await messagesSoFar(subscriber)).toEqual([]);
    subscriber.send({ cmd: "pubcomp", messageId });
    expect(await payloadsSoFar(subscriber)).toEqual(["2"]);
  });

  it("has a window of sessions.inFlightMax, across reconnects too", async () => {
    const { publisher, subscriber, back } = await devicePair(1, { sessions: { inFlightMax: 3 } });
    await publishNumbered(publisher, 1, 1, 8);
    expect(await payloadsSoFar(subscriber)).toEqual(numbers(1, 3));
    await subscriber.cut();
    const again = await back();
    const resent = await messagesSoFar(again);
    expect(resent.map(({ payload, dup }) => [payload, dup])).toEqual(numbers(1, 3).map((n) => [n, true]));
    again.send({ cmd: "puback", messageId: resent[0]?.messageId as number });
    expect(await messagesSoFar(again)).toMatchObject([{ payload: "4", dup: false }]);
  });

  it("never lets newer messages overtake those that are sent again [MQTT-4.6.0-1] [MQTT-4.6.0-6]", async () => {
    const { publisher, subscriber, back } = await devicePair(1, { sessions: { inFlightMax: 5 } });
    await publishNumbered(publisher, 1, 1, 8);
    await messagesSoFar(subscriber);
    await subscriber.cut();
    await publishNumbered(publisher, 1, 9, 12);
    const again = await back();
    publisher.publish("t/n", "13", { qos: 1, messageId: 13 });
    const received: string[] = [];
    while (received.length < 13) {
      const { payload, messageId } = await again.message();
      received.push(payload);
      again.send({ cmd: "puback", messageId: messageId as number });
    }
    expect(received).toEqual(numbers(1, 13));
    expect(await messagesSoFar(again)).toEqual([]);
  });

  it.each([0, 1, 2] as const)(
    "keeps the order of a publisher's QoS %i messages on one topic [MQTT-4.6.0-5] [MQTT-4.6.0-6]",
    async (qos) => {
      const { publisher, subscriber } = await devicePair(2, { sessions: { inFlightMax: 1000 } });
      await publishNumbered(publisher, qos, 1, 500);
      expect(await payloadsSoFar(subscriber)).toEqual(numbers(1, 500));
    },
  );

  it("gives no packet id that is in use, however many messages later [MQTT-2.3.1-4] [MQTT-4.3.2-1]", async () => {
    const { port, publisher, subscriber } = await devicePair(1);
    const other = await RawClient.connected(port, { clientId: "other" });
    await other.subscribe({ other: 0 });
    await publishAcknowledged(publisher, "t/a", "first");
    const first = await subscriber.message();
    // A whole round of packet ids, less one: the next message would have the first one's.
    const flood = Buffer.concat(
      new Array(65_534).fill(Buffer.from("30080005 6f74686572 78".replaceAll(" ", ""), "hex")),
    );
    publisher.bytes(flood);
    await publisher.ping();
    await publishAcknowledged(publisher, "t/a", "second");
    await publishAcknowledged(publisher, "t/a", "third");
    const ids = [first, ...(await messagesSoFar(subscriber))].map(({ messageId }) => messageId);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(3);
  });
});
