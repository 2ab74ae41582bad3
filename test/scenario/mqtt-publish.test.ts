import { describe, expect, it } from "vitest";
import { field, frame } from "../support/frame.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

/** A publisher and a subscriber to the given filters. */
async function pair(filters: Record<string, 0 | 1 | 2>, changes: object = {}) {
  const running = await startGateway(changes);
  const publisher = await RawClient.connected(running.port, { clientId: "publisher" });
  const subscriber = await RawClient.connected(running.port, { clientId: "subscriber" });
  await subscriber.subscribe(filters);
  return { ...running, publisher, subscriber };
}

/** Waits for bytes on a connection whose packets are not parsed: those of the next chunk. */
async function rawAnswer(client: RawClient): Promise<Buffer> {
  return new Promise((resolve) => client.socket.once("data", resolve));
}

describe("a PUBLISH that breaks the rules", () => {
  it.each([
    ["DUP at QoS 0 [MQTT-3.3.1-2]", frame(0x38, field("a"), Buffer.from("x"))],
    ["QoS 3 [MQTT-3.3.1-4]", frame(0x36, field("a"), [0, 1], Buffer.from("x"))],
    ["a + in its topic [MQTT-3.3.2-2] [MQTT-4.7.1-1]", frame(0x30, field("a/+/b"), Buffer.from("x"))],
    ["a # in its topic [MQTT-3.3.2-2] [MQTT-4.7.1-1]", frame(0x30, field("a/#"), Buffer.from("x"))],
    ["an empty topic [MQTT-4.7.3-1]", frame(0x30, field(""), Buffer.from("x"))],
    ["no topic [MQTT-3.3.2-1]", frame(0x30)],
    ["a topic that is not UTF-8 [MQTT-3.3.2-1] [MQTT-1.5.3-1]", frame(0x30, field([0x61, 0xff]), Buffer.from("x"))],
    ["a surrogate in its topic [MQTT-1.5.3-1]", frame(0x30, field([0x61, 0xed, 0xa0, 0x80]), Buffer.from("x"))],
    ["U+0000 in its topic [MQTT-1.5.3-2] [MQTT-4.7.3-2]", frame(0x30, field([0x61, 0]), Buffer.from("x"))],
    ["packet id 0 at QoS 1 [MQTT-2.3.1-1]", frame(0x32, field("a"), [0, 0], Buffer.from("x"))],
    ["packet id 0 at QoS 2 [MQTT-2.3.1-1]", frame(0x34, field("a"), [0, 0], Buffer.from("x"))],
    ["no packet id at QoS 1 [MQTT-2.3.1-1]", frame(0x32, field("a"))],
  ])("reaches nobody and closes its connection: %s [MQTT-4.8.0-1]", async (_what, bytes) => {
    const { publisher, subscriber, log } = await pair({ "#": 2 });
    publisher.bytes(bytes);
    await publisher.closed;
    expect(publisher.packets).toEqual([]);
    expect(await messagesSoFar(subscriber)).toEqual([]);
    expect(log.complaints).toHaveLength(1);
  });
});

