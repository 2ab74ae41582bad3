import mqttPacket from "mqtt-packet";
import { describe, expect, it } from "vitest";
import type { QoS } from "../../src/protocol/packet-type.ts";
import { readPublish, writeAcknowledgement, writePublish } from "../../src/protocol/publish-frame.ts";
import { TopicReader } from "../../src/protocol/topic-reader.ts";
import { WireSlab } from "../../src/protocol/wire-slab.ts";
import { standingOn } from "../support/standing-on.ts";

const topics = ["a", "sensors/1/temperature", "größe/°C", "🌡/x", "x".repeat(300)];
const payloads = [0, 1, 64, 95, 96, 97, 127, 128, 16_000, 70_000].map((bytes) => Buffer.alloc(bytes, bytes % 251));
const cases = topics.flatMap((topic) =>
  payloads.flatMap((payload) =>
    ([0, 1, 2] as QoS[]).map((qos) => ({
      topic,
      payload,
      qos,
      retain: payload.length % 2 === 0,
      dup: qos > 0 && payload.length % 3 === 0,
    })),
  ),
);

const topicReader = () => new TopicReader({ topicBytesMax: 4096, topicLevelsMax: 100 });

/** Hexadecimal frames and what is wrong with them. */
const malformed: [string, string][] = [
  ["30 00", "no topic"],
  ["30 01 00", "half a topic length"],
  ["30 03 00 05 61", "a topic longer than the packet"],
  ["32 03 00 01 61", "no packet id at QoS 1"],
  ["32 04 00 01 61 00", "half a packet id"],
  ["32 05 00 01 61 00 00", "packet id 0 [MQTT-2.3.1-1]"],
  ["36 05 00 01 61 00 01", "QoS 3 [MQTT-3.3.1-4]"],
  ["38 03 00 01 61", "DUP at QoS 0 [MQTT-3.3.1-2]"],
  ["30 02 00 00", "an empty topic [MQTT-4.7.3-1]"],
  ["30 03 00 01 23", "# in the topic [MQTT-3.3.2-2]"],
  ["30 03 00 01 2b", "+ in the topic [MQTT-3.3.2-2]"],
  ["30 03 00 01 00", "U+0000 in the topic [MQTT-1.5.3-2]"],
  ["30 03 00 01 ff", "a byte that is not UTF-8 [MQTT-1.5.3-1]"],
  ["30 05 00 03 ed a0 80", "a surrogate [MQTT-1.5.3-1]"],
  ["30 04 00 02 c0 af", "an overlong form [MQTT-1.5.3-1]"],
];

describe("PUBLISH frames", () => {
  it("are written as mqtt-packet writes them", () => {
    for (const { topic, payload, qos, retain, dup } of cases) {
      const slab = new WireSlab(4096);
      const place = writePublish(slab, { topic, payload, qos, retain }, 4711, dup, null);
      const expected = mqttPacket.generate({
        cmd: "publish",
        topic,
        payload,
        qos,
        retain,
        dup,
        ...(qos > 0 ? { messageId: 4711 } : {}),
      });
      expect(
        place.buffer.subarray(place.start, place.end).equals(expected),
        `${topic.slice(0, 9)} ${payload.length} ${qos}`,
      ).toBe(true);
      expect(place.buffer.subarray(place.payloadAt, place.end).equals(payload)).toBe(true);
    }
  });

  it("are read as they were written", () => {
    const names = topicReader();
    for (const { topic, payload, qos, retain, dup } of cases) {
      const messageId = qos > 0 ? 65_535 : 0;
      const bytes = mqttPacket.generate({
        cmd: "publish",
        topic,
        payload,
        qos,
        retain,
        dup,
        ...(qos > 0 ? { messageId } : {}),
      });
      const packet = readPublish(standingOn(bytes), names, null);
      expect({ ...packet, payload: packet.payload.equals(payload) }).toEqual({
        cmd: "publish",
        topic,
        payload: true,
        qos,
        retain,
        dup,
        messageId,
        properties: undefined,
        isPlain: qos === 0 && !retain,
      });
    }
  });

  it("lie side by side in the slab, as long as it has room", () => {
    const slab = new WireSlab(64);
    const fields = { topic: "a", payload: Buffer.from("b"), qos: 0 as const, retain: false };
    const first = { ...writePublish(slab, fields, 0, false, null) };
    const second = { ...writePublish(slab, fields, 0, false, null) };
    expect([second.buffer, second.start]).toEqual([first.buffer, first.end]);
    const large = { ...writePublish(slab, { ...fields, payload: Buffer.alloc(1000) }, 0, false, null) };
    expect(large.buffer).not.toBe(first.buffer);
    expect(large.buffer.length).toBeGreaterThanOrEqual(1000);
  });

  it.each(malformed)("are refused: %s, %s", (hex) => {
    const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
    const refused = { code: expect.stringMatching(/^ERR_(MALFORMED_PACKET|TOPIC_INVALID)$/) };
    expect(() => readPublish(standingOn(bytes), topicReader(), null)).toThrow(expect.objectContaining(refused));
  });
});

describe("acknowledgements", () => {
  it("are written as mqtt-packet writes them", () => {
    for (const [cmd, firstByte] of [
      ["puback", 0x40],
      ["pubrec", 0x50],
      ["pubrel", 0x62],
      ["pubcomp", 0x70],
    ] as const) {
      const slab = new WireSlab(64);
      const start = writeAcknowledgement(slab, firstByte, 0x1234);
      expect(slab.buffer.subarray(start, start + 4)).toEqual(mqttPacket.generate({ cmd, messageId: 0x1234 }));
    }
  });

  it("have a reason code where it is not success (MQTT 5, 3.4.2.1)", () => {
    const slab = new WireSlab(64);
    const start = writeAcknowledgement(slab, 0x40, 0x1234, 0x10);
    expect(slab.buffer.subarray(start, start + 5).toString("hex")).toBe("4003123410");
    expect(writeAcknowledgement(slab, 0x40, 1)).toBe(start + 5);
  });
});
