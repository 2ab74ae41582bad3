import { describe, expect, it } from "vitest";
import { field, frame } from "../support/frame.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

/** Sends bytes on a connection that is accepted, and expects that the gateway answers with nothing but the close. */
async function expectClosed(bytes: Buffer | string): Promise<void> {
  const { port, log } = await startGateway();
  const client = await RawClient.connected(port);
  client.bytes(bytes);
  await client.closed;
  expect(client.packets).toEqual([]);
  expect(log.complaints).toHaveLength(1);
}

describe("the fixed header", () => {
  const legal: Record<number, Buffer[]> = {
    64: [Buffer.from([0, 1])],
    80: [Buffer.from([0, 1])],
    98: [Buffer.from([0, 1])],
    112: [Buffer.from([0, 1])],
    130: [Buffer.from([0, 1]), field("a"), Buffer.from([0])],
    162: [Buffer.from([0, 1]), field("a")],
    192: [],
    224: [],
  };
  const illegal = Object.entries(legal).flatMap(([first, body]) => {
    const type = Number(first) & 0xf0;
    const wrong = Array.from({ length: 16 }, (_, flags) => type | flags).filter((each) => each !== Number(first));
    return wrong.map((each) => ({ first: each.toString(16), bytes: frame(each, ...body) }));
  });

  it("closes the connection for reserved flags in any packet type [MQTT-2.2.2-1] [MQTT-2.2.2-2] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1]", async () => {
    const { port, log } = await startGateway();
    for (const { bytes } of illegal) {
      const client = await RawClient.connected(port);
      client.bytes(bytes);
      await client.closed;
      expect(client.packets).toEqual([]);
    }
    const codes = log.complaints.map(({ fields }) => fields.code);
    expect(codes).toEqual(illegal.map(() => "ERR_MALFORMED_PACKET"));
  });

  it("closes the connection for reserved flags in CONNECT [MQTT-2.2.2-2]", async () => {
    const { port } = await startGateway();
    for (let flags = 1; flags < 16; flags++) {
      const client = await RawClient.open(port);
      client.bytes(frame(0x10 | flags, field("MQTT"), [4, 2, 0, 0], field("a")));
      await client.closed;
      expect(client.packets).toEqual([]);
    }
  });

  it.each(["00 00", "02 00", "f0 00", "f2 00"])(
    "closes the connection for the reserved packet type in %s",
    async (bytes) => {
      await expectClosed(bytes);
    },
  );

  it("may have a remaining length of one to four bytes", async () => {
    const { port } = await startGateway();
    const client = await RawClient.connected(port);
    await client.subscribe({ a: 0 });
    for (const size of [1, 200, 20_000, 2_200_000]) {
      client.bytes(frame(0x30, field("a"), Buffer.alloc(size, 120)));
      expect((await client.message()).payload).toHaveLength(size);
    }
  });

  it("closes the connection for a remaining length of five bytes", async () => {
    await expectClosed("30 ff ff ff ff 01");
  });
});

describe("the packet id", () => {
  it.each([
    ["PUBACK", "40 02 00 00"],
    ["PUBREC", "50 02 00 00"],
    ["PUBREL", "62 02 00 00"],
    ["PUBCOMP", "70 02 00 00"],
    ["SUBSCRIBE", "82 06 00 00 00 01 61 00"],
    ["UNSUBSCRIBE", "a2 05 00 00 00 01 61"],
  ])("must not be 0 in %s [MQTT-2.3.1-1]", async (_name, bytes) => {
    await expectClosed(bytes);
  });

  it.each([
    ["PUBACK", "40 00"],
    ["PUBREC", "50 01 01"],
    ["PUBREL", "62 03 00 01 00"],
    ["PUBCOMP", "70 00"],
    ["SUBSCRIBE", "82 01 01"],
    ["UNSUBSCRIBE", "a2 00"],
  ])("must be there, whole and alone, in %s", async (_name, bytes) => {
    await expectClosed(bytes);
  });

  it("may be any other number; the answer has the same [MQTT-2.3.1-6] [MQTT-2.3.1-7]", async () => {
    const { port } = await startGateway();
    const client = await RawClient.connected(port);
    for (const messageId of [1, 255, 256, 65_535]) {
      client.send({ cmd: "subscribe", messageId, subscriptions: [{ topic: "a", qos: 0 }] });
      client.send({ cmd: "unsubscribe", messageId, unsubscriptions: ["a"] });
      client.publish("b", "x", { qos: 1, messageId });
      client.publish("b", "x", { qos: 2, messageId });
      client.send({ cmd: "pubrel", messageId });
      await client.ping();
      const answers = client.packets.splice(0).map((packet) => [packet.cmd, packet.messageId]);
      const expected = ["suback", "unsuback", "puback", "pubrec", "pubcomp"].map((cmd) => [cmd, messageId]);
      expect(answers).toEqual(expected);
    }
  });
});

describe("PINGREQ", () => {
  it("is answered with PINGRESP [MQTT-3.12.4-1]", async () => {
    const { port } = await startGateway();
    const client = await RawClient.connected(port);
    const answer = new Promise<Buffer>((resolve) => client.socket.once("data", resolve));
    client.bytes("c0 00");
    expect((await answer).toString("hex")).toBe("d000");
  });

  it("has no body", async () => {
    await expectClosed("c0 01 00");
  });
});

describe("a packet that only a server may send", () => {
  it.each([
    ["CONNACK", "20 02 00 00"],
    ["SUBACK", "90 03 00 01 00"],
    ["UNSUBACK", "b0 02 00 01"],
    ["PINGRESP", "d0 00"],
  ])("closes the connection: %s [MQTT-4.8.0-1]", async (_name, bytes) => {
    await expectClosed(bytes);
  });
});

describe("text", () => {
  it.each([
    ["SUBSCRIBE [MQTT-3.8.3-1]", (text: Buffer) => frame(0x82, [0, 1], text, [0])],
    ["UNSUBSCRIBE [MQTT-3.10.3-1]", (text: Buffer) => frame(0xa2, [0, 1], text)],
  ])("must be UTF-8 without surrogates and U+0000 in %s [MQTT-1.5.3-1] [MQTT-1.5.3-2]", async (_name, packet) => {
    for (const bytes of [
      [0x61, 0xff],
      [0xed, 0xa0, 0x80],
      [0x61, 0x00],
      [0xc0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
    ]) {
      await expectClosed(packet(field(bytes)));
    }
  });

  it.each([
    ["SUBSCRIBE without a filter [MQTT-3.8.3-3]", frame(0x82, [0, 1])],
    ["SUBSCRIBE with QoS 3 [MQTT-3-8.3-4]", frame(0x82, [0, 1], field("a"), [3])],
    ["SUBSCRIBE with reserved bits beside the QoS [MQTT-3-8.3-4]", frame(0x82, [0, 1], field("a"), [4])],
    ["SUBSCRIBE without a QoS", frame(0x82, [0, 1], field("a"))],
    ["SUBSCRIBE with an empty filter [MQTT-4.7.3-1]", frame(0x82, [0, 1], field(""), [0])],
    ["UNSUBSCRIBE without a filter [MQTT-3.10.3-2]", frame(0xa2, [0, 1])],
    ["UNSUBSCRIBE with an empty filter [MQTT-4.7.3-1]", frame(0xa2, [0, 1], field(""))],
    ["DISCONNECT with a body", frame(0xe0, [0])],
  ])("and fields must be whole: the connection is closed for %s", async (_what, bytes) => {
    await expectClosed(bytes);
  });
});