describe("the topic of a PUBLISH", () => {
  it.each([
    ["a zero width no-break space is not stripped [MQTT-1.5.3-3]", "\uFEFFa", "\uFEFFa", "a"],
    ["a name is not normalized [MQTT-4.7.3-4]", "caf\u00e9", "caf\u00e9", "cafe\u0301"],
    ["case matters", "Sport", "Sport", "sport"],
    ["a leading slash makes another topic", "/a", "/a", "a"],
    ["a trailing slash makes another topic", "a/", "a/", "a"],
    ["spaces are kept", "a b/ c", "a b/ c", "ab/c"],
    ["four-byte characters are kept", "\u{1F321}/out", "\u{1F321}/out", "out"],
    ["control characters are kept", "a\u0001", "a\u0001", "a"],
  ])("is taken as it is: %s", async (_what, filter, topic, other) => {
    const { publisher, subscriber } = await pair({ [filter]: 0 });
    publisher.publish(other, "other");
    publisher.publish(topic, "same");
    await publisher.ping();
    expect(await messagesSoFar(subscriber)).toMatchObject([{ topic, payload: "same" }]);
  });

  it("may be changed by authorizePublish, and is then delivered as changed [MQTT-3.3.2-3]", async () => {
    const { gateway, publisher, subscriber } = await pair({ "#": 1 });
    gateway.broker.authorizePublish = (_client, packet, done) => {
      packet.topic = "changed";
      done(null);
    };
    publisher.publish("original", "x");
    await publishAcknowledged(publisher, "original", "y");
    expect((await messagesSoFar(subscriber)).map(({ topic }) => topic)).toEqual(["changed", "changed"]);
  });

  it("may be as long as topicBytesMax, and a longer one closes the connection", async () => {
    const { publisher, subscriber, log } = await pair({ "#": 0 }, { limits: { topicBytesMax: 40 } });
    const longest = "ä".repeat(20);
    publisher.publish(longest, "fits");
    expect(await subscriber.message()).toMatchObject({ topic: longest });
    publisher.publish(`${longest}x`, "too long");
    await publisher.closed;
    expect(await messagesSoFar(subscriber)).toEqual([]);
    expect(log.complaints.map(({ fields }) => fields.code)).toEqual(["ERR_TOPIC_INVALID"]);
  });

  it("and a filter may have up to 65535 bytes where the configuration allows it [MQTT-4.7.3-3]", async () => {
    const longest = "x".repeat(65_535);
    const { publisher, subscriber } = await pair({ [longest]: 1 }, { limits: { topicBytesMax: 65_535 } });
    await publishAcknowledged(publisher, longest, "payload");
    expect(await messagesSoFar(subscriber)).toMatchObject([{ topic: longest, payload: "payload", qos: 1 }]);
  });

  it("reaches subscribers whose filter matches it, and is sent as it was published [MQTT-3.3.2-3]", async () => {
    const { publisher, subscriber } = await pair({ "sport/+/score": 0 });
    for (const topic of ["sport/a/score", "sport/a", "sport/a/score/x", "sport//score"])
      publisher.publish(topic, topic);
    await publisher.ping();
    const received = await messagesSoFar(subscriber);
    expect(received.map(({ topic }) => topic)).toEqual(["sport/a/score", "sport//score"]);
    expect(received.every(({ topic, payload }) => topic === payload)).toBe(true);
  });
});

