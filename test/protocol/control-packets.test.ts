import mqttPacket from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { readConnect, readSubscribe, readUnsubscribe } from "../../src/protocol/control-packets.ts";

const connect = (packet: object = {}) =>
  mqttPacket.generate({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    clientId: "c",
    keepalive: 5,
    ...packet,
  } as mqttPacket.Packet);

/** All test frames are short: their fixed header has two bytes. */
const readAll = (bytes: Buffer) => readConnect(bytes, 0, 2, bytes.length);

/** A valid CONNECT with one byte changed; the connect flags are at 9, the protocol level at 8. */
function changed(at: number, value: number, packet: object = {}): Buffer {
  const bytes = connect(packet);
  bytes[at] = value;
  return bytes;
}

const will = { topic: "gone", payload: Buffer.from("x"), qos: 1 as const, retain: true };

describe("CONNECT", () => {
  it("is read with all its fields", () => {
    const packet = readAll(connect({ clientId: "c-ö", username: "u", password: Buffer.from("p"), will, clean: false }));
    expect(packet).toMatchObject({ clientId: "c-ö", username: "u", keepalive: 5, clean: false, protocolVersion: 4 });
    expect(packet.will).toMatchObject({ topic: "gone", qos: 1, retain: true });
  });

  it("is read in MQTT 3.1 too", () => {
    expect(readAll(connect({ protocolId: "MQIsdp", protocolVersion: 3 }))).toMatchObject({ protocolVersion: 3 });
  });

  it.each([3, 5, 6, 0])("of protocol MQTT level %i is refused with return code 1 [MQTT-3.1.2-2]", (level) => {
    expect(() => readAll(changed(8, level))).toThrow(
      expect.objectContaining({ code: "ERR_CONNECT_REFUSED", returnCode: 1 }),
    );
  });

  it.each([
    ["the reserved flag [MQTT-3.1.2-3]", changed(9, 0x03)],
    ["will QoS without a will [MQTT-3.1.2-13]", changed(9, 0x0a)],
    ["will retain without a will [MQTT-3.1.2-15]", changed(9, 0x22)],
    ["will QoS 3 [MQTT-3.1.2-14]", changed(9, 0x3e, { will })],
    ["a password without a user name [MQTT-3.1.2-22]", changed(9, 0x42)],
    ["a user name that is not there", changed(9, 0x82)],
    ["another protocol name [MQTT-3.1.2-1]", changed(5, 0x58)],
    ["a client id that is not UTF-8 [MQTT-3.1.3-4]", changed(14, 0xff)],
    ["a client id with U+0000 [MQTT-1.5.3-2]", changed(14, 0x00)],
  ])("with %s is malformed", (_what, bytes) => {
    expect(() => readAll(bytes)).toThrow(expect.objectContaining({ code: "ERR_MALFORMED_PACKET" }));
  });

  it("is malformed wherever it is cut off, and with bytes after its end", () => {
    const whole = connect({ username: "u", password: Buffer.from("p"), will });
    for (let bytes = 2; bytes < whole.length; bytes++) {
      expect(() => readConnect(whole, 0, 2, bytes), `cut to ${bytes}`).toThrow(
        expect.objectContaining({ code: "ERR_MALFORMED_PACKET" }),
      );
    }
    const longer = Buffer.concat([whole, Buffer.from([0])]);
    expect(() => readConnect(longer, 0, 2, longer.length)).toThrow("bytes follow");
  });
});

describe("SUBSCRIBE and UNSUBSCRIBE", () => {
  const frame = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

  it("are read with all their filters", () => {
    const subscriptions = [
      { topic: "a/#", qos: 2 as const },
      { topic: "ö", qos: 0 as const },
    ];
    const subscribe = mqttPacket.generate({ cmd: "subscribe", messageId: 7, subscriptions });
    expect(readSubscribe(subscribe, 0, 2, subscribe.length)).toMatchObject({ messageId: 7, subscriptions });
    const unsubscribe = mqttPacket.generate({ cmd: "unsubscribe", messageId: 8, unsubscriptions: ["a", "b"] });
    expect(readUnsubscribe(unsubscribe, 0, 2, unsubscribe.length)).toMatchObject({
      messageId: 8,
      unsubscriptions: ["a", "b"],
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
  ])("SUBSCRIBE with %s is malformed", (_what, hex) => {
    const bytes = frame(hex);
    expect(() => readSubscribe(bytes, 0, 2, bytes.length)).toThrow(
      expect.objectContaining({ code: "ERR_MALFORMED_PACKET" }),
    );
  });

  it.each([
    ["no filter [MQTT-3.10.3-2]", "a2 02 00 01"],
    ["packet id 0 [MQTT-2.3.1-1]", "a2 05 00 00 00 01 61"],
    ["a filter that is not UTF-8 [MQTT-3.10.3-1]", "a2 05 00 01 00 01 ff"],
  ])("UNSUBSCRIBE with %s is malformed", (_what, hex) => {
    const bytes = frame(hex);
    expect(() => readUnsubscribe(bytes, 0, 2, bytes.length)).toThrow(
      expect.objectContaining({ code: "ERR_MALFORMED_PACKET" }),
    );
  });
});
