import fc from "fast-check";
import mqttPacket, { type IPublishPacket } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import type { QoS } from "../../src/protocol/packet-type.ts";
import { type PublishExtras, publishBytes, readPublish, writePublish } from "../../src/protocol/publish-frame.ts";
import { InboundAliases } from "../../src/protocol/topic-aliases.ts";
import { TopicReader } from "../../src/protocol/topic-reader.ts";
import { WireSlab } from "../../src/protocol/wire-slab.ts";
import { anyProperties, anyTopic } from "../support/any-client-packet.ts";
import { field, frame } from "../support/frame.ts";
import { forwarded, saidBy } from "../support/said-by.ts";
import { standingOn } from "../support/standing-on.ts";
import { type WireProperty, wireProperty } from "../support/wire-properties.ts";

const topicReader = () => new TopicReader({ topicBytesMax: 65_535, topicLevelsMax: 100 });
const read = (bytes: Buffer, aliases = new InboundAliases(10)) =>
  readPublish(standingOn(bytes), topicReader(), aliases);
const fromHex = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

const anyExtras = fc.record({
  wire: anyProperties("publish").map((all) => all.filter(({ name }) => name !== "topicAlias")),
  topicAlias: fc.integer({ min: -65_535, max: 65_535 }),
  subscriptionIdentifiers: fc.option(fc.array(fc.integer({ min: 1, max: 268_435_455 }), { maxLength: 4 })),
});
const anyFields = fc.record({
  topic: anyTopic,
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  qos: fc.constantFrom<QoS>(0, 1, 2),
  retain: fc.boolean(),
});

function extrasOf(wire: WireProperty[], topicAlias: number, subscriptionIdentifiers: number[] | null): PublishExtras {
  const { bytes, expirySeconds } = forwarded(wire) as { bytes: Buffer; expirySeconds?: number };
  const properties = bytes.length > 0 ? bytes : null;
  return { properties, expirySeconds, topicAlias, subscriptionIdentifiers };
}

/** What a client of MQTT.js reads. */
function parsed(bytes: Buffer): IPublishPacket {
  const parser = mqttPacket.parser({ protocolVersion: 5 });
  const packets: unknown[] = [];
  parser.on("packet", (packet) => packets.push(packet));
  parser.on("error", (error) => packets.push(error));
  expect(parser.parse(bytes)).toBe(0);
  expect(packets).toHaveLength(1);
  return packets[0] as IPublishPacket;
}

describe("PUBLISH frames of MQTT 5 that the gateway writes", () => {
  it("say to a client of another make what they were written from", () => {
    fc.assert(
      fc.property(anyFields, anyExtras, fc.boolean(), (fields, { wire, topicAlias, subscriptionIdentifiers }, dup) => {
        const extras = extrasOf(wire, topicAlias, subscriptionIdentifiers);
        const place = writePublish(new WireSlab(64), fields, 4711, dup && fields.qos > 0, extras);
        const bytes = place.buffer.subarray(place.start, place.end);
        expect(bytes.length).toBe(publishBytes(fields, extras));
        const packet = parsed(Buffer.from(bytes));
        expect(packet).toMatchObject({
          topic: topicAlias > 0 ? "" : fields.topic,
          payload: fields.payload,
          qos: fields.qos,
          retain: fields.retain,
          dup: dup && fields.qos > 0,
        });
        expect(packet.messageId).toBe(fields.qos > 0 ? 4711 : undefined);
        expect(packet.properties ?? {}).toEqual(asMqttPacketSays(wire, topicAlias, subscriptionIdentifiers ?? []));
      }),
      { numRuns: 500 },
    );
  });

  it("carry the publisher's properties in the very bytes and in one piece [MQTT-3.3.2-17]", () => {
    fc.assert(
      fc.property(anyFields, anyExtras, (fields, { wire, topicAlias, subscriptionIdentifiers }) => {
        const extras = extrasOf(wire, topicAlias, subscriptionIdentifiers);
        const { buffer, start, payloadAt, packetIdAt } = writePublish(new WireSlab(64), fields, 1, false, extras);
        const bytes = extras.properties ?? Buffer.alloc(0);
        expect(buffer.subarray(payloadAt - bytes.length, payloadAt)).toEqual(bytes);
        if (fields.qos > 0) expect(buffer.readUInt16BE(packetIdAt)).toBe(1);
        else expect(packetIdAt).toBe(-1);
        expect(start).toBe(0);
      }),
    );
  });

  it("without extras are those of 3.1.1 with one more byte", () => {
    const none = { properties: null, expirySeconds: undefined, topicAlias: 0, subscriptionIdentifiers: null };
    const fields = { topic: "a", payload: Buffer.from("b"), qos: 1 as const, retain: false };
    const { buffer, start, end } = writePublish(new WireSlab(64), fields, 7, false, none);
    expect(buffer.subarray(start, end).toString("hex")).toBe("32070001610007" + "00" + "62");
  });
});

/** The same list of properties in the words of mqtt-packet, for which user properties are a map. */
function asMqttPacketSays(wire: readonly WireProperty[], topicAlias: number, identifiers: readonly number[]): object {
  const object: Record<string, unknown> = {};
  const user: Record<string, unknown> = Object.create(null);
  for (const { name, value } of wire) {
    if (name === "userProperty") {
      const [key, text] = value as [string, string];
      user[key] = user[key] ? [user[key], text].flat() : text; // mqtt-packet forgets an empty value when another follows
    } else object[name] = name === "payloadFormatIndicator" ? value === 1 : value;
  }
  if (Object.keys(user).length > 0) object.userProperties = user;
  if (topicAlias !== 0) object.topicAlias = Math.abs(topicAlias);
  if (identifiers.length > 0) object.subscriptionIdentifier = identifiers.length > 1 ? identifiers : identifiers[0];
  return object;
}