describe("the delivery of a PUBLISH", () => {
  it("has a packet id at QoS 1 and 2 and none at QoS 0 [MQTT-2.3.1-1] [MQTT-2.3.1-4] [MQTT-2.3.1-5]", async () => {
    const { publisher, subscriber } = await pair({ a: 2 });
    subscriber.socket.removeAllListeners("data");
    const atQoS0 = rawAnswer(subscriber);
    publisher.publish("a", "xyz");
    expect((await atQoS0).toString("hex")).toBe(frame(0x30, field("a"), Buffer.from("xyz")).toString("hex"));
    const atQoS1 = rawAnswer(subscriber);
    publisher.publish("a", "xyz", { qos: 1, messageId: 77 });
    const bytes = await atQoS1;
    expect(bytes[0]).toBe(0x32);
    expect(bytes).toHaveLength(2 + 3 + 2 + 3);
    expect(bytes.readUInt16BE(5)).toBeGreaterThan(0);
  });

  it.each([1, 2] as const)(
    "does not pass on the DUP flag of its publisher at QoS %i [MQTT-3.3.1-3] [MQTT-4.3.2-1]",
    async (qos) => {
      const { publisher, subscriber } = await pair({ a: 2 });
      publisher.publish("a", "again", { qos, dup: true, messageId: 9 });
      expect(await subscriber.message()).toMatchObject({ payload: "again", qos, dup: false });
    },
  );

  it("has DUP 0 and QoS 0 where the publisher asked for QoS 0 [MQTT-4.3.1-1]", async () => {
    const { publisher, subscriber } = await pair({ a: 2 });
    publisher.publish("a", "once");
    expect(await subscriber.message()).toMatchObject({ qos: 0, dup: false, messageId: undefined });
  });

  it("carries payloads of any size and any bytes, the empty one included", async () => {
    const { publisher, subscriber } = await pair({ a: 1 });
    const sizes = [0, 1, 95, 96, 117, 120, 121, 122, 127, 128, 16_376, 16_383, 16_384, 65_536, 2_097_151, 3_000_000];
    const pattern = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const received: Buffer[] = [];
    for (const [index, size] of sizes.entries()) {
      publisher.publish("a", Buffer.alloc(size, pattern), { qos: index % 2 === 0 ? 0 : 1, messageId: 5 });
      const packet = await subscriber.next("publish");
      if (packet.cmd === "publish") received.push(Buffer.from(packet.payload));
      if (packet.messageId !== undefined) subscriber.send({ cmd: "puback", messageId: packet.messageId });
    }
    expect(received.map(({ length }) => length)).toEqual(sizes);
    expect(received.every((payload) => payload.equals(Buffer.alloc(payload.length, pattern)))).toBe(true);
  });

  it("goes once, at the highest granted QoS, to a device with overlapping subscriptions [MQTT-3.3.5-1]", async () => {
    const { publisher, subscriber } = await pair({ "a/+": 0, "a/b": 1, "#": 2 });
    publisher.publish("a/b", "most", { qos: 2, messageId: 1 });
    publisher.publish("a/c", "two", { qos: 1, messageId: 2 });
    await publisher.ping();
    expect(await messagesSoFar(subscriber)).toMatchObject([
      { payload: "most", qos: 2 },
      { payload: "two", qos: 1 },
    ]);
  });

  it("goes to the publisher itself where it subscribed", async () => {
    const { publisher } = await pair({ unused: 0 });
    await publisher.subscribe({ a: 1 });
    publisher.publish("a", "mine", { qos: 1, messageId: 3 });
    expect(await publisher.message()).toMatchObject({ payload: "mine", qos: 1 });
    expect(await publisher.next("puback")).toMatchObject({ messageId: 3 });
  });

  it("reaches every subscriber of the topic [MQTT-4.5.0-1]", async () => {
    const { port, publisher } = await pair({ unused: 0 });
    const subscribers = [];
    for (const qos of [0, 1, 2, 0, 1, 2] as const) {
      const subscriber = await RawClient.connected(port, { clientId: `subscriber-${subscribers.length}` });
      await subscriber.subscribe({ a: qos });
      subscribers.push(subscriber);
    }
    await publishAcknowledged(publisher, "a", "all", { qos: 2 });
    for (const [index, subscriber] of subscribers.entries()) {
      expect(await messagesSoFar(subscriber)).toMatchObject([{ payload: "all", qos: index % 3 }]);
    }
  });
});

describe("the answer to a PUBLISH", () => {
  it("is none at QoS 0, PUBACK at QoS 1 and PUBREC at QoS 2, with its packet id [MQTT-3.3.4-1] [MQTT-2.3.1-6]", async () => {
    const { publisher } = await pair({ unused: 0 });
    publisher.publish("a", "0");
    publisher.publish("a", "1", { qos: 1, messageId: 0x1234 });
    publisher.publish("a", "2", { qos: 2, messageId: 0xffff });
    await publisher.ping();
    expect(publisher.packets.map(({ cmd, messageId }) => [cmd, messageId])).toEqual([
      ["puback", 0x1234],
      ["pubrec", 0xffff],
    ]);
  });

  it("is the close of the connection where publishing is not authorized [MQTT-3.3.5-2]", async () => {
    const { gateway, publisher, subscriber } = await pair({ "#": 1 });
    gateway.broker.authorizePublish = (_client, packet, done) =>
      done(packet.topic === "forbidden" ? new Error("forbidden") : null);
    await publishAcknowledged(publisher, "allowed", "yes");
    publisher.publish("forbidden", "no", { qos: 1, messageId: 2 });
    await publisher.closed;
    expect(publisher.packets).toEqual([]);
    expect(await payloadsSoFar(subscriber)).toEqual(["yes"]);
  });
});
