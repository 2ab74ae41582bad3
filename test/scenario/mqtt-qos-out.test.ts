import { describe, expect, it } from "vitest";
import { devicePair } from "../support/device-pair.ts";
import { messagesSoFar } from "../support/messages-so-far.ts";
import { packetIds } from "../support/packet-ids.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { publishNumbered } from "../support/publish-numbered.ts";

describe("QoS 1 to a client", () => {
  it("waits for PUBACK, and is not sent again on the same connection [MQTT-4.3.2-1]", async () => {
    const { publisher, subscriber, back } = await devicePair(1);
    await publishAcknowledged(publisher, "t/a", "one");
    expect(await subscriber.message()).toMatchObject({ payload: "one", qos: 1, dup: false });
    await subscriber.ping();
    expect(await messagesSoFar(subscriber)).toEqual([]);
    await subscriber.cut();
    const again = await back();
    expect(await again.message()).toMatchObject({ payload: "one", qos: 1, dup: true });
  });

  it("is over with PUBACK: the message is not sent again [MQTT-4.3.2-1]", async () => {
    const { publisher, subscriber, back } = await devicePair(1);
    await publishAcknowledged(publisher, "t/a", "one");
    const { messageId } = await subscriber.message();
    subscriber.send({ cmd: "puback", messageId: messageId as number });
    await subscriber.ping();
    await subscriber.cut();
    expect(await messagesSoFar(await back())).toEqual([]);
  });

  it("is not over with PUBREC or PUBCOMP, or with the PUBACK of another message", async () => {
    const { publisher, subscriber, back } = await devicePair(1);
    await publishAcknowledged(publisher, "t/a", "one");
    const messageId = (await subscriber.message()).messageId as number;
    subscriber.send({ cmd: "pubrec", messageId });
    subscriber.send({ cmd: "pubcomp", messageId });
    subscriber.send({ cmd: "puback", messageId: messageId === 1 ? 2 : messageId - 1 });
    await subscriber.ping();
    expect(subscriber.packets).toEqual([]);
    await subscriber.cut();
    expect(await messagesSoFar(await back())).toMatchObject([{ payload: "one", dup: true, messageId }]);
  });
});

describe("QoS 2 to a client", () => {
  it("is PUBLISH, PUBREC, PUBREL, PUBCOMP with one packet id [MQTT-4.3.3-1]", async () => {
    const { publisher, subscriber, back } = await devicePair(2);
    await publishAcknowledged(publisher, "t/a", "once", { qos: 2 });
    const { messageId, qos, dup } = await subscriber.message();
    expect({ qos, dup }).toEqual({ qos: 2, dup: false });
    subscriber.send({ cmd: "pubrec", messageId: messageId as number });
    expect(await subscriber.next()).toMatchObject({ cmd: "pubrel", messageId });
    subscriber.send({ cmd: "pubcomp", messageId: messageId as number });
    await subscriber.ping();
    await subscriber.cut();
    const again = await back();
    await again.ping();
    expect(again.packets).toEqual([]);
  });

  it("is not sent again after PUBREC: only PUBREL is [MQTT-4.3.3-1] [MQTT-4.4.0-1]", async () => {
    const { publisher, subscriber, back } = await devicePair(2);
    await publishAcknowledged(publisher, "t/a", "once", { qos: 2 });
    const messageId = (await subscriber.message()).messageId as number;
    subscriber.send({ cmd: "pubrec", messageId });
    await subscriber.next("pubrel");
    await subscriber.cut();
    for (let times = 0; times < 2; times++) {
      const client = await back();
      await client.ping();
      expect(client.packets).toMatchObject([{ cmd: "pubrel", messageId }]);
    }
  });

  it("is sent again, with DUP, where PUBREC has not come [MQTT-4.3.3-1] [MQTT-4.4.0-1]", async () => {
    const { publisher, subscriber, back } = await devicePair(2);
    await publishAcknowledged(publisher, "t/a", "once", { qos: 2 });
    const { messageId } = await subscriber.message();
    await subscriber.cut();
    expect(await (await back()).message()).toMatchObject({ payload: "once", qos: 2, dup: true, messageId });
  });

  it("answers PUBRECs with PUBRELs in their order [MQTT-4.6.0-4]", async () => {
    const { publisher, subscriber } = await devicePair(2);
    await publishNumbered(publisher, 2, 1, 4);
    const ids = (await messagesSoFar(subscriber)).map(({ messageId }) => messageId as number);
    const shuffled = [ids[2], ids[0], ids[3], ids[1]] as number[];
    for (const messageId of shuffled) subscriber.send({ cmd: "pubrec", messageId });
    await subscriber.ping();
    expect(packetIds(subscriber, "pubrel")).toEqual(shuffled);
  });

  it("answers a PUBREC with PUBREL however often it comes, and whether the id is known or not", async () => {
    const { publisher, subscriber } = await devicePair(2);
    await publishAcknowledged(publisher, "t/a", "once", { qos: 2 });
    const messageId = (await subscriber.message()).messageId as number;
    const unknown = messageId === 9 ? 10 : 9;
    for (const id of [messageId, messageId, unknown]) subscriber.send({ cmd: "pubrec", messageId: id });
    await subscriber.ping();
    expect(packetIds(subscriber, "pubrel")).toEqual([messageId, messageId, unknown]);
  });

  it("survives a PUBCOMP that comes before PUBREC", async () => {
    const { publisher, subscriber, back } = await devicePair(2);
    await publishAcknowledged(publisher, "t/a", "once", { qos: 2 });
    const messageId = (await subscriber.message()).messageId as number;
    subscriber.send({ cmd: "pubcomp", messageId });
    await subscriber.ping();
    await subscriber.cut();
    expect(await (await back()).message()).toMatchObject({ payload: "once", dup: true, messageId });
  });
});
