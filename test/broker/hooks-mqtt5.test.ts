import { describe, expect, it } from "vitest";
import type { AedesOptions } from "../../src/broker/edge-broker.ts";
import { connected5 } from "../support/client-5.ts";
import { field } from "../support/frame.ts";
import { messagesSoFar } from "../support/messages-so-far.ts";
import { RawClient } from "../support/raw-client.ts";
import { type WireProperty, wireProperties } from "../support/wire-properties.ts";
import { embed } from "./embedded.ts";

const coded = (text: string, reasonCode: number) => Object.assign(new Error(text), { reasonCode }) as never;
const user: WireProperty[] = [
  { name: "userProperty", value: ["b", "1"] },
  { name: "userProperty", value: ["a", "2"] },
  { name: "userProperty", value: ["b", "3"] },
];

/** A broker with a receiver of everything, which is told identifiers of its subscriptions, and a sender. */
async function pair(options: AedesOptions = {}) {
  const { broker, port } = await embed(options);
  const receiver = await connected5(port, { clientId: "receiver" });
  await receiver.subscribe({ "#": 2 });
  const sender = await connected5(port, { clientId: "sender" });
  return { broker, port, receiver, sender };
}

describe("authorizePublish", () => {
  it("sees what the publisher said of the message", async () => {
    let seen: unknown;
    const { sender, receiver } = await pair({
      authorizePublish(_client, packet, callback) {
        seen = packet.properties;
        callback(null);
      },
    });
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 100,
      contentType: "kind",
      responseTopic: "answer",
      correlationData: Buffer.from([1, 2]),
      userProperties: { a: "1", b: ["2", "3"] },
    };
    sender.publish("t", "x", { properties });
    expect(await receiver.message()).toMatchObject({ properties });
    expect(seen).toMatchObject(properties);
  });

  it.each([0, 1, 2] as const)("that changes nothing leaves the bytes as they are, at QoS %i", async (qos) => {
    const { sender, receiver } = await pair({ authorizePublish: (_client, _packet, callback) => callback(null) });
    const id = qos > 0 ? [0, 1] : [];
    const bytes = Buffer.concat([field("t"), Buffer.from(id), wireProperties(user), Buffer.from("x")]);
    sender.bytes(Buffer.concat([Buffer.from([0x30 | (qos << 1), bytes.length]), bytes]));
    await receiver.message();
    expect(receiver.received.includes(wireProperties(user))).toBe(true);
  });

  it.each([0, 1, 2] as const)("may change, add and remove them, at QoS %i", async (qos) => {
    const { sender, receiver } = await pair({
      authorizePublish(_client, packet, callback) {
        if (packet.topic === "changed") (packet.properties as { contentType: string }).contentType = "changed";
        if (packet.topic === "added") packet.properties = { userProperties: { added: "yes" } };
        if (packet.topic === "removed") delete packet.properties;
        callback(null);
      },
    });
    const options = (messageId: number) => (qos > 0 ? { qos, messageId } : {});
    const properties = { contentType: "kind" };
    sender.publish("changed", "x", { ...options(1), properties });
    sender.publish("added", "x", options(2));
    sender.publish("removed", "x", { ...options(3), properties });
    expect(await receiver.message()).toMatchObject({ properties: { contentType: "changed" } });
    expect(await receiver.message()).toMatchObject({ properties: { userProperties: { added: "yes" } } });
    expect((await receiver.message()).properties).toBeUndefined();
  });

  it.each([
    [1, "puback", "quota", 0x97],
    [2, "pubrec", "quota", 0x97],
    [1, "puback", "plain", 0x87],
    [2, "pubrec", "plain", 0x87],
  ] as const)(
    "refuses one message at QoS %i by %s: %s is 0x%s, and the connection stays",
    async (qos, cmd, topic, reasonCode) => {
      const { sender, receiver } = await pair({
        authorizePublish(_client, packet, callback) {
          if (packet.topic === "quota") callback(coded("too much", 0x97));
          else callback(packet.topic === "plain" ? new Error("not there") : null);
        },
      });
      sender.publish(topic, "x", { qos, messageId: 1 });
      expect(await sender.next(cmd)).toMatchObject({ messageId: 1, reasonCode });
      sender.publish(topic, "x");
      await sender.ping();
      expect(await messagesSoFar(receiver)).toEqual([]);
    },
  );
});