describe("PUBLISH frames of MQTT 5 that come in", () => {
  it("mean the topic of their alias [MQTT-3.3.2-12], with their own properties", () => {
    const aliases = new InboundAliases(10);
    const anyPublish = fc.record({ properties: anyProperties("publish"), payload: fc.uint8Array({ maxLength: 20 }) });
    fc.assert(
      fc.property(anyTopic, fc.integer({ min: 1, max: 10 }), anyPublish, (topic, alias, { properties, payload }) => {
        const own = [...properties.filter(({ name }) => name !== "topicAlias"), { name: "topicAlias", value: alias }];
        const section = Buffer.concat((own as WireProperty[]).map(wireProperty));
        fc.pre(section.length < 128);
        const [set, use] = [topic, ""].map((each) =>
          read(frame(0x30, field(each), [section.length], section, Buffer.from(payload)), aliases),
        );
        expect([set?.topic, use?.topic]).toEqual([topic, topic]);
        expect(use?.properties?.bytes ?? Buffer.alloc(0)).toEqual(
          (forwarded(own as WireProperty[]) as { bytes: Buffer }).bytes,
        );
        expect(use?.payload).toEqual(Buffer.from(payload));
      }),
    );
  });

  it("never reach the topic of before by an alias whose next topic was not accepted", () => {
    const aliases = new InboundAliases(10);
    const alias = Buffer.from([3, 0x23, 0, 1]);
    const refused = expect.objectContaining({ code: "ERR_TOPIC_INVALID" });
    expect(read(frame(0x30, field("door"), alias), aliases).topic).toBe("door");
    expect(() => read(frame(0x30, field("a/".repeat(101)), alias), aliases)).toThrow(refused);
    expect(() => read(frame(0x30, field(""), alias), aliases)).toThrow(refused);
    expect(read(frame(0x30, field("window"), alias), aliases).topic).toBe("window");
    expect(read(frame(0x30, field(""), alias), aliases).topic).toBe("window");
  });

  it("are plain only where their bytes can be sent on as they are", () => {
    const plain = read(fromHex("30 05 00 01 61 00 62"));
    expect(plain.isPlain).toBe(true);
    expect(plain).not.toHaveProperty("properties");
    for (const hex of ["31 05 00 01 61 00 62", "32 07 00 01 61 00 01 00 62", "30 07 00 01 61 02 01 01 62"]) {
      expect(read(fromHex(hex)).isPlain, hex).toBe(false);
    }
  });

  it("are not plain where their remaining length is longer than it need be [MQTT-1.5.5-1]", () => {
    expect(() => {
      const { isPlain } = read(fromHex("30 85 00 00 01 61 00 62"));
      expect(isPlain).toBe(false);
    }).not.toThrow();
  });

  const malformed = { code: "ERR_MALFORMED_PACKET" };
  const violation = { code: "ERR_PROTOCOL_VIOLATION" };

  it.each([
    ["no property length", "30 03 00 01 61", malformed],
    ["a property length that is cut off", "30 04 00 01 61 80", malformed],
    ["a property length of five bytes", "30 08 00 01 61 80 80 80 80 01", malformed],
    ["a property length that is longer than it need be [MQTT-1.5.5-1]", "30 05 00 01 61 80 00", malformed],
    ["properties longer than the packet", "30 06 00 01 61 05 01 01", malformed],
    ["neither topic nor topic alias (3.3.2.1)", "30 03 00 00 00", violation],
    ["an empty topic and other properties", "30 05 00 00 02 01 01", violation],
    ["an alias that was never set (3.3.2.3.4)", "30 06 00 00 03 23 00 01", violation],
    ["an alias over the maximum [MQTT-3.3.2-9]", "30 07 00 01 61 03 23 00 0b", { ...violation, reasonCode: 0x94 }],
    ["packet id 0 [MQTT-2.2.1-3]", "32 06 00 01 61 00 00 00", malformed],
    ["QoS 3 [MQTT-3.3.1-4]", "36 06 00 01 61 00 01 00", malformed],
    ["DUP at QoS 0 [MQTT-3.3.1-2]", "38 04 00 01 61 00", malformed],
    ["a wildcard in the topic [MQTT-3.3.2-2]", "30 04 00 01 23 00", { code: "ERR_TOPIC_INVALID" }],
  ])("are refused with %s", (_what, hex, error) => {
    expect(() => read(fromHex(hex))).toThrow(expect.objectContaining(error));
  });

  it("are read at every version as that version writes them", () => {
    const packet = {
      kind: "publish" as const,
      topic: "a",
      payload: Buffer.from([0, 1]),
      packetId: 9,
      dup: true,
      retain: true,
      qos: 2 as const,
      properties: [],
    };
    expect(saidBy(packet, 4)).toMatchObject({ messageId: 9, payload: Buffer.from([0, 1]) });
    const bytes = fromHex("3d 07 00 01 61 00 09 00 01");
    expect(readPublish(standingOn(bytes), topicReader(), null)).toMatchObject({ payload: Buffer.from([0, 1]) });
    expect(read(bytes)).toMatchObject({ payload: Buffer.from([1]), messageId: 9 });
  });
});
