import mqttPacket from "mqtt-packet";
import { describe, expect, it } from "vitest";
import {
  readAcknowledgement,
  readAuth,
  readDisconnect,
  readSubscribe,
  readUnsubscribe,
  writeControlPacket,
} from "../../src/protocol/control-packets.ts";
import { wirePacket } from "../support/client-packet.ts";
import { standingOn } from "../support/standing-on.ts";

const frameOf = (hex: string) => standingOn(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const malformed = expect.objectContaining({ code: "ERR_MALFORMED_PACKET" });
const violation = expect.objectContaining({ code: "ERR_PROTOCOL_VIOLATION", reasonCode: 0x82 });

describe("SUBSCRIBE and UNSUBSCRIBE", () => {
  it("are read with all their filters", () => {
    const subscriptions = [
      { topic: "a/#", qos: 2 as const },
      { topic: "ö", qos: 0 as const },
    ];
    const subscribe = mqttPacket.generate({ cmd: "subscribe", messageId: 7, subscriptions });
    expect(readSubscribe(standingOn(subscribe), 4)).toEqual({ cmd: "subscribe", messageId: 7, subscriptions });
    const unsubscribe = mqttPacket.generate({ cmd: "unsubscribe", messageId: 8, unsubscriptions: ["a", "b"] });
    const read = { cmd: "unsubscribe", messageId: 8, unsubscriptions: ["a", "b"] };
    expect(readUnsubscribe(standingOn(unsubscribe), 4)).toEqual(read);
  });

  it("are read in MQTT 5 with their options and properties (3.8.3.1)", () => {
    const subscribe = wirePacket(
      {
        kind: "subscribe",
        packetId: 7,
        subscriptions: [
          { filter: "a/#", options: 0b00_10_1_1_01 },
          { filter: "$share/g/b", options: 0b00_00_0_0_10 },
        ],
        properties: [{ name: "subscriptionIdentifier", value: 268_435_455 }],
      },
      5,
    );
    expect(readSubscribe(standingOn(subscribe), 5)).toEqual({
      cmd: "subscribe",
      messageId: 7,
      subscriptions: [
        { topic: "a/#", qos: 1, nl: true, rap: true, rh: 2 },
        { topic: "$share/g/b", qos: 2, nl: false, rap: false, rh: 0 },
      ],
      properties: { subscriptionIdentifier: 268_435_455 },
    });
  });

  it.each([
    ["no filter [MQTT-3.8.3-3]", "82 02 00 01"],
    ["packet id 0 [MQTT-2.3.1-1]", "82 06 00 00 00 01 61 00"],
    ["no packet id", "82 00"],
    ["QoS 3 [MQTT-3-8.3-4]", "82 06 00 01 00 01 61 03"],
    ["reserved bits in the QoS [MQTT-3-8.3-4]", "82 06 00 01 00 01 61 41"],
    ["a filter without QoS", "82 05 00 01 00 01 61"],
    ["a filter that is cut off", "82 05 00 01 00 05 61"],
    ["a filter that is not UTF-8 [MQTT-3.8.3-1]", "82 06 00 01 00 01 ff 00"],
  ])("SUBSCRIBE of 3.1.1 with %s is malformed", (_what, hex) => {
    expect(() => readSubscribe(frameOf(hex), 4)).toThrow(malformed);
  });

  it.each([
    ["reserved options [MQTT-3.8.3-5]", "82 07 00 01 00 00 01 61 40"],
    ["packet id 0 [MQTT-2.2.1-3]", "82 07 00 00 00 00 01 61 00"],
    ["properties that are cut off", "82 05 00 01 05 0b 01"],
  ])("SUBSCRIBE of MQTT 5 with %s is malformed", (_what, hex) => {
    expect(() => readSubscribe(frameOf(hex), 5)).toThrow(malformed);
  });

  it.each([
    ["no filter [MQTT-3.8.3-2]", "82 03 00 01 00"],
    ["QoS 3 (3.8.3.1)", "82 07 00 01 00 00 01 61 03"],
    ["retain handling 3 (3.8.3.1)", "82 07 00 01 00 00 01 61 30"],
    ["no local on a shared subscription [MQTT-3.8.3-4]", "82 10 00 01 00 00 0a 24 73 68 61 72 65 2f 67 2f 61 04"],
    ["a subscription identifier of 0 (3.8.2.1.2)", "82 09 00 01 02 0b 00 00 01 61 00"],
  ])("SUBSCRIBE of MQTT 5 with %s is a protocol error", (_what, hex) => {
    expect(() => readSubscribe(frameOf(hex), 5)).toThrow(violation);
  });

  it.each([
    ["no filter [MQTT-3.10.3-2]", "a2 02 00 01"],
    ["packet id 0 [MQTT-2.3.1-1]", "a2 05 00 00 00 01 61"],
    ["a filter that is not UTF-8 [MQTT-3.10.3-1]", "a2 05 00 01 00 01 ff"],
  ])("UNSUBSCRIBE with %s is malformed", (_what, hex) => {
    expect(() => readUnsubscribe(frameOf(hex), 4)).toThrow(malformed);
  });

  it("UNSUBSCRIBE of MQTT 5 with no filter is a protocol error [MQTT-3.10.3-2]", () => {
    expect(() => readUnsubscribe(frameOf("a2 03 00 01 00"), 5)).toThrow(violation);
  });
});

describe("DISCONNECT", () => {
  it("without a reason code is a normal one (3.14.2.1)", () => {
    for (const version of [3, 4, 5] as const)
      expect(readDisconnect(frameOf("e0 00"), version)).toEqual({ reasonCode: 0 });
  });

  it("is read with its reason code and properties", () => {
    expect(readDisconnect(frameOf("e0 01 04"), 5)).toEqual({ reasonCode: 4 });
    const read = { reasonCode: 0, properties: { sessionExpiryInterval: 60 } };
    expect(readDisconnect(frameOf("e0 07 00 05 11 00 00 00 3c"), 5)).toEqual(read);
  });

  it("with a body is malformed before MQTT 5", () => {
    for (const version of [3, 4] as const)
      expect(() => readDisconnect(frameOf("e0 01 00"), version)).toThrow(malformed);
  });

  it.each([
    ["bytes after its properties", "e0 03 00 00 00"],
    ["properties that are cut off", "e0 03 00 05 11"],
    ["a server reference, which only a server sends", "e0 06 00 04 1c 00 01 61"],
  ])("with %s is malformed", (_what, hex) => {
    expect(() => readDisconnect(frameOf(hex), 5)).toThrow(malformed);
  });
});

describe("AUTH", () => {
  it("is read with its method and data", () => {
    const properties = { authenticationMethod: "m", authenticationData: Buffer.from([1]) };
    expect(readAuth(frameOf("f0 0a 18 08 15 00 01 6d 16 00 01 01"))).toEqual({ reasonCode: 0x18, properties });
  });

  it.each([
    ["no body: its code is 0, which a client does not send [MQTT-3.15.2-1]", "f0 00"],
    ["a reason code that a client does not send [MQTT-3.15.2-1]", "f0 06 00 04 15 00 01 6d"],
    ["no authentication method (3.15.2.2.2)", "f0 02 18 00"],
  ])("with %s is a protocol error", (_what, hex) => {
    expect(() => readAuth(frameOf(hex))).toThrow(violation);
  });

  it("with bytes after its properties is malformed", () => {
    expect(() => readAuth(frameOf("f0 07 18 04 15 00 01 6d 00"))).toThrow(malformed);
  });
});

describe("PUBACK, PUBREC, PUBREL and PUBCOMP", () => {
  const read = (hex: string, version: 3 | 4 | 5) => ({ ...readAcknowledgement(frameOf(hex), version, "PUBACK") });

  it("mean success where they have no reason code (3.4.2.1)", () => {
    for (const version of [3, 4, 5] as const)
      expect(read("40 02 12 34", version)).toEqual({ packetId: 0x1234, reasonCode: 0 });
  });

  it("are read with their reason code, with properties or without", () => {
    expect(read("40 03 00 01 97", 5)).toEqual({ packetId: 1, reasonCode: 0x97 });
    expect(read("40 04 00 01 10 00", 5)).toEqual({ packetId: 1, reasonCode: 0x10 });
    expect(read("40 08 00 01 80 04 1f 00 01 61", 5)).toEqual({ packetId: 1, reasonCode: 0x80 });
  });

  it("do not keep a reason code for the next one", () => {
    read("40 03 00 01 97", 5);
    expect(read("40 02 00 02", 5)).toEqual({ packetId: 2, reasonCode: 0 });
  });

  it.each([
    [5, "packet id 0 [MQTT-2.2.1-3]", "40 02 00 00"],
    [5, "packet id 0 and a reason code [MQTT-2.2.1-3]", "40 03 00 00 10"],
    [5, "no packet id", "40 00"],
    [5, "half a packet id", "40 01 00"],
    [5, "bytes after its properties", "40 05 00 01 00 00 00"],
    [5, "a property that it has not", "40 07 00 01 00 03 21 00 01"],
    [4, "packet id 0 [MQTT-2.3.1-1]", "40 02 00 00"],
    [4, "a reason code, which is MQTT 5's", "40 03 00 01 00"],
    [4, "half a packet id", "40 01 00"],
    [3, "bytes after its packet id", "40 04 00 01 00 00"],
  ] as const)("of level %i with %s are malformed", (version, _what, hex) => {
    expect(() => read(hex, version)).toThrow(malformed);
  });
});

describe("packets that the gateway writes", () => {
  it("are those of the connection's version", () => {
    const connack = { cmd: "connack", returnCode: 0, reasonCode: 0, sessionPresent: true } as const;
    expect(writeControlPacket(connack, 4).toString("hex")).toBe("20020100");
    expect(writeControlPacket({ ...connack, properties: { receiveMaximum: 5 } }, 5).toString("hex")).toBe(
      "2006010003210005",
    );
    expect(writeControlPacket({ cmd: "disconnect", reasonCode: 0x8e }, 5).toString("hex")).toBe("e0028e00");
  });
});