describe("authorizeSubscribe", () => {
  it("sees the options of MQTT 5, and may refuse one filter with a reason code while the connection stays", async () => {
    const seen: unknown[] = [];
    const { port } = await embed({
      authorizeSubscribe(_client, subscription, callback) {
        seen.push({ ...subscription });
        if (subscription.topic === "quota") return callback(coded("too many", 0x97), null);
        if (subscription.topic === "error") return callback(new Error("not you"), null);
        callback(null, subscription.topic === "null" ? null : subscription);
      },
    });
    const client = await connected5(port, { clientId: "c" });
    const options = { qos: 2, nl: true, rap: true, rh: 1 } as const;
    expect(await client.subscribe({ yes: options, quota: 1, error: 1, null: 1 })).toEqual([2, 0x97, 0x87, 0x87]);
    expect(seen[0]).toEqual({ topic: "yes", ...options });
    await client.ping();
  });
});

describe("authorizeForward", () => {
  it("sees the properties, and may change them for one receiver", async () => {
    const seen: unknown[] = [];
    const { port, sender, receiver } = await pair({
      authorizeForward(client, packet) {
        seen.push((packet.properties as { contentType?: string } | undefined)?.contentType);
        return client.id === "receiver" ? packet : { ...packet, properties: { contentType: "for you" } };
      },
    });
    const other = await connected5(port, { clientId: "other" });
    const old = await RawClient.connected(port, { clientId: "old" });
    for (const client of [other, old]) await client.subscribe({ t: 1 });
    sender.publish("t", "x", { qos: 1, messageId: 1, properties: { contentType: "kind" } });
    expect(await receiver.message()).toMatchObject({ properties: { contentType: "kind" } });
    expect(await other.message()).toMatchObject({ properties: { contentType: "for you" } });
    expect(await old.message()).toMatchObject({ payload: "x" });
    expect(seen).toEqual(["kind", "kind", "kind"]);
  });
});

describe("published, and the event publish", () => {
  it("see the properties", async () => {
    const seen: unknown[] = [];
    const kindOf = (packet: { properties?: unknown }) =>
      (packet.properties as { contentType?: string } | undefined)?.contentType;
    const { broker, sender, receiver } = await pair({
      published(packet, _client, callback) {
        if (packet.topic === "t") seen.push(kindOf(packet));
        callback();
      },
    });
    broker.on("publish", (packet) => packet.topic === "t" && seen.push(kindOf(packet)));
    sender.publish("t", "x", { qos: 1, messageId: 1, properties: { contentType: "kind" } });
    await sender.next("puback");
    await receiver.message();
    expect(seen).toEqual(["kind", "kind"]);
  });

  it("published with an error closes the connection, with its reason code where it has one", async () => {
    const { port } = await pair({
      published: (packet, _client, callback) =>
        callback(
          packet.topic === "bad" ? coded("too much", 0x97) : packet.topic === "worse" ? new Error("no") : undefined,
        ),
    });
    for (const [topic, reasonCode] of [
      ["bad", 0x97],
      ["worse", 0x80],
    ] as const) {
      const client = await connected5(port, { clientId: topic });
      client.publish(topic, "x", { qos: 1, messageId: 1 });
      expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode }]);
    }
  });
});

describe("broker.publish and client.publish", () => {
  it("take properties", async () => {
    const { broker, receiver } = await pair();
    const properties = { contentType: "kind", userProperties: { a: ["1", "2"] }, messageExpiryInterval: 60 };
    const common = { cmd: "publish", payload: "x", qos: 1, dup: false, retain: false, properties } as const;
    broker.publish({ ...common, topic: "ours" }, () => {});
    expect(await receiver.message()).toMatchObject({ topic: "ours", properties });
    const client = broker.clients.receiver as unknown as { publish: (packet: object, done: () => void) => void };
    client.publish({ ...common, topic: "yours" }, () => {});
    expect(await receiver.message()).toMatchObject({ topic: "yours", properties });
  });
});
