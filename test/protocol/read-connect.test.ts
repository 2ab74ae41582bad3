import { describe, expect, it } from "vitest";
import type { FrameReader } from "../../src/protocol/frame-reader.ts";
import { answerVersion, readConnect } from "../../src/protocol/read-connect.ts";
import { type ClientPacket, type Version, wirePacket } from "../support/client-packet.ts";
import { field, frame } from "../support/frame.ts";
import { standingOn } from "../support/standing-on.ts";
import type { WireProperty } from "../support/wire-properties.ts";

type Connect = Extract<ClientPacket, { kind: "connect" }>;

function connect(packet: Partial<Connect> = {}, version: Version = 4): Buffer {
  const plain = { clean: true, clientId: "c", keepAliveSeconds: 5, properties: [] };
  return wirePacket({ kind: "connect", ...plain, ...packet }, version);
}

const read = (bytes: Buffer) => readConnect(standingOn(bytes));

/** A valid CONNECT with one byte changed: the protocol level is at 8, the connect flags are at 9. */
function changed(at: number, value: number, packet: Partial<Connect> = {}, version: Version = 4): Buffer {
  const bytes = connect(packet, version);
  bytes[at] = value;
  return bytes;
}

const will = { topic: "gone", payload: Buffer.from("x"), qos: 1 as const, retain: true, properties: [] };
const malformed = expect.objectContaining({ code: "ERR_MALFORMED_PACKET" });
const violation = expect.objectContaining({ code: "ERR_PROTOCOL_VIOLATION", reasonCode: 0x82 });

describe("CONNECT", () => {
  it("is read with all its fields", () => {
    const packet = read(connect({ clientId: "c-ö", username: "u", password: Buffer.from("p"), will, clean: false }));
    expect(packet).toMatchObject({ clientId: "c-ö", username: "u", keepalive: 5, clean: false, protocolVersion: 4 });
    expect(packet.will).toMatchObject({ topic: "gone", qos: 1, retain: true });
  });

  it("is read in MQTT 3.1 too, where user name and password may be missing although their flags are set", () => {
    expect(read(connect({}, 3))).toMatchObject({ protocolId: "MQIsdp", protocolVersion: 3 });
    expect(read(changed(11, 0xc2, {}, 3))).not.toHaveProperty("username");
  });

  it("of a bridge is read as one of its protocol: the highest bit of the level marks it", () => {
    expect(
      [3, 4, 5]
        .map((each) => each | 0x80)
        .map((level, i) => read(changed(i === 0 ? 10 : 8, level, {}, (level & 7) as Version)).protocolVersion),
    ).toEqual([3, 4, 5]);
  });

  it.each([3, 6, 0, 127])("of protocol MQTT level %i is refused with return code 1 [MQTT-3.1.2-2]", (level) => {
    const refused = { code: "ERR_CONNECT_REFUSED", returnCode: 1, reasonCode: 0x84 };
    expect(() => read(changed(8, level))).toThrow(expect.objectContaining(refused));
  });

  it.each([
    ["the reserved flag [MQTT-3.1.2-3]", 0x03],
    ["will QoS without a will [MQTT-3.1.2-11]", 0x0a],
    ["will retain without a will [MQTT-3.1.2-13]", 0x22],
    ["a user name that is not there [MQTT-3.1.2-17]", 0x82],
  ])("with %s is malformed in 3.1.1 and 5", (_what, flags) => {
    for (const version of [4, 5] as const) expect(() => read(changed(9, flags, {}, version))).toThrow(malformed);
  });

  it.each([
    ["will QoS 3 [MQTT-3.1.2-12]", changed(9, 0x3e, { will })],
    ["a password without a user name in 3.1.1 [MQTT-3.1.2-22]", changed(9, 0x42)],
    ["another protocol name [MQTT-3.1.2-1]", changed(5, 0x58)],
    ["a client id that is not UTF-8 [MQTT-3.1.3-4]", changed(14, 0xff)],
    ["a client id with U+0000 [MQTT-1.5.4-2]", changed(14, 0x00)],
  ])("with %s is malformed", (_what, bytes) => {
    expect(() => read(bytes)).toThrow(malformed);
  });

  it.each([4, 5] as const)(
    "of level %i is malformed wherever it is cut off, and with bytes after its end",
    (version) => {
      const properties: WireProperty[] = [{ name: "userProperty", value: ["name", "value"] }];
      const whole = connect(
        { username: "u", password: Buffer.from("p"), will: { ...will, properties }, properties },
        version,
      );
      for (let end = 3; end < whole.length; end++) {
        expect(() => readConnect({ chunk: whole, body: 2, end } as FrameReader), `cut to ${end}`).toThrow(malformed);
      }
      const longer = Buffer.concat([whole, Buffer.from([0])]);
      expect(() => readConnect({ chunk: longer, body: 2, end: longer.length } as FrameReader)).toThrow("bytes follow");
    },
  );
});

