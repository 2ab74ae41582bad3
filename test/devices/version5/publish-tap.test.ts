import { PassThrough } from "node:stream";
import { generate, type IPublishPacket, type Packet } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { PublishTap } from "../../../devices/version5/publish-tap.ts";

const generous = { aliasMaximum: 10, receiveMaximum: undefined };
const pairs = [{ a: "1" }, { b: "x" }, { a: "" }] as never;

function publish(topic: string, more: Partial<IPublishPacket> = {}): Packet {
  return { cmd: "publish", topic, payload: "x".repeat(200), qos: 0, dup: false, retain: false, ...more };
}

/** A tap that has heard these packets, in chunks of so many bytes, and what it found fault with. */
function tapped(packets: Packet[], limits: ConstructorParameters<typeof PublishTap>[1] = generous, chunkBytes = 7) {
  const stream = new PassThrough();
  const faults: string[] = [];
  const tap = new PublishTap(stream, limits, (what) => faults.push(what));
  const bytes = Buffer.concat(packets.map((packet) => generate(packet, { protocolVersion: 5 })));
  for (let at = 0; at < bytes.length; at += chunkBytes) stream.emit("data", bytes.subarray(at, at + chunkBytes));
  return { tap, faults };
}

describe("what an MQTT 5 device reads besides MQTT.js", () => {
  it.each([1, 2, 7, 64, 10_000])("are properties in their order, in chunks of %i bytes", (chunkBytes) => {
    const properties = { userProperties: pairs, contentType: "text/plain", messageExpiryInterval: 7 };
    const packets = [
      publish("a", { properties }),
      { cmd: "pingresp" } as const,
      publish("b", { qos: 1, messageId: 9 }),
    ];
    const { tap, faults } = tapped(packets, generous, chunkBytes);
    expect(tap.take(packets[0] as IPublishPacket)).toMatchObject({
      userProperties: [
        ["a", "1"],
        ["b", "x"],
        ["a", ""],
      ],
      contentType: "text/plain",
      expirySeconds: 7,
    });
    expect(tap.take(packets[2] as IPublishPacket)).toMatchObject({ userProperties: [], contentType: undefined });
    expect(faults).toEqual([]);
  });

  it("are topics behind aliases", () => {
    const { tap, faults } = tapped([
      publish("a", { properties: { topicAlias: 3 } }),
      publish("", { properties: { topicAlias: 3 } }),
    ]);
    tap.take(publish("a") as IPublishPacket);
    const second = publish("") as IPublishPacket;
    tap.take(second);
    expect(second.topic).toBe("a");
    expect(faults).toEqual([]);
  });
});

describe("an MQTT 5 device finds fault with a gateway", () => {
  it("that uses a topic alias beyond its maximum", () => {
    const { faults } = tapped([publish("a", { properties: { topicAlias: 3 } })], { ...generous, aliasMaximum: 2 });
    expect(faults).toEqual([expect.stringContaining("beyond the device's maximum")]);
  });

  it("that uses a topic alias that it never set", () => {
    const { faults } = tapped([publish("", { properties: { topicAlias: 3 } })]);
    expect(faults).toEqual([expect.stringContaining("not set")]);
  });

  it("that sends more than its receive maximum, and not when it has acknowledged in between", () => {
    const packets = [1, 2, 3].map((messageId) => publish("a", { qos: 1, messageId }));
    const limits = { aliasMaximum: 0, receiveMaximum: 2 };
    expect(tapped(packets, limits).faults).toEqual([expect.stringContaining("receive maximum")]);
    const stream = new PassThrough();
    const faults: string[] = [];
    const tap = new PublishTap(stream, limits, (what) => faults.push(what));
    for (const packet of packets) {
      stream.emit("data", generate(packet, { protocolVersion: 5 }));
      tap.acknowledged(packet.messageId!);
    }
    expect(faults).toEqual([]);
  });

  it("that sends what is no MQTT", () => {
    const stream = new PassThrough();
    const faults: string[] = [];
    new PublishTap(stream, generous, (what) => faults.push(what));
    stream.emit("data", Buffer.from([0x30, 0x05, 0x00, 0x01, 0x61, 0x01, 0x99]));
    expect(faults).toEqual([expect.stringContaining("no MQTT")]);
  });
});