describe("CONNECT of MQTT 5", () => {
  const withProperties = (...properties: WireProperty[]) => connect({ properties }, 5);

  it("is read with its properties, and those of its will", () => {
    const lastWill: WireProperty[] = [
      { name: "willDelayInterval", value: 30 },
      { name: "userProperty", value: ["b", "1"] },
      { name: "messageExpiryInterval", value: 60 },
      { name: "userProperty", value: ["a", "2"] },
    ];
    const properties: WireProperty[] = [
      { name: "sessionExpiryInterval", value: 0xffffffff },
      { name: "receiveMaximum", value: 65_535 },
      { name: "maximumPacketSize", value: 1 },
      { name: "topicAliasMaximum", value: 0 },
      { name: "requestProblemInformation", value: 0 },
      { name: "requestResponseInformation", value: 1 },
      { name: "authenticationMethod", value: "" },
      { name: "authenticationData", value: Buffer.alloc(0) },
    ];
    const packet = read(connect({ properties, will: { ...will, properties: lastWill } }, 5));
    expect(packet.properties).toEqual({
      sessionExpiryInterval: 0xffffffff,
      receiveMaximum: 65_535,
      maximumPacketSize: 1,
      topicAliasMaximum: 0,
      requestProblemInformation: false,
      requestResponseInformation: true,
      authenticationMethod: "",
      authenticationData: Buffer.alloc(0),
    });
    expect(packet.will).toMatchObject({ topic: "gone", delaySeconds: 30 });
    expect(packet.will?.properties?.messageExpiryInterval).toBe(60);
    expect(packet.will?.properties?.userPropertyList()).toEqual([
      ["b", "1"],
      ["a", "2"],
    ]);
  });

  it("may have a password without a user name (3.1.2.9)", () => {
    expect(read(connect({ password: Buffer.from("token") }, 5))).toMatchObject({ password: Buffer.from("token") });
  });

  it.each([
    ["a receive maximum of 0 (3.1.2.11.3)", withProperties({ name: "receiveMaximum", value: 0 })],
    ["a maximum packet size of 0 (3.1.2.11.4)", withProperties({ name: "maximumPacketSize", value: 0 })],
    [
      "request response information of 2 (3.1.2.11.6)",
      withProperties({ name: "requestResponseInformation", value: 2 }),
    ],
    ["request problem information of 2 (3.1.2.11.7)", withProperties({ name: "requestProblemInformation", value: 2 })],
    [
      "authentication data without a method (3.1.2.11.10)",
      withProperties({ name: "authenticationData", value: Buffer.alloc(1) }),
    ],
  ])("with %s is a protocol error", (_what, bytes) => {
    expect(() => read(bytes)).toThrow(violation);
  });

  it("with properties that reach into the next field, or end before it, is malformed (2.2.2.1)", () => {
    const head = Buffer.concat([field("MQTT"), Buffer.from([5, 2, 0, 0])]);
    const section = Buffer.from([0x21, 0, 5]);
    for (const length of [0, 1, 2, 4, 5, 6, 100]) {
      expect(() => read(frame(0x10, head, [length], section, field("c"))), `${length}`).toThrow(
        expect.objectContaining({ name: "WaypostError" }),
      );
    }
    expect(read(frame(0x10, head, [3], section, field("c")))).toMatchObject({ clientId: "c" });
  });

  it("with a property length that is longer than it need be is malformed [MQTT-1.5.5-1]", () => {
    const head = Buffer.concat([field("MQTT"), Buffer.from([5, 2, 0, 0])]);
    expect(() => read(frame(0x10, head, [0x80, 0], field("c")))).toThrow(malformed);
    expect(() => read(frame(0x10, head, [0x80, 0x80, 0x80, 0x80, 1], field("c")))).toThrow(malformed);
  });
});

describe("the version in whose form a CONNECT is answered", () => {
  it.each([
    [5, connect({}, 5)],
    [4, connect({}, 4)],
    [4, connect({}, 3)],
    [5, changed(8, 0x85, {}, 5)],
    [5, changed(8, 6)],
    [4, changed(8, 3)],
    [4, frame(0x10)],
    [4, frame(0x10, field("MQTT"))],
    [4, frame(0x10, field("MQTTX"), [5])],
  ])("is %i, whatever else is wrong with it", (version, bytes) => {
    expect(answerVersion(standingOn(bytes))).toBe(version);
  });
});
